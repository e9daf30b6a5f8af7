"""The sandbox in one object: applications to serve, and verbs to drive it without sockets."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from regal_sandbox.clock import TimeSource, real_time
from regal_sandbox.config import Config, apply_config, is_configured, load_config
from regal_sandbox.control import control_app
from regal_sandbox.mail import MailOutbox, MailTransport
from regal_sandbox.mailbox import store_mail
from regal_sandbox.notifications import NotificationOutbox, NotificationTransport, send_over_http
from regal_sandbox.page_faults import PageFaults
from regal_sandbox.pages import pages_app
from regal_sandbox.paris import paris_day
from regal_sandbox.paybox_control import describe_payments, forge
from regal_sandbox.paybox_messages import PayboxOutbox
from regal_sandbox.paybox_payments import conclude_pending
from regal_sandbox.paybox_remises import collect_due
from regal_sandbox.paybox_second_host import SecondHost
from regal_sandbox.store import Store
from regal_sandbox.town_pages import town_app
from regal_sandbox.transactions import describe_idops
from regal_sandbox.world import World

if TYPE_CHECKING:
    from regal_sandbox.in_process import InProcessTransport


class Sandbox:
    """Made by `create`. `pages`, `control` and `towns` are Flask (WSGI) applications."""

    def __init__(
        self,
        world: World,
        config: Config,
        *,
        send_notification: NotificationTransport,
        send_mail: MailTransport | None,
        town_count: int,
    ) -> None:
        self.world = world
        self.config = config
        self.notifications = NotificationOutbox(world, send_notification)
        self.paybox = PayboxOutbox(world, send_notification, conclude=conclude_pending)
        self.mails = MailOutbox(world, send_mail or self._drop_in_mailbox)
        self.pages: Flask = pages_app(world)
        self.pages.wsgi_app = SecondHost(PageFaults(world, self.pages.wsgi_app))  # type: ignore[method-assign]
        self.control: Flask = control_app(world, reset=self.reset, deliver_due=self.deliver_due, town_count=town_count)
        self.towns: tuple[Flask, ...] = tuple(town_app(world, position) for position in range(town_count))

    def now(self) -> datetime:
        return self.world.now()

    def transport(self) -> "InProcessTransport":
        """For `httpx.Client(transport=…)`: the pages and the web service, without sockets; see `in_process.py`."""
        from regal_sandbox.in_process import InProcessTransport  # httpx is slow to import, and the program does without

        return InProcessTransport(self.pages)

    def idops(self, *, numcli: str | None = None, refdet: str | None = None) -> list[dict[str, Any]]:
        """The truth about every payment of the web service, the oldest first; see `GET /idops`."""
        with self.world.store.transaction() as db:
            return describe_idops(self.world, db, numcli=numcli, refdet=refdet)

    def paybox_payments(self, *, merchant: str | None = None, reference: str | None = None) -> list[dict[str, Any]]:
        """The truth about every payment at Paybox, the oldest first; see `GET /paybox/payments`."""
        with self.world.store.transaction() as db:
            return describe_payments(self.world, db, merchant=merchant, reference=reference)

    @property
    def paybox_public_key(self) -> str:
        """PEM, as at `/pubkey.pem`."""
        return self.world.paybox_key.public_pem()

    def paybox_forge(self, variables: str, name: str = "Sign") -> str:
        """These variables, signed by the key that signs for all of Paybox's merchants; see `POST /paybox/forge`."""
        return forge(self.world, variables, name)

    def close_remises(self) -> bool:
        """Close Paybox's remises of the nights that have passed; whether there were any."""
        with self.world.store.transaction() as db:
            return bool(collect_due(self.world, db))

    def deliver_due(self) -> int:
        """Close Paybox's remises of the nights that have passed, then send every notification, call and e-mail that is
        due now; how many were tried."""
        self.close_remises()
        tried = 0
        while self.notifications.deliver_one():
            tried += 1
        while self.paybox.deliver_one():
            tried += 1
        while self.mails.deliver_one():
            tried += 1
        return tried

    def reset(self, seed: str | None = None) -> None:
        """Forget everything, the moved clock included, and start again from the configuration."""
        with self.world.store.transaction():
            self.world.store.empty()
            self.world.sow(seed)
            apply_config(self.world.store, self.config, fresh=True)

    def close(self) -> None:
        self.world.store.close()

    def _drop_in_mailbox(self, message: EmailMessage) -> None:
        recipient = str(message["To"])
        store_mail(self.world, sender=str(message["From"]), recipients=[recipient], raw=message.as_bytes())


def create(
    *,
    data: Path | None = None,
    config: Config | Mapping[str, object] | None = None,
    clock: TimeSource = real_time,
    seed: str | None = None,
    send_notification: NotificationTransport = send_over_http,
    send_mail: MailTransport | None = None,
    town_count: int = 2,
    pause: Callable[[float], None] = time.sleep,
) -> Sandbox:
    """A sandbox, in memory unless `data` names a folder; nothing listens and nothing runs in the background.

    `clock` returns aware datetimes; `pause` waits real seconds, for pages told to be slow. `send_mail` receives the
    tickets; by default they go straight to the mailbox. With a `seed`, generated values (`numauto`, addresses of pages)
    are the same each time. Raises BadShape when `config` is not as documented.
    """
    known = config if isinstance(config, Config) else load_config(config, today=paris_day(clock()))
    store = Store(data)
    world = World(store, source=clock, seed=seed, pause=pause)
    fresh = not is_configured(store)
    if fresh or config is not None:
        apply_config(store, known, fresh=fresh)
    return Sandbox(world, known, send_notification=send_notification, send_mail=send_mail, town_count=town_count)
