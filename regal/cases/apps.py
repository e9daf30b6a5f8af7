from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "regal.cases"
    label = "cases"
