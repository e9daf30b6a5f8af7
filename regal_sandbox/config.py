"""What the sandbox knows when it starts: clients, debts, merchants, towns, settings, from a JSON file or a dict.

Each top-level member given replaces the built-in one of the same name (`defaults.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from regal_sandbox.clients import Client, client_from_json, find_client, keep_activations, write_client
from regal_sandbox.clock import real_time
from regal_sandbox.debts import Debt, check_fits, debt_from_json, write_debt
from regal_sandbox.defaults import defaults
from regal_sandbox.paris import paris_day
from regal_sandbox.paybox_merchants import (
    Merchant,
    find_merchant,
    keep_addresses,
    merchant_from_json,
    write_merchant,
)
from regal_sandbox.settings import Settings, settings_from_json, write_settings
from regal_sandbox.shapes import BadShape, Shape
from regal_sandbox.store import Store
from regal_sandbox.towns import Town, town_from_json, write_town


@dataclass(frozen=True, kw_only=True)
class Config:
    clients: tuple[Client, ...]
    debts: tuple[Debt, ...]
    towns: tuple[Town, ...]
    settings: Settings
    merchants: tuple[Merchant, ...] = ()
    smtp: tuple[str, int] | None = None  # where tickets go; None: the sandbox's own mailbox


def load_config(told: Mapping[str, object] | None = None, *, today: date | None = None) -> Config:
    """`today` is the day on which the built-in debts are as fresh as can be. Raises BadShape."""
    told = told or {}
    shape = Shape(defaults(today or paris_day(real_time())) | dict(told), "config")
    clients = tuple(client_from_json(one) for one in shape.items("clients"))
    config = Config(
        clients=clients,
        debts=_debts(shape.items("debts"), clients, built_in="debts" not in told),
        towns=tuple(town_from_json(one) for one in shape.items("towns")),
        settings=settings_from_json(shape.mapping("settings")),
        merchants=tuple(merchant_from_json(one) for one in shape.items("merchants")),
        smtp=_smtp(shape.mapping("smtp")) if shape.has("smtp") else None,
    )
    shape.done()
    return config


def _debts(told: list[object], clients: tuple[Client, ...], *, built_in: bool) -> tuple[Debt, ...]:
    """The debts of these clients; the built-in ones that do not suit them are left out."""
    known = {client.numcli: client for client in clients}
    debts = []
    for debt in map(debt_from_json, told):
        if built_in and debt.numcli not in known:
            continue
        try:
            check_fits(debt, known.get(debt.numcli))
        except BadShape:
            if not built_in:
                raise
        else:
            debts.append(debt)
    return tuple(debts)


def _smtp(value: object) -> tuple[str, int]:
    shape = Shape(value, "smtp")
    target = (shape.text("host"), shape.integer("port", least=1, most=65535))
    shape.done()
    return target


def load_config_file(path: Path) -> Config:
    """Raises BadShape, or OSError when the file cannot be read."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except ValueError as problem:
        raise BadShape(f"{path}: not JSON ({problem})") from None
    if not isinstance(told, dict):
        raise BadShape(f"{path}: an object is expected")
    return load_config(told)


def apply_config(store: Store, config: Config, *, fresh: bool) -> None:
    """Put the configuration in the store.

    On a store already in use (`fresh` false) the file wins for clients, towns and settings, but a debt already there
    is left alone (it may have been paid) and so are the day on which an activation payment opened a client and the
    addresses registered for a merchant, unless the file brings some.
    """
    with store.transaction() as db:
        write_settings(db, config.settings)
        for client in config.clients:
            known = find_client(db, client.numcli)
            if known is not None and not fresh:
                client = keep_activations(client, known)
            write_client(db, client)
        for merchant in config.merchants:
            registered = find_merchant(db, merchant.key)
            if registered is not None and not fresh:
                merchant = keep_addresses(merchant, registered)
            write_merchant(db, merchant)
        for debt in config.debts:
            write_debt(db, debt, keep_existing=True)
        for position, town in enumerate(config.towns):
            write_town(db, position, town)
        db.execute("INSERT OR REPLACE INTO settings VALUES ('configured', 'true')")


def is_configured(store: Store) -> bool:
    with store.transaction() as db:
        return db.execute("SELECT 1 FROM settings WHERE name = 'configured'").fetchone() is not None
