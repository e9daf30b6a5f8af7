"""The control page: what people do with it, and what a page open in the same browser cannot do with it."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from regal_sandbox import Sandbox, create
from regal_sandbox.desk import USUAL_FAULTS, describe
from regal_sandbox.faults import fault_from_json
from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Listener, Payer, Service, Time, regie_call
from regal_sandbox.tests.test_payment_requests import refusal

PAGES = ["/tableau/", "/tableau/dettes/", "/tableau/dettes/nouvelle", "/tableau/notifications/", "/tableau/journal/"]
TITRE = "202600000050000001"


class Desk:
    """A browser without script, on the control page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.browser: FlaskClient = sandbox.control.test_client()

    def see(self, path: str = "") -> str:
        answer = self.browser.get(f"/tableau/{path}")
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    @property
    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.see())
        assert found
        return found[1]

    def press(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
        return self.browser.post(f"/tableau/{path}", data={"token": self.token} | fields, headers=headers)


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    return Desk(sandbox)


class TestOtherPages:
    """`jour-ouvre` stands for every form: one guard protects them all."""

    def moved(self, control: Control) -> bool:
        return bool(control("GET", "/clock")["offset_seconds"])

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://exemple.fr"},
            {"Origin": "null"},
            {"Origin": "http://localhost:9999"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "none"},
        ],
    )
    def test_are_refused_even_with_the_token(self, desk: Desk, control: Control, headers: dict[str, str]) -> None:
        assert desk.press("horloge", headers=headers, action="jour-ouvre").status_code == 403
        assert not self.moved(control)

    @pytest.mark.parametrize("token", ["", "x", "é"])
    def test_are_refused_without_the_token(self, desk: Desk, control: Control, token: str) -> None:
        answer = desk.press("horloge", headers={"Origin": "http://localhost"}, token=token, action="jour-ouvre")
        assert answer.status_code == 403
        assert "Rien n’a changé" in answer.text
        assert not self.moved(control)

    def test_are_refused_by_every_form(self, sandbox: Sandbox) -> None:
        posts = [rule for rule in sandbox.control.url_map.iter_rules() if rule.rule.startswith("/tableau/")]
        posts = [rule for rule in posts if rule.methods and "POST" in rule.methods]
        assert len(posts) == 13
        for rule in posts:
            _, path = rule.build(dict.fromkeys(rule.arguments, 1 if "int" in rule.rule else "1")) or ("", "")
            assert sandbox.control.test_client().post(path).status_code == 403

    def test_of_the_same_site_are_obeyed(self, desk: Desk, control: Control) -> None:
        headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        assert desk.press("horloge", headers=headers, action="jour-ouvre").status_code == 303
        assert self.moved(control)

    def test_do_not_share_a_token_with_another_process(self, desk: Desk) -> None:
        other = create()
        assert Desk(other).token != desk.token
        other.close()

    def test_under_another_name_see_nothing(self, desk: Desk) -> None:
        answer = desk.browser.get("/tableau/", headers={"Host": "exemple.fr"})
        assert answer.status_code == 403
        assert "token" not in answer.text

    def test_cannot_frame_it_nor_read_it(self, desk: Desk) -> None:
        headers = desk.browser.get("/tableau/").headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers

    def test_still_cannot_use_the_json(self, desk: Desk) -> None:
        assert desk.browser.post("/reset", headers={"Origin": "http://localhost"}).status_code == 403


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    def test_are_in_french_say_what_they_are_and_have_no_script(self, desk: Desk, path: str) -> None:
        text = desk.browser.get(path).text
        assert '<html lang="fr">' in text
        assert "Bac à sable" in text
        assert text.count("<h1") == 1
        assert "<script" not in text
        assert "style=" not in text

    @pytest.mark.parametrize("path", PAGES)
    def test_label_every_field(self, desk: Desk, path: str) -> None:
        text = desk.browser.get(path).text
        for field in re.findall(r"<(?:input|select)[^>]*>", text):
            if 'type="hidden"' in field or "aria-label" in field:
                continue
            found = re.search(r'id="([^"]+)"', field)
            assert found, field
            assert f'<label for="{found[1]}">' in text

    def test_escape_what_others_wrote(self, desk: Desk, payer: Payer, control: Control) -> None:
        payer.ask(refdet="<b>refdet", objet="<i>objet")
        label = {"montant": 900, "taken_in_charge_on": "2026-03-10", "label": "<u>objet"}
        control("PUT", f"/debts/{NUMCLI}/{TITRE}", label)
        for path in PAGES:
            text = desk.browser.get(path).text
            assert not re.search("<[biu]>", text)

    def test_that_do_not_exist_say_so(self, desk: Desk) -> None:
        for path in (f"dettes/{NUMCLI}/{TITRE}/", "releves?numcli=999999", "inconnu", "un/autre", "horloge"):
            answer = desk.browser.get(f"/tableau/{path}")
            assert answer.status_code == 404
            assert "Introuvable" in answer.text

    def test_are_linked_from_the_home_page_once_they_listen(self, sandbox: Sandbox, payer: Payer) -> None:
        assert "Tableau de bord" not in payer.browser.get("/").text
        sandbox.world.control_address = "http://127.0.0.1:8011/"
        assert 'href="http://127.0.0.1:8011/tableau/"' in payer.browser.get("/").text


