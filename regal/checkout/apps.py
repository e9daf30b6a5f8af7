from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    name = "regal.checkout"
    label = "checkout"
