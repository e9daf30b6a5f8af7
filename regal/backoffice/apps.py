from django.apps import AppConfig


class BackofficeConfig(AppConfig):
    name = "regal.backoffice"
    label = "backoffice"
