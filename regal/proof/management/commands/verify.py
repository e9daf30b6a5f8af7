"""`regal verify`: every invariant, in one snapshot.

What people have left undone (a case that nobody has looked at) is said and does not fail: no software mends it.
"""

import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from regal.proof.operations import verify


class Command(BaseCommand):
    help = "Vérifie tous les invariants d’un même instant : une ligne par anomalie, code de retour 0 s’il n’y en a pas."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="écrit le résultat en JSON, pour un programme")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        report = verify(now=datetime.now(UTC))
        milliseconds = int((time.perf_counter() - started) * 1000)
        if options["json"]:
            answer = asdict(report) | {"milliseconds": milliseconds}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1))
        else:
            for row in report.broken:
                self.stdout.write(str(row))
            for row in report.late:
                self.stdout.write(f"en retard : {row}")
            found = f"{len(report.broken)} anomalie(s)"
            self.stdout.write(f"{report.invariants} invariants, {report.rows} lignes, {milliseconds} ms : {found}")
        if report.broken:
            sys.exit(1)
