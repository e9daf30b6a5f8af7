from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "regal.config"
    label = "config"
