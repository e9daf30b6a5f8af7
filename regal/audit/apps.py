from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "regal.audit"
    label = "audit"
