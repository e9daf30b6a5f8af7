"""`regal demo_faults`: play the trials that the demonstration's panel of faults asks for."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from regal.demo.environment import var_folder
from regal.demo.notebook import Notebook
from regal.demo.trials import serve


class Command(BaseCommand):
    help = "Joue les essais de panne de la démonstration."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Les pannes ne se jouent que dans une démonstration (REGAL_DEMO=1).")
        serve(Notebook(var_folder()))
