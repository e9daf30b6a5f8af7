"""A titre of the comptable from its link to the file that closes it: our pages, PayFiP's copy of a day, the bureau."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from regal.backoffice import files as file_pages
from regal.backoffice import pages as bureau_pages
from regal.checkout import pages
from regal.gateways.base import Environment
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation, Attempt, Settlement
from regal.payments.states import State
from regal.people.models import Role
from regal.titres.links import link_token
from regal.titres.models import Titre
from tests import cast, notices, proof
from tests.cast import MORNING, later
from tests.files import Paid, pes
from tests.sites import BureauClient

EVENING = later(hours=10)
FORM = "/saint-aubin/titres/"
TYPED = {"exercice": "2026", "titre": "412", "ligne": "1", "amount": "125,50", "email": cast.MME_LEROY}
AT_THE_DESK = "202600000413000001"


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


def token_in(answer):
    return re.findall(r'name="token" value="([^"]+)"', answer.content.decode())[0]


def test_a_notice_is_paid_by_its_link_another_at_the_desk_and_one_file_closes_both(town, guichet, monkeypatch):
    online, at_the_desk = cast.make_comptable_titre(town), cast.make_comptable_titre(town, reference=AT_THE_DESK)
    monkeypatch.setattr(pages, "clock", lambda: MORNING)
    recap = guichet.post(f"/saint-aubin/avis/{link_token(online)}/", {"email": cast.MME_LEROY})
    left = guichet.post(f"{FORM}payer/", {"token": token_in(recap)})
    assert "montant=12550" in left["Location"]
    with tenant(town.collectivite):
        attempt = Attempt.objects.get()
    notices.tell(town, attempt, notices.form(town, attempt))
    assert guichet.post(FORM, TYPED | {"titre": "413"}).status_code == 200

    for module in (file_pages, bureau_pages):
        monkeypatch.setattr(module, "clock", lambda: EVENING)
    rose = BureauClient()
    rose.force_login(cast.make_agent(town, "rose", Role.REGISSEUR))
    content = pes(
        [Paid(reference=online.reference, cents=12_550), Paid(reference=AT_THE_DESK, cents=12_550, origin="02")]
    )
    sent = {"fichier": SimpleUploadedFile("PES2R.xml", content), "compte": ""}
    where = rose.post("/saint-aubin/fichiers/", sent)["Location"]
    rose.post(f"{where}confirmer/", {"du": "24/11/2026", "au": "24/11/2026"})
    notices.run_due(EVENING)

    with tenant(town.collectivite):
        attempt.refresh_from_db()
        assert attempt.status == State.PAID
        assert Settlement.objects.count() == 1
        assert not Allocation.objects.exists()
        assert set(Titre.objects.values_list("status", flat=True)) == {"closed"}
    for titre in (online, at_the_desk):
        assert "soldé chez le comptable" in rose.get(f"/saint-aubin/factures/{titre.pk}/").content.decode()
    monkeypatch.setattr(pages, "clock", lambda: later(hours=11))
    for number in ("412", "413"):
        answer = guichet.post(FORM, TYPED | {"titre": number})
        assert (answer.status_code, "déjà réglé" in answer.content.decode()) == (409, True)
    assert "déjà réglé" in guichet.get(f"/saint-aubin/avis/{link_token(online)}/").content.decode()
    assert proof.broken(later(hours=12)) == ()
