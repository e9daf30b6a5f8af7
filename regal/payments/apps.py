from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "regal.payments"
    label = "payments"
