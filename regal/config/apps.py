from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "regal.config"
    label = "config"

    def ready(self) -> None:
        """Register the checks of the settings."""
        from regal.config import checks  # noqa: F401
