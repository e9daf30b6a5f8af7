"""Paid on Paybox's copy, its messages lost, then found again by the file that Paybox's copy makes of the night."""

import re
from datetime import date, timedelta

import httpx
import pytest

import regal_sandbox
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment, PostForm, Rank
from regal.gateways.files import LineKind, NotThisFile
from regal.gateways.paybox_files import is_of_paybox, read_remise
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.models import Attempt, Settlement
from regal.payments.states import State
from regal.reconciliation import operations, queries
from regal.reconciliation.matching import Result
from regal.reconciliation.remises import transaction_of
from tests import cast, notices, proof
from tests.cast import MORNING

KEY = "5A" * 64
DIRECT_KEY = "VALRIVE42"
CARD = "1111222233334444"
CONFIG = {
    "clients": [],
    "debts": [],
    "towns": [],
    "merchants": [
        {
            "site": "2718281",
            "rank": rank,
            "identifier": f"3141592{rank:02d}",
            "name": "RÉGIE DE SAINT-AUBIN",
            "mode": "production",
            "hmac_key": KEY,
            "direct_key": DIRECT_KEY,
        }
        for rank in (1, 2)
    ],
}


class Clock:
    """The hour at Paybox's, and at ours."""

    def __init__(self):
        self.now = MORNING

    def __call__(self):
        return self.now


class Paybox:
    """Paybox's copy, where every message is lost."""

    def __init__(self):
        self.clock = Clock()
        self.sandbox = regal_sandbox.create(
            config=CONFIG,
            clock=self.clock,
            seed="graine",
            send_notification=lambda request: regal_sandbox.Answer(status=200, body=b""),
        )
        self.browser = httpx.Client(transport=self.sandbox.transport(), follow_redirects=True)
        self.control = self.sandbox.control.test_client()
        self._questions = 0

    def pay(self, form):
        """The payer pays by card on the page that the form leads to."""
        page = self.browser.post(form.url, data=dict(form.fields))
        session = re.search('data-session="([^"]+)"', page.text)
        assert session, page.text
        where = form.url.partition("/php/")[0]
        told = {"session": session[1]}
        for decision in ("continuer", "CB"):
            self.browser.post(f"{where}/cgi/MYpagepaiement.cgi", data=told | {"decision": decision})
        page = self.browser.post(f"{where}/cgi/MYtraitetransaction.cgi", data=told | {"decision": "payer"})
        assert 'data-state="paid"' in page.text, page.text

    def ask(self, kind, *, rank="01", **fields):
        """Put a question to Direct."""
        self._questions += 1
        asked = {
            "VERSION": "00104",
            "TYPE": kind,
            "SITE": "2718281",
            "RANG": rank,
            "CLE": DIRECT_KEY,
            "NUMQUESTION": f"{self._questions:010d}",
            "DATEQ": f"{self.clock.now:%d%m%Y%H%M%S}",
            "DEVISE": "978",
        }
        answer = self.browser.post("https://ppps.paybox.com/PPPS.php", data=asked | fields)
        told = dict(piece.split("=", 1) for piece in answer.text.split("&"))
        assert told["CODEREPONSE"] == "00000", told
        return {name: told[name] for name in ("NUMTRANS", "NUMAPPEL")}

    def charge(self, cents, reference, **more):
        """A payment by card without a page."""
        card = {"PORTEUR": CARD, "DATEVAL": "1229", "CVV": "123"}
        return self.ask("00003", MONTANT=f"{cents:010d}", REFERENCE=reference, **card, **more)

    def nights_pass(self, count=1):
        self.clock.now += timedelta(days=count)

    def remises(self):
        return self.control.get("/paybox/remises").get_json()["remises"]

    def file(self, **asked):
        answer = self.control.get("/paybox/file", query_string=asked)
        assert answer.status_code == 200, answer.text
        return bytes(answer.data)


@pytest.fixture
def paybox():
    made = Paybox()
    yield made
    made.sandbox.close()


