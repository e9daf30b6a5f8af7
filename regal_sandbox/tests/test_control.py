"""The control port: what it keeps, what it refuses, and whom."""

from typing import Any

import pytest

from regal_sandbox import Sandbox, load_config
from regal_sandbox.shapes import BadShape
from regal_sandbox.tests.cast import CONFIG, NUMCLI, REFDET, Control, Payer

TITRE = "202600000050000001"
DEBT = {"montant": 900, "taken_in_charge_on": "2026-03-10"}


class TestBrowsers:
    @pytest.mark.parametrize("host", ["exemple.fr", "exemple.fr:8011", "127.0.0.1.exemple.fr"])
    def test_are_refused_under_another_name(self, sandbox: Sandbox, host: str) -> None:
        assert sandbox.control.test_client().get("/", headers={"Host": host}).status_code == 403

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8011", "[::1]:8011", "[::1]"])
    def test_programs_reach_it_under_a_loopback_name(self, sandbox: Sandbox, host: str) -> None:
        assert sandbox.control.test_client().get("/", headers={"Host": host}).status_code == 200

    def test_are_refused_when_a_page_sends_them(self, sandbox: Sandbox) -> None:
        answer = sandbox.control.test_client().post("/reset", headers={"Origin": "https://exemple.fr"})
        assert answer.status_code == 403

    @pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
    @pytest.mark.parametrize("body", ["", "numcli=090909", '{"seed": "autre"}'])
    def test_are_refused_what_a_form_would_send(
        self, sandbox: Sandbox, payer: Payer, control: Control, kind: str, body: str
    ) -> None:
        payer.open()
        for method, path in (("POST", "/reset"), ("PUT", f"/clients/{NUMCLI}"), ("POST", "/clock/next-working-day")):
            answer = sandbox.control.test_client().open(path, method=method, data=body, content_type=kind)
            assert answer.status_code == 400
            assert "Content-Type" in answer.get_json()["error"]
        assert len(control("GET", "/transactions")["transactions"]) == 1
        assert control("GET", "/clock")["offset_seconds"] == 0
        assert control("GET", f"/clients/{NUMCLI}")["labels"][1] == "SAINT AUBIN"


