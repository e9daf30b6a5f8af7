"""The POST to `urlcl`: dossier, section 3.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal_sandbox import Answer, NotificationRequest, Sandbox
from regal_sandbox.notifications import FIELDS, build_request
from regal_sandbox.tests.cast import LISTENER, NUMCLI, REFDET, TEST_REFDET, Control, Listener, Payer, Time


class TestNotification:
    def test_is_a_form_of_eleven_lower_case_fields(self, sandbox: Sandbox, payer: Payer, listener: Listener) -> None:
        payer.pay()
        sandbox.deliver_due()
        [heard] = listener.heard
        assert heard.url == LISTENER
        assert heard.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert listener.bodies == [
            {
                "numcli": "090909",
                "exer": "2026",
                "refdet": REFDET,
                "objet": "Cantine mars",
                "montant": "4850",
                "mel": "leroy@exemple.fr",
                "saisie": "T",
                "resultrans": "P",
                "numauto": listener.bodies[0]["numauto"],
                "dattrans": "16032026",
                "heurtrans": "1200",
            }
        ]
        assert tuple(listener.bodies[0]) == FIELDS

    @pytest.mark.parametrize(("decision", "letter"), [("refuser", "R"), ("abandonner", "A")])
    def test_tells_refusals_and_abandons_without_authorisation(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, decision: str, letter: str
    ) -> None:
        payer.open()
        payer.press("continuer")
        payer.press(decision)
        sandbox.deliver_due()
        assert listener.bodies[0]["resultrans"] == letter
        assert listener.bodies[0]["numauto"] == ""

    def test_leaves_empty_fields_out_when_told(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("PUT", "/settings", {"absent_fields": "omitted"})
        payer.open(objet=None)
        payer.press("abandonner")
        sandbox.deliver_due()
        assert set(FIELDS) - set(listener.bodies[0]) == {"objet", "numauto"}

    def test_is_not_sent_without_address(self, sandbox: Sandbox, payer: Payer, listener: Listener) -> None:
        payer.pay(urlcl=None)
        sandbox.deliver_due()
        assert listener.heard == []

    @pytest.mark.parametrize(
        ("moment", "day", "hour"),
        [
            ("2026-01-31T22:30:00+00:00", "31012026", "2330"),
            ("2026-01-31T23:30:00+00:00", "01022026", "0030"),
            ("2026-03-29T00:59:00+00:00", "29032026", "0159"),  # the night spring begins
            ("2026-03-29T01:00:00+00:00", "29032026", "0300"),
            ("2026-10-25T00:30:00+00:00", "25102026", "0230"),  # the hour that comes twice
            ("2026-10-25T01:30:00+00:00", "25102026", "0230"),
        ],
    )
    def test_tells_the_day_first_and_the_hour_of_paris(
        self,
        sandbox: Sandbox,
        payer: Payer,
        listener: Listener,
        control: Control,
        moment: str,
        day: str,
        hour: str,
    ) -> None:
        control("PUT", "/clock", {"now": moment})
        payer.pay(exer="9999", refdet="999900000000999999")
        sandbox.deliver_due()
        assert (listener.bodies[0]["dattrans"], listener.bodies[0]["heurtrans"]) == (day, hour)

    def test_draws_the_same_authorisation_from_the_same_seed(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        def numauto() -> str:
            payer.pay()
            return str(control("GET", "/transactions/1")["numauto"])

        first = numauto()
        sandbox.reset()
        assert numauto() == first
        sandbox.reset(seed="autre")
        assert numauto() != first


class TestDelivery:
    def test_notes_the_answer_and_its_first_bytes(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        listener.reply = lambda request: Answer(status=200, body=b"x" * 2000)
        payer.pay()
        sandbox.deliver_due()
        [told] = control("GET", "/transactions/1")["notifications"]
        assert told["state"] == "answered"
        [attempt] = told["attempts"]
        assert attempt["status"] == 200
        assert attempt["body"] == "x" * 500
        assert attempt["duration_ms"] >= 0

    @pytest.mark.parametrize("status", [302, 403, 500])
    def test_fails_once_and_for_all_by_default(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control, time: Time, status: int
    ) -> None:
        listener.reply = lambda request: Answer(status=status)
        payer.pay()
        sandbox.deliver_due()
        time.pass_by(days=1)
        sandbox.deliver_due()
        assert len(listener.heard) == 1
        assert control("GET", "/notifications")["notifications"][0]["state"] == "failed"

    def test_notes_what_prevented_it(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        def refuse(request: NotificationRequest) -> Answer:
            raise ConnectionError("refused")

        listener.reply = refuse
        payer.pay()
        sandbox.deliver_due()
        [attempt] = control("GET", "/notifications")["notifications"][0]["attempts"]
        assert attempt["status"] is None
        assert attempt["error"] == "ConnectionError: refused"

    def test_tries_again_as_often_as_the_settings_say(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control, time: Time
    ) -> None:
        control("PUT", "/settings", {"notification_retries": 2, "notification_retry_seconds": 60})
        listener.reply = lambda request: Answer(status=500)
        payer.pay()
        sandbox.deliver_due()
        assert len(listener.heard) == 1
        for _ in range(5):
            time.pass_by(seconds=60)
            sandbox.deliver_due()
        assert len(listener.heard) == 3

    def test_waits_as_long_as_the_settings_say(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("PUT", "/settings", {"notification_timeout_seconds": 2.5})
        payer.pay()
        sandbox.deliver_due()
        assert listener.heard[0].timeout_seconds == 2.5

    def test_lets_the_client_ask_the_sandbox_while_it_answers(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        def curious(request: NotificationRequest) -> Answer:
            assert control("GET", "/transactions/1")["state"] == "paid"
            return Answer(status=200)

        listener.reply = curious
        payer.pay()
        sandbox.deliver_due()
        assert control("GET", "/notifications")["notifications"][0]["state"] == "answered"

    def test_survives_a_reset_while_the_client_answers(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        def forget(request: NotificationRequest) -> Answer:
            listener.reply = lambda request: Answer(status=200)
            sandbox.reset()
            payer.pay()
            return Answer(status=500)

        listener.reply = forget
        payer.pay()
        sandbox.deliver_due()
        assert len(listener.heard) == 2
        [told] = control("GET", "/notifications")["notifications"]
        assert told["state"] == "answered"


class TestFaults:
    def test_a_dropped_notification_is_written_but_never_sent(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"drop": True, "next": 1}, status=201)
        payer.pay()
        sandbox.deliver_due()
        assert listener.heard == []
        assert control("GET", "/notifications")["notifications"][0]["state"] == "dropped"

    def test_a_delayed_one_waits_for_the_sandbox_s_clock(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"delay_seconds": 90}, status=201)
        payer.pay()
        control("POST", "/clock/advance", {"seconds": 89})
        sandbox.deliver_due()
        assert listener.heard == []
        control("POST", "/clock/advance", {"seconds": 1})
        sandbox.deliver_due()
        assert listener.bodies[0]["heurtrans"] == "1200"

    def test_a_duplicated_one_comes_so_many_times_more(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"duplicate": 3}, status=201)
        payer.pay()
        sandbox.deliver_due()
        assert len(listener.heard) == 4
        assert len({one.body for one in listener.heard}) == 1

    @pytest.mark.parametrize(("transport", "in_body", "in_query"), [("query", 0, 12), ("both", 11, 12)])
    def test_the_fields_may_travel_in_the_query_string(
        self,
        sandbox: Sandbox,
        payer: Payer,
        listener: Listener,
        control: Control,
        transport: str,
        in_body: int,
        in_query: int,
    ) -> None:
        control("POST", "/faults", {"transport": transport}, status=201)
        payer.pay()
        sandbox.deliver_due()
        assert len(listener.bodies[0]) == in_body
        assert len(listener.queries[0]) == in_query  # the address has one of its own
        assert listener.queries[0]["jeton"] == "abc"
        assert listener.queries[0]["resultrans"] == "P"

    def test_a_field_may_be_altered_added_or_left_out(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"alter": {"montant": "1", "numauto": None, "intrus": "x"}}, status=201)
        payer.pay()
        sandbox.deliver_due()
        [heard] = listener.bodies
        assert heard["montant"] == "1"
        assert heard["intrus"] == "x"
        assert "numauto" not in heard

    def test_the_letter_may_lie_or_be_unheard_of(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"resultrans": "Q"}, status=201)
        payer.pay()
        sandbox.deliver_due()
        assert listener.bodies[0]["resultrans"] == "Q"
        assert control("GET", "/transactions/1")["resultrans"] == "P"

    def test_counts_only_the_outcomes_it_matches(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"resultrans": "R", "next": 1, "outcome": "P", "numcli": "006382"}, status=201)
        payer.open()
        payer.press("abandonner")
        payer.pay()
        assert len(control("GET", "/faults")["faults"]) == 1
        payer.pay(numcli="006382", montant="12000", saisie="A")
        assert control("GET", "/faults") == {"faults": []}
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["A", "P", "R"]

    def test_several_rules_add_up(self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control) -> None:
        control("POST", "/faults", {"duplicate": 1, "next": 1}, status=201)
        control("POST", "/faults", {"alter": {"objet": "Autre"}}, status=201)
        payer.pay()
        payer.pay(exer="9999", refdet="999900000000999999")
        sandbox.deliver_due()
        assert [one["objet"] for one in listener.bodies] == ["Autre"] * 3

    def test_are_lifted_one_by_one_or_all_together(self, payer: Payer, control: Control) -> None:
        first = control("POST", "/faults", {"drop": True}, status=201)
        control("POST", "/faults", {"duplicate": 2}, status=201)
        control("DELETE", f"/faults/{first['id']}")
        assert [one["duplicate"] for one in control("GET", "/faults")["faults"]] == [2]
        control("DELETE", "/faults")
        assert control("GET", "/faults") == {"faults": []}
        control("DELETE", "/faults/1", status=404)

    @pytest.mark.parametrize(
        "told",
        [
            {"drop": "yes"},
            {"next": 0},
            {"duplicate": -1},
            {"transport": "pigeon"},
            {"alter": {"montant": 1}},
            {"outcome": "Q", "drop": True},
            {"unknown": 1},
            [],
            {},
            {"next": 1, "numcli": "090909", "outcome": "P"},
            {"drop": False, "duplicate": 0, "alter": {}},
        ],
    )
    def test_ill_told_are_refused(self, control: Control, told: object) -> None:
        control("POST", "/faults", told, status=400)

    @pytest.mark.parametrize(("decision", "letter"), [("payer", "V"), ("refuser", "Z")])
    def test_choose_the_outcomes_of_a_prelevement_too(
        self, payer: Payer, control: Control, decision: str, letter: str
    ) -> None:
        control("PUT", f"/clients/{NUMCLI}", {"direct_debit": {}})
        control("POST", "/faults", {"outcome": letter, "drop": True, "next": 1}, status=201)
        for steps in (("carte",), ("prelevement", "identifier")):
            assert len(control("GET", "/faults")["faults"]) == 1
            payer.open(exer="9999", refdet=TEST_REFDET)
            for step in ("continuer", *steps, decision):
                payer.press(step)
        assert control("GET", "/transactions/2")["resultrans"] == letter
        assert control("GET", "/faults") == {"faults": []}


class TestResend:
    def test_sends_the_true_outcome_whatever_the_standing_faults(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"drop": True}, status=201)
        payer.pay()
        control("POST", "/transactions/1/resend")
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["P"]

    def test_may_contradict_the_first_one(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        payer.pay()
        control("POST", "/transactions/1/resend", {"resultrans": "A", "alter": {"numauto": ""}})
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["P", "A"]

    def test_needs_an_outcome_and_an_address(self, payer: Payer, control: Control) -> None:
        payer.open()
        control("POST", "/transactions/1/resend", status=400)
        payer.pay(urlcl=None)
        control("POST", "/transactions/2/resend", status=400)
        control("POST", "/transactions/99/resend", status=404)


class TestBuildRequest:
    @given(st.dictionaries(st.text(), st.text()), st.sampled_from(["body", "query", "both"]))
    def test_carries_any_text_in_ascii(self, fields: dict[str, str], transport: str) -> None:
        request = build_request("http://exemple.fr/n?a=1#bas", fields, transport=transport, timeout_seconds=1)
        assert request.url.isascii()
        assert request.url.startswith("http://exemple.fr/n?a=1")
