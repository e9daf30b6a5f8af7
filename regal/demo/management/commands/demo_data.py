"""`regal demo_data`: write what is missing of the demonstration."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from regal.demo.data import load, moment


class Command(BaseCommand):
    help = "Écrit les données de la démonstration."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Les données de démonstration n’entrent que dans une démonstration (REGAL_DEMO=1).")
        load(now=moment())
