"""What was acknowledged outlives the process; what was to be sent is sent by the next one."""

from pathlib import Path

import pytest

from regal_sandbox import Sandbox, create
from regal_sandbox.config import load_config, load_config_file
from regal_sandbox.shapes import BadShape
from regal_sandbox.store import Store
from regal_sandbox.tests.cast import CONFIG, NUMCLI, REFDET, Control, Listener, Payer, Time


def start(folder: Path, listener: Listener, config: dict[str, object] | None = None) -> Sandbox:
    return create(data=folder, config=config or CONFIG, clock=Time(), send_notification=listener)


class TestRestart:
    def test_sends_what_the_former_process_had_not(self, tmp_path: Path) -> None:
        Payer(start(tmp_path, Listener()).pages.test_client()).pay()  # and the process dies here
        listener = Listener()
        start(tmp_path, listener).deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["P"]

    def test_sends_again_what_was_sent_but_not_noted(self, tmp_path: Path) -> None:
        class Killed(BaseException):
            pass

        def die(request: object) -> None:
            raise Killed

        former = Listener(reply=die)  # type: ignore[arg-type]
        sandbox = start(tmp_path, former)
        Payer(sandbox.pages.test_client()).pay()
        with pytest.raises(Killed):
            sandbox.deliver_due()
        listener = Listener()
        start(tmp_path, listener).deliver_due()
        assert listener.heard == former.heard

    def test_does_not_send_twice_what_was_answered(self, tmp_path: Path) -> None:
        sandbox = start(tmp_path, Listener())
        Payer(sandbox.pages.test_client()).pay()
        sandbox.deliver_due()
        assert start(tmp_path, Listener()).deliver_due() == 0

    def test_keeps_open_transactions_and_the_moved_clock(self, tmp_path: Path) -> None:
        sandbox = start(tmp_path, Listener())
        payer = Payer(sandbox.pages.test_client())
        payer.open()
        payer.press("continuer")
        Control(sandbox)("POST", "/clock/advance", {"seconds": 60})
        again = start(tmp_path, Listener())
        assert Control(again)("GET", "/clock")["offset_seconds"] == 60
        payer.browser = again.pages.test_client()
        assert "Paiement accepté" in payer.press("payer")

    def test_does_not_make_a_paid_debt_due_again(self, tmp_path: Path) -> None:
        Payer(start(tmp_path, Listener()).pages.test_client()).pay()
        assert Control(start(tmp_path, Listener()))("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "paid"

    def test_takes_the_clients_of_the_new_configuration(self, tmp_path: Path) -> None:
        start(tmp_path, Listener())
        changed = CONFIG | {"clients": [{"numcli": NUMCLI, "phase": "closed"}]}
        again = start(tmp_path, Listener(), changed)
        assert Control(again)("GET", f"/clients/{NUMCLI}")["phase"] == "closed"

    def test_keeps_the_activation_that_a_payment_brought(self, tmp_path: Path) -> None:
        Payer(start(tmp_path, Listener()).pages.test_client()).pay(saisie="X")
        again = start(tmp_path, Listener())
        assert Control(again)("GET", f"/clients/{NUMCLI}")["active_from"] == "2026-03-17"

    def test_keeps_a_notification_held_back(self, tmp_path: Path) -> None:
        sandbox = start(tmp_path, Listener())
        Control(sandbox)("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        Payer(sandbox.pages.test_client()).pay()
        listener = Listener()
        again = start(tmp_path, listener)
        again.deliver_due()
        assert listener.heard == []
        Control(again)("POST", "/transactions/1/resend", {"resultrans": "A"})
        again.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["A", "P"]

    def test_draws_the_same_values_as_before(self, tmp_path: Path) -> None:
        assert start(tmp_path, Listener()).world.seed == start(tmp_path, Listener()).world.seed


class TestStore:
    def test_undoes_a_transaction_that_fails(self) -> None:
        store = Store()

        def fail() -> None:
            with store.transaction() as db:
                db.execute("INSERT INTO settings VALUES ('a', '1')")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        with store.transaction() as db:
            assert db.execute("SELECT count(*) FROM settings").fetchone()[0] == 0

    def test_writes_ahead_and_waits_for_the_disk(self, tmp_path: Path) -> None:
        with Store(tmp_path).transaction() as db:
            assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            assert db.execute("PRAGMA synchronous").fetchone()[0] == 2


class TestConfig:
    def test_built_in_is_sound_and_playable(self) -> None:
        sandbox = create(clock=Time(), send_notification=Listener())
        assert "Paiement accepté" in Payer(sandbox.pages.test_client()).pay()
        assert sandbox.towns[1].test_client().get("/").status_code == 200

    def test_names_a_mail_server(self) -> None:
        assert load_config({"smtp": {"host": "127.0.0.1", "port": 25}}).smtp == ("127.0.0.1", 25)
        assert load_config({}).smtp is None

    @pytest.mark.parametrize(
        "told", [{"clients": [{}]}, {"debts": "x"}, {"inconnu": 1}, {"smtp": {"host": "a"}}, {"settings": {"x": 1}}]
    )
    def test_ill_told_is_refused(self, told: dict[str, object]) -> None:
        with pytest.raises(BadShape):
            load_config(told)

    @pytest.mark.parametrize("text", ["{", "[]"])
    def test_file_that_is_not_an_object_is_refused(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "config.json"
        file.write_text(text)
        with pytest.raises(BadShape):
            load_config_file(file)
