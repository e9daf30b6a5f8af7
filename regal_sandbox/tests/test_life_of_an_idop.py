"""From its creation to the night that forgets it: dossier, section 4.4."""

import re
from datetime import UTC, datetime

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import LISTENER, REGIE, Control, Listener, Payer, Service, Time


def refusal(page: str) -> str:
    found = re.search(r'data-refusal="(\w+)"', page)
    return found[1] if found else ""


def code(page: str) -> str:
    found = re.search(r"\(code (\w+)\)", page)
    return found[1] if found else ""


class TestBeforeTheOutcome:
    def test_the_result_is_unknown_and_the_page_opens(self, service: Service, payer: Payer) -> None:
        idop = payer.create()
        assert service.told(idop) == "P5"
        payer.enter(idop)
        assert "CANTINE2026" in payer.see()
        assert service.told(idop) == "P5"
        payer.press("continuer")
        payer.press("carte")
        assert service.told(idop) == "P5"

    def test_the_page_shows_what_was_asked(self, payer: Payer) -> None:
        payer.enter(payer.create())
        page = payer.see()
        for told in ("SAINT AUBIN", REGIE, "CANTINE2026", "Cantine mars", "leroy@exemple.fr", "48,50"):
            assert told in page

    def test_a_page_never_opened_cannot_be_after_fifteen_minutes(
        self, service: Service, payer: Payer, time: Time
    ) -> None:
        idop = payer.create()
        time.pass_by(minutes=15)
        assert payer.ask_by_idop(idop).status_code == 303
        late = payer.create(refdet="CANTINE2027")
        time.pass_by(minutes=15, seconds=1)
        page = payer.ask_by_idop(late).text
        assert (refusal(page), code(page)) == ("idop_expired", "P4")
        assert service.told(late) == "P5"  # still

    def test_those_minutes_bound_the_opening_not_the_payment(self, service: Service, payer: Payer, time: Time) -> None:
        idop = payer.create()
        time.pass_by(minutes=14)
        payer.enter(idop)
        time.pass_by(minutes=60)
        payer.press("continuer")
        payer.press("carte")
        payer.press("payer")
        assert service.told(idop) == "P"

    def test_a_closed_tab_may_be_opened_again_where_it_was(self, payer: Payer) -> None:
        idop = payer.create()
        payer.enter(idop)
        payer.press("continuer")
        carried_on = payer.ask_by_idop(idop)
        assert carried_on.headers["Location"] == payer.address
        assert "Choisissez comment payer" in payer.see()

    def test_a_closed_tab_may_not_when_told(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"idop_single_opening": True})
        idop = payer.create()
        payer.enter(idop)
        assert code(payer.ask_by_idop(idop).text) == "P3"

    def test_a_page_left_open_ends_after_two_hours_without_outcome(
        self, service: Service, payer: Payer, time: Time
    ) -> None:
        idop = payer.create()
        payer.enter(idop)
        time.pass_by(minutes=120)
        assert refusal(payer.see()) == "page_expired"
        assert service.told(idop) == "P5"
        time.pass_by(days=1)
        assert service.told(idop) == "P1"


class TestAfterTheOutcome:
    @pytest.mark.parametrize(
        "decisions", [("carte", "payer"), ("carte", "refuser"), ("prelevement", "identifier", "payer")]
    )
    def test_the_idop_is_used(self, service: Service, payer: Payer, decisions: tuple[str, ...]) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop, *decisions)
        page = payer.ask_by_idop(idop).text
        assert (refusal(page), code(page)) == ("idop_used", "P3")

    def test_paying_twice_with_one_page_changes_nothing(self, sandbox: Sandbox, payer: Payer) -> None:
        payer.pay_by_idop(payer.create())
        [before] = sandbox.idops()
        payer.press("payer")
        assert sandbox.idops() == [before]

    def test_two_payers_may_pay_one_refdet_by_two_idops(self, sandbox: Sandbox, payer: Payer) -> None:
        first, second = payer.create(), payer.create()
        payer.pay_by_idop(second)
        payer.pay_by_idop(first)
        assert [one["resultrans"] for one in sandbox.idops(refdet="CANTINE2026")] == ["P", "P"]

    def test_an_unknown_idop_has_an_error_page(self, payer: Payer) -> None:
        for idop in ("", "x", "cc0cb210-1cd4-11ea-8cca-0213ad91a103"):
            page = payer.ask_by_idop(idop).text
            assert (refusal(page), code(page)) == ("idop_unknown", "P1")

    def test_the_page_opens_by_post_too(self, payer: Payer) -> None:
        answer = payer.browser.post("/tpa/paiementws.web", data={"idop": payer.create()})
        assert answer.status_code == 303

    def test_a_link_checked_is_not_a_page_opened(self, sandbox: Sandbox, payer: Payer) -> None:
        idop = payer.create()
        payer.browser.head(f"/tpa/paiementws.web?idop={idop}")
        assert sandbox.idops()[0]["entered_at"] is None


