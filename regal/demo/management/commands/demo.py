from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Lance toute la démonstration dans un terminal ; Ctrl-C arrête tout."

    def handle(self, *args: Any, **options: Any) -> None:
        """Only here to be listed and explained: `regal.config.cli` runs the demonstration before Django starts."""
        from regal.demo.supervisor import main

        main([])
