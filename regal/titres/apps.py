from django.apps import AppConfig


class TitresConfig(AppConfig):
    name = "regal.titres"
    label = "titres"
