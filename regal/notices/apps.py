from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "regal.notices"
    label = "notices"