class TestAbandonThenPay:
    def test_in_one_idop(self, sandbox: Sandbox, service: Service, payer: Payer, listener: Listener) -> None:
        idop = payer.create()
        page = payer.pay_by_idop(idop, "abandonner")
        assert service.told(idop) == "A"
        assert f"/tpa/paiementws.web?idop={idop}" in page  # offered on the page itself
        payer.enter(idop)
        assert service.told(idop) == "A"  # while the payer hesitates
        for decision in ("continuer", "carte", "payer"):
            payer.press(decision)
        assert service.told(idop) == "P"
        assert [one["resultrans"] for one in sandbox.idops()[0]["outcomes"]] == ["A", "P"]
        sandbox.deliver_due()
        assert listener.bodies == [{"idop": idop}, {"idop": idop}]

    def test_not_after_fifteen_minutes(self, service: Service, payer: Payer, time: Time) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop, "abandonner")
        time.pass_by(minutes=16)
        assert "Reprendre" not in payer.see()
        assert code(payer.ask_by_idop(idop).text) == "P4"
        assert service.told(idop) == "A"

    def test_or_leave_again(self, sandbox: Sandbox, service: Service, payer: Payer) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop, "abandonner")
        payer.pay_by_idop(idop, "carte", "refuser")
        assert service.told(idop) == "R"
        assert code(payer.ask_by_idop(idop).text) == "P3"


class TestLateResult:
    def test_stays_unknown_until_its_hour(
        self, sandbox: Sandbox, service: Service, payer: Payer, listener: Listener, control: Control, time: Time
    ) -> None:
        control("POST", "/faults", {"late_seconds": 7200, "next": 1}, status=201)
        idop = payer.create()
        assert 'data-outcome="P"' in payer.pay_by_idop(idop)  # the payer has his ticket
        time.pass_by(seconds=7199)
        sandbox.deliver_due()
        assert service.told(idop) == "P5"
        assert listener.heard == []
        time.pass_by(seconds=1)
        sandbox.deliver_due()
        assert service.told(idop) == "P"
        assert service.detail(idop).values["heurtrans"] == "1200"  # of the payment
        assert listener.bodies == [{"idop": idop}]

    def test_may_be_notified_before_it_is_known(
        self, sandbox: Sandbox, service: Service, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"late_seconds": 60, "early_notification": True}, status=201)
        idop = payer.create()
        payer.pay_by_idop(idop)
        sandbox.deliver_due()
        assert listener.bodies == [{"idop": idop}]
        assert service.told(idop) == "P5"

    def test_may_be_the_habit(self, service: Service, payer: Payer, control: Control, time: Time) -> None:
        control("PUT", "/settings", {"result_delay_seconds": 30})
        idop = payer.create()
        payer.pay_by_idop(idop)
        assert service.told(idop) == "P5"
        time.pass_by(seconds=30)
        assert service.told(idop) == "P"

    def test_of_a_payment_without_notification_is_late_too(
        self, service: Service, payer: Payer, control: Control, time: Time
    ) -> None:
        control("POST", "/faults", {"late_seconds": 60}, status=201)
        idop = payer.create(urlnotif=None)
        payer.pay_by_idop(idop)
        assert service.told(idop) == "P5"
        time.pass_by(seconds=60)
        assert service.told(idop) == "P"