class TestReset:
    def test_goes_back_to_the_configuration(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        payer.pay()
        sandbox.deliver_due()
        control("POST", "/faults", {"drop": True}, status=201)
        control("POST", "/clock/advance", {"seconds": 100})
        control("PUT", "/settings", {"error_status": 400})
        control("POST", "/reset")
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "due"
        assert control("GET", "/transactions") == {"transactions": []}
        assert control("GET", "/notifications") == {"notifications": []}
        assert control("GET", "/mails") == {"mails": []}
        assert control("GET", "/faults") == {"faults": []}
        assert control("GET", "/clock")["offset_seconds"] == 0
        assert control("GET", "/settings")["error_status"] == 200

    def test_numbers_from_one_again(self, payer: Payer, control: Control) -> None:
        payer.open()
        control("POST", "/reset", {"seed": "autre"})
        payer.open()
        assert [one["id"] for one in control("GET", "/transactions")["transactions"]] == [1]
        assert control("GET", "/")["seed"] == "autre"


class TestClients:
    def test_are_written_and_read(self, control: Control) -> None:
        told = {
            "numcli": "012327",
            "kind": "titre",
            "labels": ["A", "B", "C"],
            "phase": "active",
            "active_from": None,
            "options": {
                "test_debts": False,
                "ticket_copy_to": "c@exemple.fr",
                "max_cents": 999999,
                "card_max_cents": None,
                "refuse_paid_refdet": False,
                "web_service": False,
            },
        }
        assert control("PUT", "/clients/012327", told) == told
        assert control("GET", "/clients/012327") == told
        assert told in control("GET", "/clients")["clients"]

    def test_need_little(self, control: Control) -> None:
        made = control("PUT", "/clients/012327", {})
        assert (made["kind"], made["phase"], made["options"]["test_debts"]) == ("titre", "test", True)

    def test_are_replaced_as_a_whole(self, control: Control) -> None:
        control("PUT", f"/clients/{NUMCLI}", {"phase": "active"})
        assert control("GET", f"/clients/{NUMCLI}")["labels"] == ["", "", ""]

    @pytest.mark.parametrize(
        ("numcli", "told"),
        [
            ("12327", {}),
            ("012327", {"numcli": "012328"}),
            ("012327", {"kind": "autre"}),
            ("012327", {"phase": "ouvert"}),
            ("012327", {"labels": ["a", "b", "c", "d"]}),
            ("012327", {"labels": [1]}),
            ("012327", {"labels": "a"}),
            ("012327", {"options": {"inconnue": True}}),
            ("012327", {"options": {"test_debts": 1}}),
            ("012327", {"active_from": "demain"}),
            ("012327", {"inconnu": 1}),
        ],
    )
    def test_ill_told_are_refused(self, control: Control, numcli: str, told: Any) -> None:
        assert control("PUT", f"/clients/{numcli}", told, status=400)["error"]

    def test_unknown_are_not_found(self, control: Control) -> None:
        control("GET", "/clients/123456", status=404)


class TestDebts:
    def test_are_written_read_and_deleted(self, control: Control) -> None:
        made = control("PUT", f"/debts/{NUMCLI}/{TITRE}", DEBT)
        assert made == {
            "numcli": NUMCLI,
            "refdet": TITRE,
            "exer": "2026",
            "montant": 900,
            "label": "",
            "state": "due",
            "taken_in_charge_on": "2026-03-10",
            "amicable_until": None,
            "paid_by": None,
        }
        assert control("PUT", f"/debts/{NUMCLI}/{TITRE}", made) == made
        assert len(control("GET", f"/debts?numcli={NUMCLI}")["debts"]) == 2
        control("DELETE", f"/debts/{NUMCLI}/{TITRE}")
        control("GET", f"/debts/{NUMCLI}/{TITRE}", status=404)
        control("DELETE", f"/debts/{NUMCLI}/{TITRE}", status=404)

    def test_come_in_lots_or_not_at_all(self, control: Control) -> None:
        sound = DEBT | {"numcli": NUMCLI, "refdet": TITRE}
        control("POST", "/debts", {"debts": [sound, {"numcli": NUMCLI}]}, status=400)
        control("GET", f"/debts/{NUMCLI}/{TITRE}", status=404)
        assert control("POST", "/debts", {"debts": [sound]}) == {"written": 1}

    @pytest.mark.parametrize(
        "changed",
        [
            {"montant": 0},
            {"montant": 9.5},
            {"montant": True},
            {"montant": "900"},
            {"exer": "2025"},
            {"state": "soldee"},
            {"taken_in_charge_on": None},
            {"taken_in_charge_on": "31/03/2026"},
            {"taken_in_charge_on": "9999-12-31"},
            {"amicable_until": "2026-03-09"},
            {"taken_in_charge_on": "0001-01-01"},
            {"refdet": "202600000051000001"},
            {"numcli": "006382"},
            {"inconnu": 1},
        ],
    )
    def test_ill_told_are_refused(self, control: Control, changed: Any) -> None:
        control("PUT", f"/debts/{NUMCLI}/{TITRE}", DEBT | changed, status=400)

    def test_need_the_reference_of_a_titre(self, control: Control) -> None:
        control("PUT", f"/debts/{NUMCLI}/FACT2026", DEBT, status=400)
        control("PUT", f"/debts/9090/{TITRE}", DEBT, status=400)

    @pytest.mark.parametrize(("numcli", "refdet"), [(NUMCLI, "2026CA001"), ("033333", TITRE), ("033333", "2026CA001")])
    def test_are_of_the_kind_of_their_client(self, control: Control, numcli: str, refdet: str) -> None:
        control("PUT", f"/debts/{numcli}/{refdet}", DEBT, status=400)
        control("POST", "/debts", {"debts": [DEBT | {"numcli": numcli, "refdet": refdet}]}, status=400)
        control("GET", f"/debts/{numcli}/{refdet}", status=404)
        with pytest.raises(BadShape, match="debt"):
            load_config({"clients": CONFIG["clients"], "debts": [DEBT | {"numcli": numcli, "refdet": refdet}]})

    def test_may_come_before_their_client(self, control: Control) -> None:
        control("PUT", f"/debts/123456/{TITRE}", DEBT)

    def test_built_in_are_those_that_suit_the_clients(self) -> None:
        assert load_config({"clients": []}).debts == ()
        assert load_config({"clients": [{"numcli": "090909", "kind": "regie"}]}).debts == ()
        assert {debt.numcli for debt in load_config({"clients": [{"numcli": "090909"}]}).debts} == {"090909"}

    def test_deleted_after_payment_may_come_back_and_be_paid(self, payer: Payer, control: Control) -> None:
        payer.pay()
        control("DELETE", f"/debts/{NUMCLI}/{REFDET}")
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", DEBT)
        assert "Paiement accepté" in payer.pay(montant="900")


class TestClock:
    def test_follows_its_source_until_told(self, control: Control) -> None:
        assert control("GET", "/clock") == {
            "now": "2026-03-16T11:00:00.000000+00:00",
            "stopped": False,
            "offset_seconds": 0,
        }

    def test_stops_advances_and_is_released(self, control: Control) -> None:
        assert control("PUT", "/clock", {"now": "2027-01-01T00:00:00+01:00"})["stopped"]
        assert control("POST", "/clock/advance", {"seconds": 1.5})["now"] == "2026-12-31T23:00:01.500000+00:00"
        assert control("DELETE", "/clock")["now"] == "2026-03-16T11:00:00.000000+00:00"

    def test_may_be_moved_and_keep_running(self, control: Control, time: Any) -> None:
        control("PUT", "/clock", {"now": "2027-01-01T00:00:00+00:00", "stopped": False})
        time.pass_by(seconds=5)
        assert control("GET", "/clock")["now"] == "2027-01-01T00:00:05.000000+00:00"

    @pytest.mark.parametrize(
        "now",
        ["9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+01:00", "2100-01-01T00:00Z"],
    )
    @pytest.mark.parametrize("stopped", [True, False])
    def test_stays_in_this_century(self, control: Control, now: str, stopped: bool) -> None:
        control("PUT", "/clock", {"now": now, "stopped": stopped}, status=400)
        assert control("GET", "/clock")["now"] == "2026-03-16T11:00:00.000000+00:00"

    @pytest.mark.parametrize("stopped", [True, False])
    def test_does_not_leave_this_century_step_by_step(self, control: Control, stopped: bool) -> None:
        last = {"now": "2099-12-31T12:00:00+00:00", "stopped": stopped}
        control("PUT", "/clock", last)
        control("POST", "/clock/advance", {"seconds": 86400}, status=400)
        control("POST", "/clock/next-working-day", status=400)
        assert control("GET", "/clock")["now"].startswith("2099-12-31T12:00:00")

    @pytest.mark.parametrize("told", [{}, {"now": "demain"}, {"now": "2027-01-01T00:00:00"}, {"now": 1}])
    def test_needs_a_moment_with_its_offset(self, control: Control, told: Any) -> None:
        control("PUT", "/clock", told, status=400)

    def test_does_not_go_back_by_advancing(self, control: Control) -> None:
        control("POST", "/clock/advance", {"seconds": -1}, status=400)


class TestSettings:
    def test_change_one_by_one(self, control: Control) -> None:
        control("PUT", "/settings", {"min_cents": 200})
        changed = control("PUT", "/settings", {"max_cents": 500})
        assert (changed["min_cents"], changed["max_cents"]) == (200, 500)

    @pytest.mark.parametrize(
        "told",
        [
            {"frame_options": "ALLOW"},
            {"messages": {"inconnue": {}}},
            {"messages": {"debt_paid": {"texte": "x"}}},
            {"error_status": 99},
            {"error_status": 204},
            {"error_status": 304},
            {"min_cents": 501, "max_cents": 500},
            {"min_cents": 10_000_000},
            {"transport": "x"},
            {"inconnu": 1},
        ],
    )
    def test_ill_told_are_refused(self, control: Control, told: Any) -> None:
        control("PUT", "/settings", told, status=400)


UNPRINTABLE = ["\ud800", "a\x00b", "a\nb", "a\rb", "\x1b[31m", "a\x85b", "a\u2028b"]


class TestTexts:
    """What no page, header or file could bear is refused at the door, and nothing is written."""

    @pytest.mark.parametrize("text", UNPRINTABLE)
    def test_unfit_are_refused_everywhere(self, control: Control, text: str) -> None:
        town = {"name": "Saint-Aubin"}
        for method, path, told in (
            ("PUT", f"/clients/{NUMCLI}", {"labels": [text]}),
            ("PUT", f"/clients/{NUMCLI}", {"options": {"ticket_copy_to": text}}),
            ("PUT", f"/debts/{NUMCLI}/{TITRE}", DEBT | {"label": text}),
            ("POST", "/debts", {"debts": [DEBT | {"numcli": NUMCLI, "refdet": text}]}),
            ("PUT", "/settings", {"mail_from": text}),
            ("PUT", "/settings", {"messages": {"debt_paid": {"message": text}}}),
            ("PUT", "/settings", {text: 1}),
            ("POST", "/faults", {"alter": {"objet": text}}),
            ("POST", "/faults", {"alter": {text: ""}}),
            ("POST", "/faults", {"drop": True, "numcli": text}),
            ("POST", "/reset", {"seed": text}),
            ("PUT", "/towns/0", town | {"tagline": text}),
            ("PUT", "/towns/0", town | {"products": [{"title": text, "url": "http://localhost/"}]}),
        ):
            assert control(method, path, told, status=400)["error"]
        assert control("GET", f"/clients/{NUMCLI}")["labels"][1] == "SAINT AUBIN"
        assert control("GET", "/settings")["messages"] == {}
        assert control("GET", "/faults") == {"faults": []}
        control("GET", f"/debts/{NUMCLI}/{TITRE}", status=404)
        control("GET", "/towns/0", status=404)

    def test_of_a_town_may_have_several_lines(self, control: Control) -> None:
        control("PUT", "/towns/0", {"name": "Saint-Aubin", "hours": "Lundi\nMardi"})
        control("PUT", "/towns/0", {"name": "Saint-Aubin", "hours": "Lundi\x0bMardi"}, status=400)


class TestNumbers:
    @pytest.mark.parametrize("number", [2**63, 10**30])
    def test_larger_than_the_database_holds_are_not_found(
        self, sandbox: Sandbox, control: Control, number: int
    ) -> None:
        for method, path in (
            ("GET", f"/transactions/{number}"),
            ("POST", f"/notifications/{number}/drop"),
            ("DELETE", f"/faults/{number}"),
            ("GET", f"/mails/{number}"),
            ("GET", f"/towns/{number}"),
        ):
            control(method, path, status=404)
        assert sandbox.pages.test_client().get(f"/boite/{number}/").status_code == 404
        assert sandbox.pages.test_client().post(f"/tpa/refus/{number}/jour-suivant/x").status_code == 404

    @pytest.mark.parametrize(
        "asked",
        ["transaction=9223372036854775808", "transaction=un", "limit=0", "limit=-1", "limit=tout", "kind=autre"],
    )
    def test_of_a_query_are_checked(self, control: Control, asked: str) -> None:
        assert control("GET", f"/journal?{asked}", status=400)["error"]


class TestRefusals:
    def test_tell_by_which_door_the_request_came(self, payer: Payer, control: Control) -> None:
        payer.ask(montant="1")
        payer.browser.post("/tpa/accueilportail.web", data={"numcli": "1"})
        first, second = control("GET", "/refusals")["refusals"]
        assert (first["id"], first["rule"], first["code"], first["entry"]) == (1, "montant_too_small", "M3", "form")
        assert first["at"] == "2026-03-16T11:00:00.000000+00:00"
        assert first["parameters"]["montant"] == "1"
        assert second["entry"] == "portal"

    def test_are_kept_as_long_as_the_journal(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"journal_size": 2})
        for _ in range(3):
            payer.ask(montant="1")
        assert [one["id"] for one in control("GET", "/refusals")["refusals"]] == [2, 3]


