import asyncio
import contextlib
import logging
import os
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.utils import connector_params

logger = logging.getLogger(__name__)

PAUSE_AFTER_A_LOSS_SECONDS = 0.5
SECONDS_TO_CLOSE = 4  # connections, threads


class Command(BaseCommand):
    help = "Exécute les travaux : vérifications, courriels, webhooks, tâches de nuit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="travaux menés à la fois")
        parser.add_argument("--name", default=f"worker-{os.getpid()}", help="nom de ce processus dans les journaux")

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(work(concurrency=options["concurrency"], name=options["name"]))


async def work(*, concurrency: int, name: str) -> None:
    """Work until told to stop, and start again whenever PostgreSQL goes away and comes back."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        # A job that waits on a database which is gone could hold us for ever; whatever it began is begun again.
        at_last = threading.Timer(_grace_seconds() + SECONDS_TO_CLOSE, os._exit, [1])
        at_last.daemon = True
        at_last.start()

    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, stop)
    told_to_stop = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        working = asyncio.create_task(_work_once(concurrency=concurrency, name=name))
        await asyncio.wait({working, told_to_stop}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            working.cancel()  # procrastinate finishes the jobs it has begun
        try:
            await working
        except asyncio.CancelledError:
            pass
        except Exception as error:
            logger.warning("the worker lost its database: %s", type(error).__name__)
        if not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), PAUSE_AFTER_A_LOSS_SECONDS)


async def _work_once(*, concurrency: int, name: str) -> None:
    """Work on one set of connections; ends when one of them is lost.

    Only the worker's own reading of the queue uses them: a task that defers a job keeps using Django's connection, and
    so does it in its own transaction. (That is why the connector is not replaced for the whole application.)
    """
    connector = PsycopgConnector(
        kwargs=connector_params("default"), min_size=1, max_size=concurrency + 2, timeout=2, reconnect_timeout=2
    )
    app: App = django_app.with_connector(connector)
    async with app.open_async():
        await app.run_worker_async(
            name=name,
            concurrency=concurrency,
            fetch_job_polling_interval=2,
            listen_notify=True,
            delete_jobs="always",  # the history of effects is ours (`agenda`); a job is only what carries one
            shutdown_graceful_timeout=_grace_seconds(),
            install_signal_handlers=False,
        )


def _grace_seconds() -> float:
    """How long jobs already begun may still take once we are told to stop."""
    return 4 if os.environ.get("REGAL_DEMO") == "1" else 60
