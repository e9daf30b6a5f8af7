"""Paid at PayFiP's copy, announced or not, then confirmed by the file that PayFiP's copy makes of it."""

import re
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

import regal_sandbox
from regal.backoffice import files as file_pages
from regal.gateways.base import DebtKind, Environment, Outcome
from regal.lib.tenancy import tenant
from regal.payments.models import Settlement
from regal.payments.states import State
from regal.people.models import Role
from tests import cast, notices, proof
from tests.cast import MORNING, REFDET, later
from tests.files import SIRET
from tests.sites import BureauClient

ROLE = "2026EA00000000012"
BILL = "FC2026000412"
KINDS = {
    DebtKind.TITRE: ("006382", "titre", REFDET),
    DebtKind.ORMC: ("350004", "role", ROLE),
    DebtKind.REGIE: ("350005", "regie", BILL),
}
EVENING = later(hours=9)


@pytest.fixture
def town(committed_db):
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


@pytest.fixture
def regisseuse(town):
    client = BureauClient()
    client.force_login(cast.make_agent(town, "rose", Role.REGISSEUR))
    return client


@pytest.fixture
def told():
    """The notifications that PayFiP's copy sent."""
    return []


@pytest.fixture
def payfip(monkeypatch, told):
    """PayFiP's copy, on the same day."""
    monkeypatch.setattr(file_pages, "clock", lambda: EVENING)

    def call(request):
        told.append(request.body)
        return regal_sandbox.Answer(status=200, body=b"")

    debt = {"montant": 12_550, "taken_in_charge_on": "2026-11-01"}
    configuration = {
        "clients": [
            {
                "numcli": numcli,
                "kind": kind,
                "labels": ["X", "SAINT-AUBIN", "MAIRIE"],
                "phase": "active",
                "siret": SIRET,
            }
            for numcli, kind, _ in KINDS.values()
        ],
        "debts": [
            {"numcli": numcli, "refdet": refdet, **debt} for numcli, kind, refdet in KINDS.values() if kind != "regie"
        ],
        "towns": [],
    }
    made = regal_sandbox.create(config=configuration, clock=lambda: MORNING, seed="graine", send_notification=call)
    yield made
    made.close()


def leave(town, kind):
    """Mme Leroy leaves for PayFiP."""
    numcli, _, refdet = KINDS[kind]
    product = town.product
    if kind is not DebtKind.TITRE:
        product = cast.make_product(town, kind, slug="autre", numcli=numcli, environment=Environment.PRODUCTION)
    exercice = None if kind is DebtKind.REGIE else 2026
    return cast.start(town, product=product, debt_reference=refdet, exercice=exercice)


def pay(payfip, started):
    """She pays there, by card."""
    browser = payfip.pages.test_client()
    address = urlsplit(started.hand_off.url)
    at = browser.get(f"{address.path}?{address.query}").headers["Location"]
    for decision in ("continuer", "payer"):
        page = browser.post(at, data={"decision": decision}, follow_redirects=True)
        assert page.status_code == 200, page.text


def statement_of(payfip, kind):
    """The name and the bytes of the day's file."""
    answer = payfip.control.test_client().get(f"/statements/{KINDS[kind][0]}")
    assert answer.status_code == 200, answer.text
    (name,) = re.findall(r'filename="?([^";]+)', answer.headers["Content-Disposition"])
    return name, bytes(answer.data)


@pytest.mark.parametrize("is_lost", [False, True], ids=["announced", "its notification lost"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_payment_is_confirmed_by_the_file_of_its_day(payfip, told, town, regisseuse, kind, is_lost):
    started = leave(town, kind)
    pay(payfip, started)
    if not is_lost:
        payfip.deliver_due()
        (body,) = told
        notices.tell(town, started.attempt, body)
    attempt = started.attempt
    with tenant(town.collectivite):
        attempt.refresh_from_db()
    assert (attempt.status, attempt.announced) == (State.HANDED_OFF, "" if is_lost else Outcome.PAID)
    name, content = statement_of(payfip, kind)
    sent = {"fichier": SimpleUploadedFile(name, content), "compte": "350005" if kind is DebtKind.REGIE else ""}
    answer = regisseuse.post("/saint-aubin/fichiers/", sent)
    assert answer.status_code == 303, answer.content.decode()
    where = answer["Location"]
    assert "1 paiement sera confirmé" in regisseuse.get(where).content.decode()
    answer = regisseuse.post(f"{where}confirmer/", {"du": "24/11/2026", "au": "24/11/2026"})
    assert answer.status_code == 303
    notices.run_due(EVENING)
    assert "1 paiement est confirmé" in regisseuse.get(where).content.decode()
    with tenant(town.collectivite):
        attempt.refresh_from_db()
        settlement = Settlement.objects.get()
    assert attempt.status == State.PAID
    assert (settlement.attempt_id, settlement.accounting_day.isoformat()) == (attempt.pk, "2026-11-24")
    assert proof.broken(EVENING) == ()
