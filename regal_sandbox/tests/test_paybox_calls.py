"""Paybox's calls to the merchant's site: when they come, what becomes of them, and what may be done to them."""

import ssl
from typing import Any
from urllib.parse import unquote

import pytest

from regal_sandbox import Answer, NotificationRequest, Sandbox, create
from regal_sandbox.paybox_messages import plan_foreign, replay
from regal_sandbox.paybox_payment import find_payment
from regal_sandbox.paybox_payments import conclude_now
from regal_sandbox.tests.cast import Control, Listener, Time
from regal_sandbox.tests.shop import REGIE, SITE, TEST, PayboxPayer, Verifier, query_of, state_of, values, way_back_of
from regal_sandbox.tests.test_paybox_requests import put_options


def heard_values(listener: Listener) -> list[dict[str, str]]:
    return [values(query_of(one.url)) for one in listener.heard]


def play(control: Control, ipn: str, **told: Any) -> None:
    control("POST", "/faults", {"next": 1, "ipn": ipn} | told, status=201)


class TestCall:
    """Point 18."""

    def test_comes_once_per_try_refused_or_accepted(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, verifier: Verifier
    ) -> None:
        card_payer.open()
        card_payer.press("refuser")
        card_payer.press("payer")
        sandbox.deliver_due()
        first, second = heard_values(listener)
        assert (first["Erreur"], second["Erreur"]) == ("00105", "00000")
        assert "Auto" not in first
        assert first["Trans"] != second["Trans"]
        assert first["Appel"] != second["Appel"]
        assert all(verifier.accepts(query_of(one.url)) for one in listener.heard)
        sandbox.deliver_due()
        assert len(listener.heard) == 2

    @pytest.mark.parametrize("steps", [(), ("abandonner",), ("refuser", "abandonner")])
    def test_does_not_come_for_who_leaves(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, steps: tuple[str, ...]
    ) -> None:
        card_payer.open()
        for decision in steps:
            card_payer.send(decision)
        sandbox.deliver_due()
        assert [one["Erreur"] for one in heard_values(listener)] == ["00105"] * steps.count("refuser")

    @pytest.mark.parametrize(("asked", "method"), [(None, "GET"), ("GET", "GET"), ("POST", "POST"), ("post", "POST")])
    def test_has_the_method_asked_for(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, asked: str | None, method: str
    ) -> None:
        card_payer.pay(PBX_RUF1=asked)
        sandbox.deliver_due()
        [heard] = listener.heard
        assert (heard.method, bool(heard.body)) == (method, method == "POST")

    def test_goes_to_the_address_of_the_back_office_when_the_form_has_none(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, verifier: Verifier
    ) -> None:
        put_options(control, REGIE, addresses={"notified": f"{SITE}/s/p/7/secret"})
        card_payer.pay(REGIE, PBX_REPONDRE_A=None, PBX_RUF1="POST")
        sandbox.deliver_due()
        [heard] = listener.heard
        assert heard.url == f"{SITE}/s/p/7/secret"
        assert verifier.accepts(heard.body.decode())

    def test_prefers_the_address_of_the_form(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control
    ) -> None:
        put_options(control, addresses={"notified": f"{SITE}/autre"})
        card_payer.pay()
        sandbox.deliver_due()
        assert listener.heard[0].url.startswith(f"{SITE}/ipn?")

    def test_does_not_come_without_address(self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener) -> None:
        card_payer.pay(PBX_REPONDRE_A=None)
        sandbox.deliver_due()
        assert listener.heard == []

    def test_is_due_before_the_payer_goes_back(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.pay()
        [message] = sandbox.paybox_payments()[0]["messages"]
        assert (message["state"], message["due_at"]) == ("pending", sandbox.paybox_payments()[0]["ended_at"])

    def test_tells_the_same_as_the_browser(self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener) -> None:
        page = card_payer.pay()
        sandbox.deliver_due()
        assert query_of(listener.heard[0].url) == query_of(way_back_of(page))


class TestAnswer:
    """Point 19."""

    def test_is_awaited_for_twenty_seconds(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control
    ) -> None:
        card_payer.pay()
        control("PUT", "/settings", {"notification_timeout_seconds": 5})
        sandbox.deliver_due()
        assert listener.heard[0].timeout_seconds == 20

    @pytest.mark.parametrize("verified", [True, False])
    def test_over_tls_is_verified_unless_told(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, verified: bool
    ) -> None:
        control("PUT", "/settings", {"notification_verify_tls": verified})
        card_payer.pay()
        sandbox.deliver_due()
        assert listener.heard[0].verify_tls is verified

    @pytest.mark.parametrize("status", [301, 302, 307, 308, 403, 404, 500])
    def test_that_is_none_is_not_asked_for_again_and_told_to_the_merchant(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, time: Time, status: int
    ) -> None:
        listener.reply = lambda request: Answer(status=status)
        card_payer.pay(REGIE)
        sandbox.deliver_due()
        time.pass_by(days=3)
        sandbox.deliver_due()
        assert len(listener.heard) == 1
        [message] = sandbox.paybox_payments()[0]["messages"]
        assert (message["state"], message["status"], message["tries"]) == ("failed", status, 1)
        mails = control("GET", "/mails?recipient=regie@valrive.exemple")["mails"]
        [mail] = [one for one in mails if "WARNING" in one["subject"]]  # beside the file of the night
        text = " ".join(control("GET", f"/mails/{mail['id']}")["text"].replace("=\n", "").split())
        assert f"WARNING: Impossible de joindre {SITE}/ipn pour le paiement Mt=4850&Ref=CANTINE-2026-03" in text
        assert f"({status}-0)" in text
        assert f"code HTTP : {status}" in text

    @pytest.mark.parametrize(
        ("problem", "curl"),
        [
            (TimeoutError("late"), 28),
            (ConnectionRefusedError(), 7),
            (ssl.SSLCertVerificationError("unable to get local issuer certificate"), 60),
            (ConnectionResetError(), 56),
        ],
    )
    def test_that_never_came_is_told_with_curl_s_number(
        self,
        sandbox: Sandbox,
        card_payer: PayboxPayer,
        listener: Listener,
        control: Control,
        problem: Exception,
        curl: int,
    ) -> None:
        def fail(request: NotificationRequest) -> Answer:
            raise problem

        listener.reply = fail
        card_payer.pay()
        sandbox.deliver_due()
        [mail] = control("GET", f"/mails?recipient=commercant-{TEST}@bac-a-sable.invalid")["mails"]
        text = control("GET", f"/mails/{mail['id']}")["text"]
        assert f"(0-{curl})" in text
        assert f"code http : 0 – code curl : {curl}" in text

    def test_may_say_anything(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control
    ) -> None:
        listener.reply = lambda request: Answer(status=200, body=b"<html>merci</html>")
        card_payer.pay()
        sandbox.deliver_due()
        [message] = sandbox.paybox_payments()[0]["messages"]
        assert (message["state"], message["answer"]) == ("answered", "<html>merci</html>")
        assert control("GET", "/mails?recipient=regie@valrive.exemple") == {"mails": []}

    def test_is_in_the_journal_with_the_signed_text(
        self, sandbox: Sandbox, card_payer: PayboxPayer, control: Control
    ) -> None:
        card_payer.pay()
        sandbox.deliver_due()
        [told] = control("GET", "/journal?kind=paybox_message")["exchanges"]
        assert (told["numcli"], told["payment"], told["status"]) == (TEST, 1, 200)
        assert told["url"] == f"{SITE}/ipn?{told['signed']}&Sign=" + told["url"].rpartition("Sign=")[2]


class TestControlPort:
    def test_is_never_called(self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener) -> None:
        sandbox.world.control_address = "http://127.0.0.1:8011/"
        card_payer.pay()
        sandbox.deliver_due()
        assert listener.heard[0].never_to == ("127.0.0.1", 8011)


class TestFaults:
    """Point 18: options, one try or all of them."""

    def test_lost(self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control) -> None:
        play(control, "lost")
        assert state_of(card_payer.pay()) == "paid"
        sandbox.deliver_due()
        assert listener.heard == []
        assert sandbox.paybox_payments()[0]["messages"][0]["state"] == "dropped"

    def test_late(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, time: Time
    ) -> None:
        play(control, "late", seconds=3600)
        card_payer.pay()
        time.pass_by(seconds=3599)
        sandbox.deliver_due()
        assert listener.heard == []
        time.pass_by(seconds=1)
        sandbox.deliver_due()
        [told] = heard_values(listener)
        assert (told["Erreur"], told["Heure"]) == ("00000", "12:00:00")

    def test_twice_to_the_byte(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control
    ) -> None:
        play(control, "twice")
        card_payer.pay()
        sandbox.deliver_due()
        first, second = listener.heard
        assert first == second

    def test_after_the_return(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, time: Time
    ) -> None:
        play(control, "after_return")
        back = way_back_of(card_payer.pay())
        time.pass_by(minutes=5)
        sandbox.deliver_due()
        assert listener.heard == []
        target = card_payer.browser.get(back).headers["Location"]
        assert target.startswith(f"{SITE}/paye?")
        time.pass_by(seconds=2)
        sandbox.deliver_due()
        assert query_of(listener.heard[0].url) == query_of(target)

    def test_wrong_signature(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, verifier: Verifier
    ) -> None:
        play(control, "wrong_signature")
        page = card_payer.pay()
        sandbox.deliver_due()
        assert not verifier.accepts(query_of(listener.heard[0].url))
        assert verifier.accepts(query_of(way_back_of(page)))

    @pytest.mark.parametrize(("told", "amount"), [({}, "4851"), ({"amount": "1"}, "1")])
    def test_wrong_amount_rightly_signed(
        self,
        sandbox: Sandbox,
        card_payer: PayboxPayer,
        listener: Listener,
        control: Control,
        verifier: Verifier,
        told: dict[str, str],
        amount: str,
    ) -> None:
        play(control, "wrong_amount", **told)
        card_payer.pay()
        sandbox.deliver_due()
        assert heard_values(listener)[0]["Mt"] == amount
        assert verifier.accepts(query_of(listener.heard[0].url))

    def test_foreign(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, verifier: Verifier
    ) -> None:
        """Another merchant's payment, of the same reference and amount, signed by the same key."""
        play(control, "foreign")
        card_payer.open(REGIE)
        card_payer.press("refuser")
        sandbox.deliver_due()
        foreign, own = heard_values(listener)
        assert (foreign["Ref"], foreign["Mt"], foreign["Erreur"]) == (own["Ref"], own["Mt"], "00000")
        assert (foreign["Auto"], own["Erreur"]) == ("XXXXXX", "00105")
        assert foreign["Trans"] != own["Trans"]
        assert verifier.accepts(query_of(listener.heard[0].url))
        assert sandbox.paybox_payments()[0]["merchant"] == REGIE
        [other] = [one for one in sandbox.paybox_payments() if one["merchant"] != REGIE]
        assert str(other["tries"][0]["trans"]) == foreign["Trans"]

    def test_foreign_by_hand_of_a_merchant_in_production(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener
    ) -> None:
        card_payer.open(TEST)
        with sandbox.world.store.transaction() as db:
            plan_foreign(sandbox.world, db, find_payment(db, 1), by=REGIE)
        sandbox.deliver_due()
        [told] = heard_values(listener)
        assert told["Auto"].isdigit()

    def test_add_up(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, verifier: Verifier
    ) -> None:
        play(control, "twice")
        play(control, "wrong_amount")
        card_payer.pay()
        sandbox.deliver_due()
        assert [one["Mt"] for one in heard_values(listener)] == ["4851", "4851"]

    @pytest.mark.parametrize(
        ("told", "lost"),
        [
            ({"merchant": TEST}, True),
            ({"merchant": REGIE}, False),
            ({"reference": "CANTINE-2026-03"}, True),
            ({"reference": "AUTRE"}, False),
            ({"code": "00000"}, True),
            ({"code": "00105"}, False),
        ],
    )
    def test_are_of_what_they_name(
        self,
        sandbox: Sandbox,
        card_payer: PayboxPayer,
        listener: Listener,
        control: Control,
        told: dict[str, str],
        lost: bool,
    ) -> None:
        play(control, "lost", **told)
        card_payer.pay()
        sandbox.deliver_due()
        assert (listener.heard == []) == lost

    def test_are_counted_and_read_back(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"next": 2, "ipn": "lost"}, status=201)
        for number in range(3):
            card_payer.pay(PBX_CMD=f"CMD{number}")
            [*faults] = control("GET", "/faults")["faults"]
            assert [one["next"] for one in faults] == ([1], [], [])[number]
        sandbox.deliver_due()
        assert [one["Ref"] for one in heard_values(listener)] == ["CMD2"]

    @pytest.mark.parametrize("told", [{"ipn": "perdu"}, {"ipn": "late"}, {"ipn": "lost", "drop": True}])
    def test_that_mean_nothing_are_refused(self, control: Control, told: dict[str, Any]) -> None:
        control("POST", "/faults", told, status=400)


