"""A worker outlives the loss of its database, in all that it does."""

import asyncio

from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, connections

from regal.config.management.commands import worker


def lose_the_connection() -> None:
    """What PostgreSQL killed under a running worker leaves behind."""
    connection.ensure_connection()
    assert connection.connection is not None
    connection.connection.close()
    connection.errors_occurred = True


def ask() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


def test_hands_out_its_duties_again_after_the_database_was_lost(committed_db, monkeypatch):
    answers: list[object] = []

    async def work_once(**options):
        if not answers:
            answers.append("lost")
            await sync_to_async(lose_the_connection)()
            raise OperationalError
        answers.append(await sync_to_async(ask)())
        await asyncio.Event().wait()

    async def until_it_works_again():
        working = asyncio.create_task(worker.work(places={"effects": 1}, name="test"))
        while len(answers) < 2 and not working.done():
            await asyncio.wait({working}, timeout=0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await sync_to_async(connections.close_all)()

    monkeypatch.setattr(worker, "_work_once", work_once)
    monkeypatch.setattr(worker, "PAUSE_AFTER_A_LOSS_SECONDS", 0)
    asyncio.run(asyncio.wait_for(until_it_works_again(), timeout=20))
    assert answers == ["lost", 1]
