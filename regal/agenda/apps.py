from django.apps import AppConfig


class AgendaConfig(AppConfig):
    name = "regal.agenda"
    label = "agenda"
