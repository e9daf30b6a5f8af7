import importlib
import os
import signal
from collections.abc import Callable
from typing import Any

from django.core import checks
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from regal.lib import ports
from regal.lib.bound_process import end_with_parent

DOORS = ("guichet", "bureau")
LONGEST_DRAIN_SECONDS = 30


class Command(BaseCommand):
    help = "Sert le guichet (pages publiques) ou le bureau (agents)."
    requires_system_checks = ()  # ours are stricter, below

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("door", choices=DOORS, help="guichet ou bureau")
        parser.add_argument("--bind", default=os.environ.get("REGAL_BIND") or "127.0.0.1", help="adresse d’écoute")
        parser.add_argument("--port", type=int, help="port d’écoute (REGAL_PORT, et le suivant pour le bureau)")
        parser.add_argument("--workers", type=int, default=1, help="processus ; plus d’un par cœur ne gagne rien")
        parser.add_argument("--threads", type=int, default=8, help="requêtes traitées à la fois par processus")

    def handle(self, *args: Any, **options: Any) -> None:
        door: str = options["door"]
        bind: str = options["bind"]
        port: int = options["port"] or int(os.environ.get("REGAL_PORT") or "8000") + DOORS.index(door)
        in_demo = os.environ.get("REGAL_DEMO") == "1"
        self._check(deployment=not in_demo)
        if not ports.is_free(port, bind):
            raise CommandError(
                f"Le port {port} de {bind} est déjà pris : choisissez-en un autre pour le {door} (--port)."
            )
        for connection in connections.all(initialized_only=True):  # nothing may be shared with the workers
            connection.close()
            getattr(connection, "close_pool", lambda: None)()
        Granian(
            f"regal.config.wsgi_{door}:application",
            address=bind,
            port=port,
            interface=Interfaces.WSGI,
            workers=options["workers"],
            blocking_threads=options["threads"],
            backpressure=options["threads"] * 8,
            http1_settings=HTTP1Settings(header_read_timeout=10_000),
            respawn_failed_workers=True,
            respawn_interval=0.5,
            workers_kill_timeout=4 if in_demo else LONGEST_DRAIN_SECONDS,
            log_level=LogLevels.error,
            websockets=False,
        ).serve(target_loader=load_in_worker)

    def _check(self, *, deployment: bool) -> None:
        found = checks.run_checks(include_deployment_checks=deployment)
        if not any(message.is_serious() and not message.is_silenced() for message in found):
            found += checks.run_checks(tags=[checks.Tags.database], databases=["default"])
        for message in found:
            if not message.is_silenced():
                self.stderr.write(str(message.msg))
        if any(message.is_serious() and not message.is_silenced() for message in found):
            raise CommandError("Les réglages ci-dessus sont à corriger avant de démarrer.")


def load_in_worker(target: str) -> Callable[..., Any]:
    """Load the application in a process that ends with the one that starts it."""
    end_with_parent(signal.SIGTERM)
    module, _, name = target.partition(":")
    application: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return application