class TestReplay:
    def test_is_the_same_to_the_byte(self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener) -> None:
        card_payer.pay()
        sandbox.deliver_due()
        with sandbox.world.store.transaction() as db:
            replay(sandbox.world, db, 1)
            with pytest.raises(LookupError):
                replay(sandbox.world, db, 99)
        sandbox.deliver_due()
        first, second = listener.heard
        assert first == second


class TestPending:
    """Point 21."""

    @pytest.mark.parametrize("how", ["button", "code"])
    def test_is_told_at_once_and_concluded_by_a_second_call(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, time: Time, how: str
    ) -> None:
        card_payer.open()
        page = card_payer.press("attendre") if how == "button" else card_payer.press("payer", code="99999")
        assert state_of(page) == "pending"
        assert way_back_of(page).startswith(f"{SITE}/attente?")
        sandbox.deliver_due()
        time.pass_by(seconds=3600)
        sandbox.deliver_due()
        first, second = heard_values(listener)
        assert (first["Erreur"], second["Erreur"]) == ("99999", "00000")
        assert "Auto" not in first
        assert second["Auto"] == "XXXXXX"
        assert (first["Trans"], first["Appel"]) == (second["Trans"], second["Appel"])
        [payment] = sandbox.paybox_payments()
        assert (payment["state"], payment["tries"][0]["status"]) == ("paid", "captured")
        assert len(control("GET", "/mails?recipient=leroy@exemple.fr")["mails"]) == 1

    def test_may_end_badly_and_later(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control, time: Time
    ) -> None:
        put_options(control, pending_seconds=86400, pending_ends_with="00151")
        card_payer.open()
        card_payer.press("attendre")
        time.pass_by(seconds=86400)
        sandbox.deliver_due()
        assert [one["Erreur"] for one in heard_values(listener)] == ["99999", "00151"]
        assert sandbox.paybox_payments()[0]["state"] == "refused"

    def test_may_be_concluded_by_hand(self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener) -> None:
        card_payer.open()
        card_payer.press("attendre")
        with sandbox.world.store.transaction() as db:
            conclude_now(sandbox.world, db, find_payment(db, 1), "00000")
        sandbox.deliver_due()
        assert [one["Erreur"] for one in heard_values(listener)] == ["99999", "00000"]


