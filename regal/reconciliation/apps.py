from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "regal.reconciliation"
    label = "reconciliation"
