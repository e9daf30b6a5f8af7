from django.apps import AppConfig


class CollectivitesConfig(AppConfig):
    name = "regal.collectivites"
    label = "collectivites"