class TestNight:
    def at_night(self, time: Time) -> None:
        time.now = datetime(2026, 3, 17, 1, 59, 59, tzinfo=UTC)  # 02:59:59 in Paris

    def test_forgets_what_was_never_paid(self, sandbox: Sandbox, service: Service, payer: Payer, time: Time) -> None:
        unopened, refused, abandoned = payer.create(), payer.create(), payer.create()
        payer.pay_by_idop(refused, "carte", "refuser")
        payer.pay_by_idop(abandoned, "abandonner")
        self.at_night(time)
        assert [service.told(one) for one in (unopened, refused, abandoned)] == ["P5", "R", "A"]
        time.pass_by(seconds=1)
        assert [service.told(one) for one in (unopened, refused, abandoned)] == ["P1", "P1", "P1"]
        assert {code(payer.ask_by_idop(one).text) for one in (unopened, refused, abandoned)} == {"P1"}
        assert [one["service"] for one in sandbox.idops()] == ["P1"] * 3
        assert [one["resultrans"] for one in sandbox.idops()] == [None, "R", "A"]  # the truth stays known here

    @pytest.mark.parametrize(
        ("decisions", "letter"), [(("carte", "payer"), "P"), (("prelevement", "identifier", "payer"), "V")]
    )
    def test_keeps_what_was_paid(
        self, service: Service, payer: Payer, time: Time, decisions: tuple[str, ...], letter: str
    ) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop, *decisions)
        time.pass_by(days=400)
        assert service.told(idop) == letter
        assert code(payer.ask_by_idop(idop).text) == "P3"

    def test_keeps_it_so_many_days_when_told(
        self, service: Service, payer: Payer, control: Control, time: Time
    ) -> None:
        control("PUT", "/settings", {"purge_keeps_days": 2})
        idop = payer.create()
        payer.pay_by_idop(idop)
        time.pass_by(days=2)
        assert service.told(idop) == "P"
        time.pass_by(days=1)
        assert service.told(idop) == "P1"

    @pytest.mark.parametrize(("kept", "told"), [("results", ["P", "R"]), ("nothing", ["P1", "P1"])])
    def test_keeps_more_or_less_when_told(
        self, service: Service, payer: Payer, control: Control, time: Time, kept: str, told: list[str]
    ) -> None:
        control("PUT", "/settings", {"purge_keeps": kept})
        paid, refused = payer.create(), payer.create()
        payer.pay_by_idop(paid)
        payer.pay_by_idop(refused, "carte", "refuser")
        time.pass_by(days=1)
        assert [service.told(paid), service.told(refused)] == told

    def test_passes_over_a_payer_on_his_page(self, service: Service, payer: Payer, time: Time) -> None:
        time.now = datetime(2026, 3, 16, 22, 50, tzinfo=UTC)
        idop = payer.create()
        time.pass_by(minutes=9)  # 23:59 in Paris
        payer.enter(idop)
        time.now = datetime(2026, 3, 17, 0, 50, tzinfo=UTC)
        for decision in ("continuer", "carte", "payer"):
            payer.press(decision)
        time.pass_by(hours=5)
        assert service.told(idop) == "P"

    def test_does_not_take_a_result_that_is_not_told_yet(
        self, service: Service, payer: Payer, control: Control, time: Time
    ) -> None:
        control("POST", "/faults", {"late_seconds": 20 * 3600}, status=201)
        idop = payer.create()
        payer.pay_by_idop(idop)
        time.pass_by(hours=19)
        assert service.told(idop) == "P5"
        time.pass_by(hours=1)
        assert service.told(idop) == "P"


class TestWayBack:
    def back(self, page: str) -> str:
        [found] = re.findall(r'<a class="button first" data-return href="([^"]+)"', page)
        return str(found).replace("&amp;", "&")

    def test_is_a_link_with_the_idop(self, payer: Payer) -> None:
        idop = payer.create()
        page = payer.pay_by_idop(idop)
        assert self.back(page) == f"https://site.exemple.fr/retour?idop={idop}"

    def test_keeps_the_site_s_own_query(self, payer: Payer) -> None:
        idop = payer.create(urlredirect="https://site.exemple.fr/retour?jeton=a&b=c")
        assert self.back(payer.pay_by_idop(idop)) == f"https://site.exemple.fr/retour?jeton=a&b=c&idop={idop}"

    def test_is_a_form_when_told(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"return_method": "POST"})
        idop = payer.create()
        page = payer.pay_by_idop(idop)
        [form] = re.findall(r"<form[^>]*data-return>.*?</form>", page, re.S)
        assert 'method="post" action="https://site.exemple.fr/retour"' in form
        assert f'name="idop" value="{idop}"' in form

    @pytest.mark.parametrize("decisions", [("carte", "refuser"), ("abandonner",)])
    def test_stands_after_a_refusal_and_an_abandon_too(self, payer: Payer, decisions: tuple[str, ...]) -> None:
        idop = payer.create()
        assert self.back(payer.pay_by_idop(idop, *decisions)).endswith(f"?idop={idop}")

    def test_is_absent_without_address(self, payer: Payer) -> None:
        assert "data-return" not in payer.pay_by_idop(payer.create(urlredirect=None))

    def test_lets_the_form_leave_the_page_and_nothing_else(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"return_method": "POST"})
        payer.pay_by_idop(payer.create())
        policy = payer.browser.get(payer.address).headers["Content-Security-Policy"]
        assert "form-action 'self' http: https:" in policy
        payer.enter(payer.create())
        assert "form-action 'self';" in payer.browser.get(payer.address).headers["Content-Security-Policy"]


