import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.utils import connector_params

from regal.agenda.operations import QUEUE
from regal.config.jobs import QUESTIONS

logger = logging.getLogger(__name__)

PAUSE_AFTER_A_LOSS_SECONDS = 0.5
SECONDS_TO_CLOSE = 4  # connections, threads


class Command(BaseCommand):
    help = "Exécute les travaux : vérifications, courriels, webhooks, tâches de nuit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="travaux menés à la fois")
        parser.add_argument("--questions", type=int, default=4, help="questions posées à la fois aux passerelles")
        parser.add_argument("--name", default=f"worker-{os.getpid()}", help="nom de ce processus dans les journaux")

    def handle(self, *args: Any, **options: Any) -> None:
        places = {QUEUE: options["concurrency"], QUESTIONS: options["questions"]}
        asyncio.run(work(places=places, name=options["name"]))


async def work(*, places: Mapping[str, int], name: str) -> None:
    """Work until told to stop, and start again whenever PostgreSQL goes away and comes back."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=sum(places.values())))  # a thread for each place

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
        # Whoever hands out the duties that come round uses Django's connection: a lost one would stay lost.
        await sync_to_async(close_old_connections)()
        working = asyncio.create_task(_work_once(places=places, name=name))
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


async def _work_once(*, places: Mapping[str, int], name: str) -> None:
    """Work on one set of connections; ends when one of them is lost. Each queue has its own places.

    Only the worker's own reading of the queues uses them: a task that defers a job keeps using Django's connection, and
    so does it in its own transaction. (That is why the connector is not replaced for the whole application.)
    """
    connector = PsycopgConnector(
        kwargs=connector_params("default"),
        min_size=1,
        max_size=sum(places.values()) + 2 * len(places),
        timeout=2,
        reconnect_timeout=2,
    )
    app: App = django_app.with_connector(connector)
    async with app.open_async():
        queues = [
            asyncio.create_task(
                app.run_worker_async(
                    queues=[queue],
                    name=f"{name}-{queue}",
                    concurrency=concurrency,
                    fetch_job_polling_interval=2,
                    listen_notify=True,
                    delete_jobs="always",  # the history of effects is ours (`agenda`); a job only carries one
                    shutdown_graceful_timeout=_grace_seconds(),
                    install_signal_handlers=False,
                )
            )
            for queue, concurrency in places.items()
        ]
        try:
            await asyncio.wait(queues, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for working in queues:
                working.cancel()
            ended = await asyncio.gather(*queues, return_exceptions=True)
        for end in ended:
            if isinstance(end, Exception):
                raise end


def _grace_seconds() -> float:
    """How long jobs already begun may still take once we are told to stop."""
    return 4 if os.environ.get("REGAL_DEMO") == "1" else 60