class TestCapture:
    @pytest.mark.parametrize(
        ("changed", "status", "captured", "day"),
        [
            ({}, "captured", 4850, None),
            ({"PBX_AUTOSEULE": "O"}, "authorised", 0, None),
            ({"PBX_AUTOSEULE": "N"}, "captured", 4850, None),
            ({"PBX_DIFF": "03"}, "authorised", 0, "2026-03-19"),
            ({"PBX_DIFF": "00"}, "captured", 4850, None),
        ],
    )
    def test_is_at_once_unless_the_form_says_otherwise(
        self,
        sandbox: Sandbox,
        card_payer: PayboxPayer,
        changed: dict[str, str],
        status: str,
        captured: int,
        day: str | None,
    ) -> None:
        card_payer.pay(**changed)
        [made] = sandbox.paybox_payments()[0]["tries"]
        assert (made["status"], made["captured_cents"], made["capture_on"]) == (status, captured, day)


class TestSeed:
    """Same seed, same clock, same requests: same numbers. The signature's key alone differs."""

    def test_gives_the_same_values(self, listener: Listener) -> None:
        def play(seed: str) -> list[str]:
            sandbox = create(clock=Time(), seed=seed, send_notification=listener)
            payer = PayboxPayer(sandbox.pages.test_client())
            page = payer.pay(REGIE)
            return [payer.session, unquote(way_back_of(page).rpartition("&")[0])]

        assert play("une graine") == play("une graine")
        assert play("une graine") != play("une autre")
