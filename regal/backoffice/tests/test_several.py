"""Several invoices in one payment, as the bureau and the ticket show it; and who allows it."""

import html
import re

import pytest
from django.core import mail as outbox

from regal.audit.models import AuditEntry
from regal.backoffice import regie_settings
from regal.backoffice.exports import rows
from regal.collectivites.models import Regie
from regal.gateways.base import Environment
from regal.lib.tenancy import tenant
from regal.payments.queries import Selection
from regal.people.models import Membership, Role
from regal.receipts import wording
from regal.receipts.models import Ticket
from tests import cast, notices
from tests.mailbox import html_of
from tests.several import allow, make_titres, together

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    product = cast.make_canteen(town, environment=Environment.PRODUCTION)
    allow(product)
    return product


@pytest.fixture
def three(canteen):
    return make_titres(canteen)


@pytest.fixture
def paid(town, canteen, three):
    """One of the three was reduced while they were being paid together."""
    attempt = cast.leave_with(three[0], **together(*three))
    cast.reduce(three[1], 1_000, now=cast.later(minutes=30))
    of_the_regie = cast.Town(collectivite=town.collectivite, account=canteen.account, product=canteen, agent=town.agent)
    said = notices.notice(of_the_regie, attempt, occurred_at=cast.later(minutes=40))
    notices.hear(of_the_regie, attempt, said, now=cast.later(minutes=40))
    return attempt


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def read(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\u00a0", " ").replace("\u2060", "")
    return " ".join(text.split())


class TestThePaymentsPage:
    def test_lists_each_invoice_with_its_part_and_leads_there(self, nadia, paid, three):
        page = nadia.get(f"/saint-aubin/paiements/{paid.pk}/").content.decode()
        told = read(nadia, f"/saint-aubin/paiements/{paid.pk}/")
        for titre, amount in zip(three, ("84,70 €", "85,70 €", "86,70 €"), strict=True):
            assert f'href="/saint-aubin/factures/{titre.pk}/"' in page
            assert amount in told
        assert "257,10 €" in told
        assert "Référence de ce paiement" in told
        assert "…0051, …0052, …0053" in told

    def test_stands_in_the_list_by_their_ends(self, nadia, paid):
        assert "…0051, …0052, …0053" in read(nadia, "/saint-aubin/paiements/")

    def test_is_found_by_the_number_of_any_of_them(self, nadia, paid):
        assert "257,10 €" in read(nadia, "/saint-aubin/paiements/?reference=0052")

    def test_is_exported_with_all_their_references(self, town, paid):
        found = rows(town=town.collectivite, selection=Selection(), emails=False, now=cast.later(hours=1))
        assert [row.reference for row in found] == ["FC2026000051 + FC2026000052 + FC2026000053"]


class TestAnInvoicesPage:
    def test_says_its_part_and_of_what(self, nadia, paid, three):
        told = read(nadia, f"/saint-aubin/factures/{three[2].pk}/")
        assert "Paiement de 86,70 € commencé en ligne" in told
        assert "Avec d’autres, dans un paiement de 257,10 €" in told
        assert "Reçu en trop" not in told

    def test_says_what_is_too_much_of_it_alone(self, nadia, paid, three):
        assert "Reçu en trop : 10,00 €" in read(nadia, f"/saint-aubin/factures/{three[1].pk}/")


class TestTheTicket:
    def test_lists_each_and_the_sum_in_every_form(self, town, paid):
        notices.run_due(cast.later(minutes=41))
        (letter,) = outbox.outbox
        for text in (letter.body, html_of(letter)):
            plain = html.unescape(str(text)).replace("\u00a0", " ")
            for shown in ("FC2026000051", "FC2026000052", "FC2026000053", "84,70 €", "85,70 €", "86,70 €", "257,10 €"):
                assert shown in plain
            assert "10,00 € sont en trop : une partie de ces factures n’était plus à payer" in plain
        with tenant(town.collectivite):
            told = wording.letter_about(Ticket.objects.get())
        assert told is not None
        assert told.pdf().startswith(b"%PDF")


class TestAllowingIt:
    @pytest.fixture(autouse=True)
    def morning(self, monkeypatch):
        monkeypatch.setattr(regie_settings, "clock", lambda: cast.MORNING)

    @pytest.fixture
    def paul(self, bureau, town):
        with tenant(town.collectivite):
            Membership.objects.of(town.collectivite).update(role=Role.ADMINISTRATOR)
        bureau.force_login(town.agent)
        return bureau

    def address(self, product):
        return f"/saint-aubin/reglages/regies/{product.account.regie_id}/plusieurs/"

    def stored(self, product):
        with tenant(product.collectivite_id):
            return Regie.objects.get(pk=product.account.regie_id).several_at_once

    def test_is_an_administrators_and_is_written_down(self, paul, town, canteen):
        assert "Ne plus le permettre" in read(paul, "/saint-aubin/reglages/produits/")
        assert paul.post(self.address(canteen), {"permis": "non"}).status_code == 303
        assert not self.stored(canteen)
        assert "Le permettre" in read(paul, "/saint-aubin/reglages/produits/")
        paul.post(self.address(canteen), {"permis": "oui"})
        paul.post(self.address(canteen), {"permis": "oui"})
        assert self.stored(canteen)
        with tenant(town.collectivite):
            assert AuditEntry.objects.filter(action="change_regie").count() == 2

    def test_is_not_an_agents(self, nadia, canteen):
        assert nadia.post(self.address(canteen), {"permis": "non"}).status_code == 403
        assert self.stored(canteen)

    @pytest.mark.parametrize("asked", [{}, {"permis": "peut-être"}])
    def test_is_asked_plainly(self, paul, canteen, asked):
        assert paul.post(self.address(canteen), asked).status_code == 400

    def test_of_another_town_is_not_there(self, paul, canteen):
        next_town = cast.make_next_town()
        foreign = cast.make_canteen(next_town, numcli="012399")
        assert paul.post(self.address(foreign), {"permis": "oui"}).status_code == 404

    def test_is_not_offered_where_the_gateway_knows_the_debts(self, paul, town):
        assert "Plusieurs dettes en un paiement" not in read(paul, "/saint-aubin/reglages/produits/")