class TestClock:
    def test_is_shown_moved_and_put_right(self, desk: Desk, control: Control) -> None:
        assert "16/03/2026, 12:00" in desk.see()
        desk.press("horloge", action="jour-ouvre")
        assert "17/03/2026, 12:00" in desk.see()
        assert "Remettre à l’heure" in desk.see()
        desk.press("horloge", action="a-l-heure")
        assert control("GET", "/clock")["offset_seconds"] == 0

    def test_pressed_twice_moves_one_day(self, desk: Desk, control: Control) -> None:
        found = re.search(r'name="jour" value="([^"]+)"', desk.see())
        assert found
        for _ in range(2):
            assert desk.press("horloge", action="jour-ouvre", jour=found[1]).status_code == 303
        assert control("GET", "/clock")["offset_seconds"] == 86400

    def test_stays_in_this_century(self, desk: Desk, control: Control) -> None:
        control("PUT", "/clock", {"now": "2099-12-31T12:00:00+00:00"})
        assert desk.press("horloge", action="jour-ouvre").status_code == 400

    def test_does_nothing_else(self, desk: Desk) -> None:
        assert desk.press("horloge", action="arreter").status_code == 400


class TestClients:
    def test_are_shown_with_their_phase_which_may_change(self, desk: Desk, control: Control) -> None:
        assert "SAINT AUBIN" in desk.see()
        desk.press(f"collectivites/{NUMCLI}", phase="active")
        assert control("GET", f"/clients/{NUMCLI}")["phase"] == "active"

    def test_tell_the_day_they_open(self, desk: Desk, payer: Payer) -> None:
        payer.pay(saisie="X")
        assert "en production le 17/03/2026" in desk.see()

    def test_go_back_to_test_whatever_opened_them(self, desk: Desk, payer: Payer, control: Control, time: Time) -> None:
        payer.pay(saisie="X")
        time.pass_by(days=1)
        assert refusal(payer.ask(saisie="A").text) == "debt_paid"  # the client is open
        desk.press(f"collectivites/{NUMCLI}", phase="test")
        told = control("GET", f"/clients/{NUMCLI}")
        assert (told["phase"], told["active_from"]) == ("test", None)
        assert refusal(payer.ask(saisie="A").text) == "client_not_active"

    def test_change_the_phase_of_each_means_apart(self, desk: Desk, control: Control) -> None:
        assert desk.press(f"collectivites/{NUMCLI}", means="direct_debit", phase="active").status_code == 400
        control("PUT", f"/clients/{NUMCLI}", {"direct_debit": {"active_from": "2026-03-10"}})
        assert f'<label for="direct_debit-{NUMCLI}">Prélèvement' in desk.see()
        for phase in ("test", "closed", "active"):
            desk.press(f"collectivites/{NUMCLI}", means="direct_debit", phase=phase)
            told = control("GET", f"/clients/{NUMCLI}")
            assert (told["direct_debit"]["phase"], told["phase"]) == (phase, "test")
            assert told["direct_debit"]["active_from"] is None
        assert desk.press(f"collectivites/{NUMCLI}", means="cheque", phase="active").status_code == 400

    def test_take_no_other_phase(self, desk: Desk) -> None:
        assert desk.press(f"collectivites/{NUMCLI}", phase="ouverte").status_code == 400
        assert desk.press("collectivites/999999", phase="active").status_code == 404

    def test_have_statements_to_download(self, desk: Desk) -> None:
        answer = desk.browser.get("/tableau/releves?numcli=033333&from=2026-03-01&to=2026-03-16")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.text.startswith("EN-TETE;033333;01/03/2026;16/03/2026")
        assert desk.browser.get("/tableau/releves?numcli=033333&from=hier").status_code == 400


