from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "regal.demo"
    label = "demo"