class TestTransactions:
    def test_are_found_by_client_reference_and_state(self, payer: Payer, control: Control) -> None:
        payer.open()
        payer.pay(numcli="006382", montant="12000", saisie="A")
        assert len(control("GET", "/transactions")["transactions"]) == 2
        for wanted, number in ((f"numcli={NUMCLI}", 1), ("state=paid", 2), (f"refdet={REFDET}&state=recap", 1)):
            assert [one["id"] for one in control("GET", f"/transactions?{wanted}")["transactions"]] == [number]

    def test_unknown_are_not_found(self, control: Control) -> None:
        control("GET", "/transactions/1", status=404)

    def test_of_a_state_that_is_none_cannot_be_asked_for(self, control: Control) -> None:
        for state in ("recap", "means", "card", "secure", "sign_in", "mandate", "paid", "refused", "stopped"):
            control("GET", f"/transactions?state={state}")
        assert "recap" in control("GET", "/transactions?state=paye", status=400)["error"]


class TestAnswers:
    def test_are_json_even_for_what_does_not_exist(self, control: Control) -> None:
        assert control("GET", "/rien", status=404)["error"]
        assert control("DELETE", "/reset", status=405)["error"]

    def test_say_when_the_body_is_not_json(self, sandbox: Sandbox) -> None:
        for body in ("{", "[" * 100_000, b"\xff"):
            answer = sandbox.control.test_client().put("/settings", data=body)
            assert answer.status_code == 400
            assert answer.get_json() == {"error": "the body is not JSON"}

    def test_tell_how_many_deliveries_were_tried(self, payer: Payer, control: Control) -> None:
        payer.pay()
        assert control("GET", "/")["pending_notifications"] == 1
        assert control("POST", "/deliver") == {"tried": 2}