class TestDebts:
    def fields(self, **changed: str) -> Any:
        told = {
            "numcli": NUMCLI,
            "refdet": "2026-00000050-000001",
            "montant": "1 234,50 €",
            "label": "Cantine",
            "state": "due",
            "taken_in_charge_on": "2026-03-10",
            "amicable_until": "",
        }
        return told | changed

    def test_are_added_as_people_write(self, desk: Desk, control: Control) -> None:
        assert desk.press("dettes/nouvelle", **self.fields()).status_code == 303
        told = control("GET", f"/debts/{NUMCLI}/{TITRE}")
        assert (told["montant"], told["label"], told["taken_in_charge_on"]) == (123450, "Cantine", "2026-03-10")

    @pytest.mark.parametrize("refdet", ["2026-50-1", "2026 00000050 000001", TITRE])
    @pytest.mark.parametrize("montant", ["48,5", "48.50", "48,50 €", "48,50\u00a0€"])
    def test_are_written_as_on_the_portal(self, desk: Desk, control: Control, refdet: str, montant: str) -> None:
        assert desk.press("dettes/nouvelle", **self.fields(refdet=refdet, montant=montant)).status_code == 303
        assert control("GET", f"/debts/{NUMCLI}/{TITRE}")["montant"] == 4850

    @pytest.mark.parametrize(
        ("changed", "told"),
        [
            ({"numcli": ""}, "Choisissez une collectivité"),
            ({"numcli": "123456"}, "Choisissez une collectivité"),
            ({"numcli": "033333"}, "Choisissez une collectivité"),
            ({"refdet": "42"}, "référence"),
            ({"refdet": "2026CA001"}, "référence"),
            ({"montant": "12.345"}, "montant"),
            ({"montant": ""}, "montant"),
            ({"taken_in_charge_on": ""}, "Indiquez le jour de prise en charge"),
            ({"taken_in_charge_on": "hier"}, "n’est pas une date"),
            ({"amicable_until": "bientôt"}, "phase amiable"),
            ({"amicable_until": "2026-03-09"}, "avant la prise en charge"),
            ({"refdet": REFDET}, "déjà connue"),
            ({"state": "soldee"}, "Choisissez un état"),
        ],
    )
    def test_ill_written_are_shown_again_with_the_mistake(self, desk: Desk, changed: dict[str, str], told: str) -> None:
        answer = desk.press("dettes/nouvelle", **self.fields(**changed))
        assert answer.status_code == 400
        assert told in answer.text
        [field] = changed
        assert "<title>Erreur&nbsp;: Nouvelle dette" in answer.text
        assert f'<a href="#{field}">' in answer.text
        assert re.search(rf'id="{field}"[^>]* aria-invalid="true" aria-describedby="{field}-mistake"', answer.text)
        assert f'id="{field}-mistake"' in answer.text
        assert 'value="Cantine"' in answer.text

    def test_are_changed(self, desk: Desk, control: Control) -> None:
        assert 'value="48,50"' in desk.see(f"dettes/{NUMCLI}/{REFDET}/")
        desk.press(f"dettes/{NUMCLI}/{REFDET}/", **self.fields(refdet=REFDET, montant="50"))
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["montant"] == 5000
        assert desk.press(f"dettes/{NUMCLI}/{REFDET}/", **self.fields()).status_code == 400

    @pytest.mark.parametrize("state", ["paid", "cancelled", "due"])
    def test_are_marked(self, desk: Desk, control: Control, state: str) -> None:
        desk.press(f"dettes/{NUMCLI}/{REFDET}/marquer", state=state)
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == state

    def test_are_deleted(self, desk: Desk, control: Control) -> None:
        desk.press(f"dettes/{NUMCLI}/{REFDET}/marquer", state="supprimer")
        control("GET", f"/debts/{NUMCLI}/{REFDET}", status=404)
        assert desk.press(f"dettes/{NUMCLI}/{REFDET}/marquer", state="paid").status_code == 404

    def test_are_marked_in_no_other_way(self, desk: Desk) -> None:
        assert desk.press(f"dettes/{NUMCLI}/{REFDET}/marquer", state="soldee").status_code == 400

    def test_are_listed_with_their_state(self, desk: Desk, payer: Payer) -> None:
        payer.pay()
        text = desk.see(f"dettes/?numcli={NUMCLI}")
        assert REFDET in text
        assert "(paiement 1)" in text
        assert "006382</td>" not in text

    def test_to_come_tell_the_day_from_which_they_are_payable(self, desk: Desk, control: Control) -> None:
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-05-04"})
        assert "payable à partir du 05/05/2026" in desk.see("dettes/")


