from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    name = "regal.receipts"
    label = "receipts"
