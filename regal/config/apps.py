from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "regal.config"
    label = "config"

    def ready(self) -> None:
        """Register the checks of the settings; have French count as French does."""
        from regal.config import checks  # noqa: F401
        from regal.lib import french_plurals

        french_plurals.install()
