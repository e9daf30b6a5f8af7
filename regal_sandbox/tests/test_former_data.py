"""A data folder written by an earlier version is brought to today's tables when it is opened."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from regal_sandbox import Sandbox, create
from regal_sandbox.store import Store
from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Listener, Payer, Time

FORMER_SCHEMA = Path(__file__).with_name("former_schema.sql").read_text("utf-8")
OPENED = "2026-03-16T10:50:00.000000+00:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three transactions of the former version: one paid, one at its recap, one deleted since."""
    client: dict[str, object] = {
        "numcli": NUMCLI,
        "kind": "titre",
        "labels": ["", "", ""],
        "phase": "test",
        "active_from": None,
    }
    client["options"] = {"test_debts": True, "ticket_copy_to": None, "max_cents": None}
    settings = {"error_status": 418, "messages": {"kind_not_played": {"code": "", "message": "Pas encore."}}}
    with closing(sqlite3.connect(tmp_path / "sandbox.sqlite3")) as db:
        db.executescript(FORMER_SCHEMA)
        db.execute("INSERT INTO clients VALUES (?, ?)", (NUMCLI, json.dumps(client)))
        db.execute("INSERT INTO settings VALUES ('settings', ?)", (json.dumps(settings),))
        db.execute("INSERT INTO settings VALUES ('configured', 'true'), ('seed', '\"graine\"')")
        for number, refdet, state in ((1, REFDET, "paid"), (2, "202600000043000001", "recap"), (3, "x", "recap")):
            db.execute(
                "INSERT INTO transactions (id, token, numcli, exer, refdet, objet, montant, mel, urlcl, saisie,"
                " on_debt, state, opened_at, decided_at, numauto)"
                " VALUES (?, ?, ?, '2026', ?, '', 4850, 'leroy@exemple.fr',"
                " 'https://site.exemple.fr/', 'T', 1, ?, ?, ?, ?)",
                (number, f"jeton{number}", NUMCLI, refdet, state, OPENED, OPENED, "abc123" if number == 1 else ""),
            )
        db.execute("DELETE FROM transactions WHERE id = 3")
        for refdet, state, paid_by in ((REFDET, "paid", 1), ("202600000043000001", "due", None)):
            db.execute(
                "INSERT INTO debts VALUES (?, ?, '2026', 4850, '', ?, '2026-03-10', NULL, ?)",
                (NUMCLI, refdet, state, paid_by),
            )
        db.execute(
            "INSERT INTO notifications (transaction_id, cause, url, fields, transport, due_at, state)"
            " VALUES (1, 'outcome', 'https://site.exemple.fr/', '{\"resultrans\": \"P\"}', 'body', ?, 'pending')",
            (OPENED,),
        )
        db.commit()
    return tmp_path


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def sandbox(folder: Path, listener: Listener) -> Sandbox:
    return create(data=folder, clock=Time(), send_notification=listener)


class TestFormerData:
    def test_tells_what_was_paid_as_before(self, control: Control) -> None:
        paid = control("GET", "/transactions/1")
        told = (paid["state"], paid["means"], paid["entry"], paid["resultrans"], paid["numauto"])
        assert told == ("paid", "card", "form", "P", "abc123")
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["paid_by"] == 1

    def test_carries_on_with_what_was_open(self, payer: Payer, control: Control) -> None:
        payer.address = "/tpa/transaction/jeton2"
        payer.press("continuer")
        assert "Paiement accepté" in payer.press("payer")

    def test_sends_what_was_to_be_sent(self, sandbox: Sandbox, listener: Listener) -> None:
        sandbox.deliver_due()
        assert listener.bodies == [{"resultrans": "P"}]

    def test_keeps_its_settings_but_for_the_words_of_dropped_rules(self, control: Control) -> None:
        settings = control("GET", "/settings")
        assert (settings["error_status"], settings["messages"]) == (418, {})

    def test_keeps_its_settings_but_for_those_no_longer_accepted(self, sandbox: Sandbox, control: Control) -> None:
        told = control("GET", "/settings") | {"error_status": 204, "three_d_secure": True}
        with sandbox.world.store.transaction() as db:
            db.execute("UPDATE settings SET value = ? WHERE name = 'settings'", (json.dumps(told),))
        settings = control("GET", "/settings")
        assert (settings["error_status"], settings["three_d_secure"]) == (200, True)

    def test_knows_its_clients_without_siret(self, sandbox: Sandbox, control: Control) -> None:
        assert "siret" not in control("GET", f"/clients/{NUMCLI}")
        answer = sandbox.control.test_client().get(f"/statements/{NUMCLI}")
        assert (answer.status_code, b'IdColl V="2199' in answer.data) == (200, True)

    def test_gives_no_number_twice(self, payer: Payer, control: Control) -> None:
        payer.open(exer="9999", refdet="999900000000999999")
        assert [one["id"] for one in control("GET", "/transactions")["transactions"]] == [1, 2, 4]

    def test_has_the_tables_of_a_new_folder(self, sandbox: Sandbox, folder: Path) -> None:
        shape = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
        with Store().transaction() as new, sandbox.world.store.transaction() as old:
            assert [tuple(row) for row in old.execute(shape)] == [tuple(row) for row in new.execute(shape)]
            assert old.execute("PRAGMA foreign_key_check").fetchall() == []
            assert old.execute("PRAGMA foreign_keys").fetchone()[0] == 1

    def test_is_opened_again_without_further_change(self, sandbox: Sandbox, folder: Path) -> None:
        with sandbox.world.store.transaction() as db:
            before = db.execute("PRAGMA schema_version").fetchone()[0]
        with Store(folder).transaction() as db:
            assert db.execute("PRAGMA schema_version").fetchone()[0] == before
