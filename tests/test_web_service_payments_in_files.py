"""Paid through the web service, and found again in the régisseur's statement, asked for meanwhile or not."""

from urllib.parse import urlsplit

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

import regal_sandbox
from regal.backoffice import files as file_pages
from regal.gateways.base import AskableGateway, DebtKind, Environment, Key, Question
from regal.lib import http
from regal.lib.tenancy import tenant
from regal.payments.accounts import gateway_of
from regal.payments.departure import depart
from regal.payments.models import Attempt, Settlement
from regal.payments.operations import apply_notice
from regal.payments.states import State
from regal.people.models import Role
from tests import cast, notices, proof
from tests.cast import MORNING, later
from tests.sites import BureauClient

NUMCLI, BILL = "350005", "FC2026000412"
EVENING = later(hours=9)
SETTINGS = {
    "statement_titles": True,
    "statement_columns": ["date", "refdet", "montant", "saisie", "resultrans"],
    "statement_amounts": "cents",
}


@pytest.fixture
def payfip(monkeypatch, settings):
    """PayFiP's copy, on the same day; nobody asks it anything inside a transaction."""
    settings.PAYFIP_URL = "https://payfip.example/tpa/"
    monkeypatch.setattr(file_pages, "clock", lambda: EVENING)
    ours = {"numcli": NUMCLI, "kind": "regie", "phase": "active", "options": {"web_service": True}}
    made = regal_sandbox.create(
        config={"clients": [ours], "towns": []},
        clock=lambda: MORNING,
        seed="graine",
        send_notification=lambda request: regal_sandbox.Answer(status=200),
    )
    assert made.control.test_client().put("/settings", json=SETTINGS).status_code == 200

    def refuse_transactions(request):
        assert not connection.in_atomic_block

    client = httpx.Client(transport=made.transport(), event_hooks={"request": [refuse_transactions]})
    with http.replaced(client):
        yield made
    made.close()


@pytest.fixture
def town(committed_db):
    return cast.make_saint_aubin()


@pytest.fixture
def attempt(town, payfip):
    """Mme Leroy left for PayFiP, and paid there."""
    product = cast.make_product(
        town,
        DebtKind.REGIE,
        slug="cantine",
        numcli=NUMCLI,
        gateway="payfip_ws",
        environment=Environment.PRODUCTION,
        options={"statement_amounts": "cents"},
    )
    titre = cast.make_titre(product, reference=BILL)
    order = cast.order(
        town, product=product, debt_reference=BILL, exercice=titre.exercice, amount=titre.amount, titre=titre
    )
    left = depart(order=order, clock=lambda: MORNING)
    browser, address = payfip.pages.test_client(), urlsplit(left.hand_off.url)
    at = browser.get(f"{address.path}?{address.query}").headers["Location"]
    for decision in ("continuer", "payer"):
        assert browser.post(at, data={"decision": decision}, follow_redirects=True).status_code == 200
    return left.attempt


def ask(town, attempt):
    with tenant(town.collectivite):
        stored = Attempt.objects.select_related("account").get(pk=attempt.pk)
        gateway = gateway_of(stored.account)
    assert isinstance(gateway, AskableGateway)
    notice = gateway.ask(Question(reference=stored.reference, key=Key(value=stored.key)))
    with tenant(town.collectivite):
        apply_notice(
            collectivite_id=town.collectivite.pk,
            attempt_id=stored.pk,
            notice=notice,
            digest=str(notice.digest),
            source="inquiry",
            now=later(minutes=5),
        )


@pytest.mark.parametrize("was_asked", [False, True], ids=["silent until then", "asked before"])
def test_a_payment_is_confirmed_by_the_statement_of_its_day(town, payfip, attempt, was_asked):
    if was_asked:
        ask(town, attempt)
    rose = BureauClient()
    rose.force_login(cast.make_agent(town, "rose", Role.REGISSEUR))
    content = payfip.control.test_client().get(f"/statements/{NUMCLI}").data
    sent = {"fichier": SimpleUploadedFile("releve.csv", content), "compte": NUMCLI}
    answer = rose.post("/saint-aubin/fichiers/", sent)
    assert answer.status_code == 303, answer.content.decode()
    where = answer["Location"]
    expected = "1 l’est déjà" if was_asked else "1 paiement sera confirmé"
    assert expected in rose.get(where).content.decode()
    assert rose.post(f"{where}confirmer/", {"du": "24/11/2026", "au": "24/11/2026"}).status_code == 303
    notices.run_due(EVENING)
    with tenant(town.collectivite):
        attempt.refresh_from_db()
        settlement = Settlement.objects.get()
    assert (attempt.status, settlement.attempt_id) == (State.PAID, attempt.pk)
    assert proof.broken(EVENING) == ()
