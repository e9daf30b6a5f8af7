"""An SMTP server that accepts every message and puts it in the mailbox, unless a rule of `faults.py` refuses it."""

import asyncio
import socket
import threading
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from regal_sandbox.faults import consume_mail_fault
from regal_sandbox.mailbox import store_mail
from regal_sandbox.world import World

MAX_MESSAGE_BYTES = 10 * 1024 * 1024


class SinkHandler:
    """aiosmtpd's handler protocol."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        sender, recipients = envelope.mail_from or "", [str(one) for one in envelope.rcpt_tos]
        with self._world.store.transaction() as db:
            fault = consume_mail_fault(db, sender=sender, recipients=recipients, now=self._world.now())
        if fault is not None:
            return "451 4.3.0 The mailbox is unavailable: a failure that was asked for"
        content = envelope.original_content or b""
        store_mail(
            self._world,
            sender=sender,
            recipients=recipients,
            raw=content,
        )
        return "250 2.0.0 Message kept in the mailbox"


class SmtpSink:
    """Runs on a socket already bound, in a thread of its own."""

    def __init__(self, world: World, listener: socket.socket) -> None:
        self._world = world
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smtp", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        handler = SinkHandler(self._world)

        def protocol() -> Any:
            return SMTP(
                handler,
                hostname="bac-a-sable",
                ident="bac-a-sable",
                data_size_limit=MAX_MESSAGE_BYTES,
                enable_SMTPUTF8=True,
                loop=self._loop,
            )

        server = self._loop.run_until_complete(self._loop.create_server(protocol, sock=self._listener))
        self._loop.call_soon(self._ready.set)
        try:
            self._loop.run_forever()
        finally:
            server.close()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