class TestNotifications:
    @pytest.fixture(autouse=True)
    def one_is_waiting(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        payer.pay()

    @pytest.mark.parametrize(
        ("action", "seen"),
        [
            ("envoyer", lambda told: told["due_at"] == "2026-03-16T11:00:00.000000+00:00" and not told["held"]),
            ("abandonner", lambda told: told["state"] == "dropped"),
            ("doubler", lambda told: told["state"] == "pending"),
            ("retarder", lambda told: told["due_at"] == "2026-03-16T11:01:00.000000+00:00"),
        ],
    )
    def test_waiting_are_sent_dropped_doubled_or_put_off(
        self, desk: Desk, control: Control, action: str, seen: Callable[[Any], bool]
    ) -> None:
        assert "après la suivante" in desk.see("notifications/")
        assert desk.press("notifications/1", action=action).status_code == 303
        told = control("GET", "/notifications")["notifications"]
        assert seen(told[0])
        assert len(told) == (2 if action == "doubler" else 1)

    def test_never_sent_say_why(self, desk: Desk, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"drop": True, "next": 1}, status=201)
        payer.pay(exer="9999", refdet="999900000000999999")
        assert "Perdue (panne)" in desk.see("notifications/")
        assert "Abandonnée" not in desk.see("notifications/")
        desk.press("notifications/1", action="abandonner")
        assert "Abandonnée à la main" in desk.see("notifications/")
        for told in ("Perdue (panne)", "Abandonnée à la main", "« payer » à la page de la carte"):
            assert told in desk.see("journal/").replace("\u00a0", " ")

    def test_gone_can_no_longer_be_changed(self, sandbox: Sandbox, desk: Desk, listener: Listener) -> None:
        desk.press("notifications/1", action="envoyer")
        sandbox.deliver_due()
        assert "réponse 200" in desk.see("notifications/")
        answer = desk.press("notifications/1", action="abandonner")
        assert answer.status_code == 409
        assert "Trop tard" in answer.text

    def test_know_no_other_action(self, desk: Desk) -> None:
        assert desk.press("notifications/1", action="relire").status_code == 400


class TestFaults:
    @pytest.mark.parametrize("name", USUAL_FAULTS)
    def test_usual_ones_take_one_click_and_are_told_in_words(self, desk: Desk, control: Control, name: str) -> None:
        label, told = USUAL_FAULTS[name]
        assert label in desk.see()
        assert desk.press("pannes", panne=name).status_code == 303
        [fault] = control("GET", "/faults")["faults"]
        assert told.items() <= (fault | {"resultrans": fault.get("alter", {}).get("resultrans")}).items()
        assert describe(fault_from_json(told)) in desk.see()
        assert describe(fault_from_json(told)) != "sans effet"

    def test_are_deleted_one_by_one_or_all_together(self, desk: Desk, control: Control) -> None:
        for name in ("perdre", "doubler", "503"):
            desk.press("pannes", panne=name)
        desk.press("pannes/supprimer", numero="2")
        assert [one["id"] for one in control("GET", "/faults")["faults"]] == [1, 3]
        desk.press("pannes/supprimer")
        assert control("GET", "/faults") == {"faults": []}
        assert "tout marche" in desk.see()

    def test_unknown_are_refused(self, desk: Desk) -> None:
        assert desk.press("pannes", panne="incendie").status_code == 400


class TestJournal:
    def test_tells_a_payment_from_its_request_to_its_ticket(self, sandbox: Sandbox, desk: Desk, payer: Payer) -> None:
        payer.pay()
        payer.ask()
        sandbox.deliver_due()
        text = desk.see("journal/").split("<ol")[1]
        for told in ("Demande reçue", "acceptée", "refusée", "debt_paid", "Notification envoyée"):
            assert told in text
        assert text.index("Ticket envoyé") < text.index("Notification envoyée") < text.index("Demande reçue")

    def test_tells_the_calls_of_the_web_service_and_their_faults(
        self, sandbox: Sandbox, desk: Desk, payer: Payer, service: Service
    ) -> None:
        desk.press("pannes", panne="ws-503")
        service.post(regie_call())
        payer.pay_by_idop(payer.create())
        service.create(mel="x")
        service.post("<Envelope")
        text = desk.see("journal/?kind=service").split("<ol")[1]
        for told in ("Appel du service web", "creerPaiementSecurise", "CANTINE2026", "Réponse, idOp", "mel_invalid"):
            assert told in text
        assert "<Envelope" in text
        assert "page d’erreur 503" in desk.see("journal/?kind=fault")
        assert "au choix du moyen de paiement" in desk.see("journal/?kind=decision")

    def test_is_filtered(self, desk: Desk, payer: Payer) -> None:
        payer.open()
        payer.open(numcli="006382", montant="12000", saisie="A")
        assert "paiement 1" not in desk.see("journal/?transaction=2")
        assert "paiement 2" not in desk.see(f"journal/?numcli={NUMCLI}")
        assert "Rien pour l’instant" in desk.see("journal/?kind=fault")
        assert "paiement 2" in desk.see("journal/?numcli=&transaction=&kind=")

    @pytest.mark.parametrize("asked", ["transaction=un", "transaction=99999999999999999999", "kind=autre"])
    def test_asked_for_what_cannot_be_says_so(self, desk: Desk, asked: str) -> None:
        answer = desk.browser.get(f"/tableau/journal/?{asked}")
        assert answer.status_code == 400
        assert "Demande incomprise" in answer.text