class TestARemise:
    @pytest.mark.parametrize("dates", ["dd/mm/yyyy", "yyyy-mm-dd"])
    def test_is_read_as_it_was_meant(self, paybox, dates):
        paid = paybox.charge(12_550, "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu")
        cancelled = paybox.charge(900, "FC2026000413-Ab3dEf6hIj9kLmNoPqRsTu")
        paybox.ask("00005", MONTANT="0000000900", REFERENCE="x", **cancelled)
        paybox.nights_pass()
        (told,) = paybox.remises()
        file = read_remise(paybox.file(remise=told["number"], dates=dates))
        by_kind = {one.kind: one for one in file.payments}
        payment = by_kind[LineKind.PAYMENT]
        assert (payment.amount, transaction_of(payment).reference) == (
            Money(12_550),
            "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu",
        )
        assert transaction_of(payment).number == paid["NUMTRANS"].lstrip("0")
        assert transaction_of(payment).call == paid["NUMAPPEL"].lstrip("0")
        assert transaction_of(payment).contract == "2718281-01"
        assert transaction_of(payment).remittance == told["number"].lstrip("0")
        assert transaction_of(payment).remitted_on == date.fromisoformat(told["day"])
        assert payment.at == paybox.clock.now - timedelta(days=1)
        assert by_kind[LineKind.CANCELLED].amount == Money(900)
        assert file.entity == "RÉGIE DE SAINT-AUBIN"

    def test_makes_what_the_bank_credits(self, paybox):
        paid = paybox.charge(5_000, "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu")
        paybox.nights_pass()
        paybox.ask("00014", MONTANT="0000001500", REFERENCE="x", **paid)
        paybox.charge(4_000, "FC2026000413-Ab3dEf6hIj9kLmNoPqRsTu")
        paybox.nights_pass()
        _, told = paybox.remises()
        lines = read_remise(paybox.file(remise=told["number"])).payments
        (made,) = queries.remittances(
            (
                transaction_of(one).contract,
                transaction_of(one).remittance,
                transaction_of(one).remitted_on,
                one.kind.value,
                one.amount.cents,
            )
            for one in lines
        )
        assert (made.cents, made.paid.total.cents, made.refunded.total.cents) == (
            told["cents"],
            told["debit_cents"],
            told["credit_cents"],
        )
        (refund,) = (one for one in lines if one.kind is LineKind.REFUND)
        assert transaction_of(refund).call == paid["NUMAPPEL"].lstrip("0")
        assert transaction_of(refund).number != paid["NUMTRANS"].lstrip("0")

    @pytest.mark.parametrize(("kind", "code"), [("export", "F501"), ("vision", "F502")])
    def test_is_told_from_the_other_two_files(self, paybox, kind, code):
        paybox.charge(5_000, "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu")
        paybox.nights_pass()
        day = paybox.clock.now.date()
        first, last = (day - timedelta(days=2)).isoformat(), day.isoformat()
        content = paybox.file(file=kind, site="2718281", rank="01", **{"from": first, "to": last})
        assert is_of_paybox(content)
        with pytest.raises(NotThisFile) as refused:
            read_remise(content)
        assert refused.value.code == code


@pytest.fixture
def town(committed_db, settings):
    settings.SECRET_KEYS = f"live:{new_master_key()}"
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


@pytest.fixture
def canteen(town):
    product = cast.make_product(
        town,
        DebtKind.REGIE,
        slug="cantine",
        numcli="2718281-01-314159201",
        gateway="paybox",
        environment=Environment.PRODUCTION,
    )
    with tenant(town.collectivite):
        keep_secret(account=product.account, name="hmac", value=Secret(KEY.encode()))
    return product


def leave(town, canteen, number, now):
    titre = cast.make_titre(canteen, reference=f"FC202600004{number}", now=now)
    started = cast.start(
        town,
        product=canteen,
        titre=titre,
        debt_reference=titre.reference,
        exercice=None,
        amount=titre.amount,
        now=now,
    )
    assert isinstance(started.hand_off, PostForm)
    return started


def file_it(town, content, now):
    with tenant(town.collectivite):
        file = operations.deposit(
            collectivite=town.collectivite,
            content=content,
            name="remise.csv",
            account_identifier="",
            actor_id=town.agent.pk,
            now=now,
        )
        operations.confirm(
            collectivite=town.collectivite,
            file_id=file.pk,
            covers_from=file.covers_from,
            covers_to=file.covers_to,
            actor_id=town.agent.pk,
            now=now,
        )
    notices.run_due(now)
    with tenant(town.collectivite):
        return [(Result(one.result), one.attempt_id) for one in queries.lines_of(file=file)]


def state(town, started):
    with tenant(town.collectivite):
        return Attempt.objects.get(pk=started.attempt.pk).status


class TestAPaymentOfWhichNothingWasHeard:
    def test_is_found_again_by_the_remise_of_its_night(self, paybox, town, canteen):
        now = paybox.clock.now
        paid, left = leave(town, canteen, 1, now), leave(town, canteen, 2, now)
        paybox.pay(paid.hand_off)
        assert state(town, paid) == State.HANDED_OFF
        paybox.nights_pass()
        (told,) = paybox.remises()
        content = paybox.file(remise=told["number"])
        assert file_it(town, content, paybox.clock.now) == [(Result.CONFIRMED, paid.attempt.pk)]
        assert (state(town, paid), state(town, left)) == (State.PAID, State.HANDED_OFF)
        with tenant(town.collectivite):
            settlement = Settlement.objects.get()
        assert (settlement.rank, settlement.amount, settlement.occurred_at) == (Rank.FILED, paid.attempt.amount, now)
        assert settlement.transaction != ""
        assert proof.broken(paybox.clock.now) == ()

    def test_and_paid_twice_by_another_program_is_settled_once(self, paybox, town, canteen):
        now = paybox.clock.now
        paid = leave(town, canteen, 1, now)
        paybox.pay(paid.hand_off)
        paybox.charge(paid.attempt.amount.cents, paid.attempt.reference)
        paybox.nights_pass()
        (told,) = paybox.remises()
        found = file_it(town, paybox.file(remise=told["number"]), paybox.clock.now)
        assert sorted(result for result, _ in found) == [Result.CONFIRMED, Result.PAID_TWICE]
        assert proof.broken(paybox.clock.now) == ()