class TestMeans:
    def test_three_are_offered(self, payer: Payer) -> None:
        payer.enter(payer.create())
        page = payer.press("continuer")
        assert [one in page for one in ('value="carte"', 'value="prelevement"', 'value="virement"')] == [True] * 3

    def test_letters_of_virement_are_settings(self, service: Service, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"transfer_letter": "Y", "transfer_refused_letter": "N"})
        accepted, refused = payer.create(), payer.create()
        payer.pay_by_idop(accepted, "virement", "payer")
        payer.pay_by_idop(refused, "virement", "refuser")
        assert [service.told(accepted), service.told(refused)] == ["Y", "N"]

    def test_an_activation_payment_opens_its_means_the_next_working_day(
        self, service: Service, payer: Payer, control: Control, time: Time
    ) -> None:
        regie = {"kind": "regie", "phase": "test", "direct_debit": {}, "options": {"web_service": True}}
        control("PUT", f"/clients/{REGIE}", regie)
        time.now = datetime(2026, 3, 20, 11, 0, tzinfo=UTC)  # a Friday
        payer.pay_by_idop(payer.create(saisie="X"))
        time.pass_by(days=2)
        assert service.create(saisie="W").fault
        time.pass_by(days=1)
        payer.enter(payer.create(saisie="W"))
        assert "par carte bancaire" in payer.see()  # the only means: prélèvement was not activated

    def test_a_payment_in_test_is_played_whole(
        self, sandbox: Sandbox, service: Service, payer: Payer, listener: Listener
    ) -> None:
        idop = payer.create(saisie="T")
        payer.pay_by_idop(idop)
        sandbox.deliver_due()
        assert service.detail(idop).values["saisie"] == "T"
        assert listener.bodies == [{"idop": idop}]


class TestNotification:
    def test_is_a_form_with_the_idop_alone(self, sandbox: Sandbox, payer: Payer, listener: Listener) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop)
        sandbox.deliver_due()
        [heard] = listener.heard
        assert (heard.method, heard.url) == ("POST", LISTENER)
        assert heard.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert heard.body == f"idop={idop}".encode()

    @pytest.mark.parametrize("decisions", [("carte", "refuser"), ("abandonner",), ("virement", "payer")])
    def test_follows_every_outcome(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, decisions: tuple[str, ...]
    ) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop, *decisions)
        sandbox.deliver_due()
        assert listener.bodies == [{"idop": idop}]

    def test_is_lost_doubled_and_delayed_as_the_others(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control, time: Time
    ) -> None:
        control("POST", "/faults", {"drop": True, "next": 1}, status=201)
        payer.pay_by_idop(payer.create())
        control("POST", "/faults", {"duplicate": 2, "delay_seconds": 90, "numcli": REGIE, "next": 1}, status=201)
        idop = payer.create()
        payer.pay_by_idop(idop)
        sandbox.deliver_due()
        assert listener.heard == []
        time.pass_by(seconds=90)
        sandbox.deliver_due()
        assert listener.bodies == [{"idop": idop}] * 3

    def test_travels_in_the_address_when_told(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("PUT", "/settings", {"transport": "query"})
        idop = payer.create()
        payer.pay_by_idop(idop)
        sandbox.deliver_due()
        assert listener.heard[0].body == b""
        assert listener.queries == [{"jeton": "abc", "idop": idop}]

    def test_may_be_out_of_order(self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control) -> None:
        control("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        first, second = payer.create(), payer.create()
        payer.pay_by_idop(first)
        payer.pay_by_idop(second)
        sandbox.deliver_due()
        assert listener.bodies == [{"idop": second}, {"idop": first}]

    def test_is_sent_again_by_hand(self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop)
        control("POST", "/transactions/1/resend", {})
        sandbox.deliver_due()
        assert listener.bodies == [{"idop": idop}] * 2
