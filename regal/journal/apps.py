from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "regal.journal"
    label = "journal"
