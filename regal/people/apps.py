from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "regal.people"
    label = "people"
