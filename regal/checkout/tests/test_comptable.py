"""What the imported base says to whoever pays the comptable: a warning at most, and nothing to who guesses."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from regal.checkout import pages
from regal.collectivites.models import Product
from regal.gateways.base import DebtKind, Environment
from regal.gateways.files import FileKind, Said
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.reconciliation.models import FiledState
from regal.titres.links import link_token, payment_link
from regal.titres.models import Titre
from regal.titres.states import State
from tests import cast, files

pytestmark = pytest.mark.django_db

FORM = "/saint-aubin/titres/"
TYPED = {"exercice": "2026", "titre": "412", "ligne": "1", "amount": "125,50", "email": cast.MME_LEROY}
DIFFERS = "ne correspondent pas à ce que la collectivité a émis"
RECAP = "Vérifiez avant de payer"


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(pages, "clock", lambda: cast.MORNING)


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def titre(town):
    return cast.make_comptable_titre(town)


def stand(titre, status):
    with tenant(titre.collectivite_id):
        Titre.objects.filter(pk=titre.pk).update(status=status)


def collect(town, titre, cents):
    """A file of the comptable says that a part is collected."""
    with tenant(town.collectivite):
        file = files._keep(town, b"z", FileKind.PES_RETOUR, budget=town.account.budget, count=0, total=Money(0))
        FiledState.objects.create(
            collectivite=town.collectivite,
            file=file,
            number=1,
            place="x",
            titre=titre,
            told_on=files.DAY,
            said=Said.TAKEN,
            collected=Money(cents),
            is_late=False,
            steps=0,
        )


def token_in(answer, place=0):
    return re.findall(r'name="token" value="([^"]+)"', answer.content.decode())[place]


def title_of(answer):
    return re.findall(r"<title>([^<]+)<", answer.content.decode())[0].strip()


def send(guichet, **changes):
    return guichet.post(FORM, TYPED | changes)


class TestWhoTypesWhatWasIssued:
    def test_goes_straight_to_the_recap(self, guichet, titre):
        answer = send(guichet)
        assert answer.status_code == 200
        assert RECAP in title_of(answer)

    def test_may_type_what_is_left_of_a_notice_paid_in_part(self, guichet, town, titre):
        collect(town, titre, 2_550)
        assert RECAP in title_of(send(guichet, amount="100,00"))

    def test_is_told_what_is_left_where_he_types_the_whole(self, guichet, town, titre):
        collect(town, titre, 2_550)
        answer = send(guichet)
        assert answer.status_code == 409
        assert "100,00" in answer.content.decode()
        assert "Continuer quand même" in answer.content.decode()

    def test_is_told_that_it_is_settled_and_cannot_go_on(self, guichet, titre):
        stand(titre, State.CLOSED)
        answer = send(guichet)
        assert answer.status_code == 409
        assert "déjà réglé" in title_of(answer)
        assert "Continuer quand même" not in answer.content.decode()

    @pytest.mark.parametrize("status", [State.REJECTED, State.CANCELLED, State.SUSPENDED, State.WRITTEN_OFF])
    def test_is_told_that_it_is_not_asked_for_now_and_may_go_on(self, guichet, titre, status):
        stand(titre, status)
        answer = send(guichet)
        assert answer.status_code == 409
        assert "annulé ou suspendu" in title_of(answer)
        assert "Continuer quand même" in answer.content.decode()

    def test_finds_it_on_whichever_form_of_the_budget_he_uses(self, guichet, town, titre):
        with tenant(town.collectivite):
            Product.objects.create(collectivite=town.collectivite, slug="loyers", name="Loyers", account=town.account)
        cast.make_comptable_titre(town, product=product_of(town, "loyers"), reference="202600000500000001")
        assert RECAP in title_of(guichet.post("/saint-aubin/loyers/", TYPED))


def product_of(town, slug):
    with tenant(town.collectivite):
        return Product.objects.select_related("account__budget", "collectivite").get(slug=slug)


class TestWhoTypesSomethingElse:
    @pytest.mark.parametrize("changes", [{"amount": "125,51"}, {"titre": "413"}, {"ligne": "2"}])
    def test_is_warned_in_one_sentence_and_may_go_on(self, guichet, titre, changes):
        answer = send(guichet, **changes)
        assert answer.status_code == 409
        assert DIFFERS in answer.content.decode()
        again = guichet.post(FORM, {"token": token_in(answer), "quand_meme": "1"})
        assert RECAP in title_of(again)
        left = guichet.post(f"{FORM}payer/", {"token": token_in(again)})
        assert left.status_code == 303
        with tenant(titre.collectivite_id):
            assert Attempt.objects.get().titre_id is None

    def test_may_correct_what_he_typed(self, guichet, titre):
        answer = guichet.post(FORM, {"token": token_in(send(guichet, amount="125,51"))})
        assert 'value="125,51"' in answer.content.decode()

    def test_reads_the_same_page_whether_the_reference_or_the_amount_is_wrong(self, guichet, titre):
        known = send(guichet, amount="1,00").content.decode()
        unknown = send(guichet, titre="413", amount="1,00").content.decode()
        page = re.compile(r'value="[^"]+"|/s/[^"]+|2026-41[23]-1')
        assert page.sub("", known) == page.sub("", unknown)
        for secret in ("125,50", "Leroy", "Loyer"):
            assert secret not in re.sub(r'value="[^"]+"', "", known)

    @pytest.mark.parametrize("status", [State.CLOSED, State.CANCELLED, State.SUSPENDED])
    def test_learns_nothing_of_where_it_stands(self, guichet, titre, status):
        stand(titre, status)
        assert DIFFERS in send(guichet, amount="1,00").content.decode()

    def test_costs_the_same_questions_whatever_is_found(self, guichet, titre):
        asked = []
        for changes in ({"titre": "413"}, {"amount": "1,00"}, {"titre": "414"}):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                send(guichet, **changes)
            asked.append([re.sub(r"[0-9a-f]{64}|'[^']*'|[0-9]+", "?", one["sql"]) for one in queries])
        assert len(asked[1]) > 5
        assert asked[1] == asked[2]

    @pytest.mark.parametrize("status", [State.DRAFT])
    def test_a_draft_is_as_unknown_as_anything(self, guichet, town, titre, status):
        cast.make_comptable_titre(town, reference="202600000500000001")
        stand(titre, status)
        assert DIFFERS in send(guichet).content.decode()

    def test_is_not_told_after_ten_amounts_in_a_minute_nor_held_up(self, guichet, titre, monkeypatch):
        for cents in range(10):
            assert DIFFERS in send(guichet, amount=f"1,{cents:02d}").content.decode()
        assert RECAP in title_of(send(guichet, amount="2,00"))
        assert DIFFERS in send(guichet, titre="413").content.decode()


class TestNothingIsCompared:
    def test_where_the_product_has_no_debt_of_that_year(self, guichet, titre):
        assert RECAP in title_of(send(guichet, exercice="2025"))

    def test_where_the_town_turned_it_off(self, guichet, town, titre):
        with tenant(town.collectivite):
            Product.objects.filter(pk=town.product.pk).update(compares_with_base=False)
        assert RECAP in title_of(send(guichet, amount="1,00"))

    def test_with_the_next_town_s_base(self, guichet, town):
        cast.make_comptable_titre(cast.make_next_town())
        assert RECAP in title_of(send(guichet, amount="1,00"))


class TestSettledMeanwhile:
    def test_a_recap_does_not_lead_to_payfip_any_more(self, guichet, titre):
        token = token_in(send(guichet))
        stand(titre, State.CLOSED)
        answer = guichet.post(f"{FORM}payer/", {"token": token})
        assert (answer.status_code, "déjà réglé" in title_of(answer)) == (409, True)
        answer = guichet.post(FORM, {"token": token, "quand_meme": "1"})
        assert "déjà réglé" in title_of(answer)
        with tenant(titre.collectivite_id):
            assert not Attempt.objects.exists()


class TestAReferenceInTheAddress:
    def test_fills_its_parts_and_no_amount(self, guichet, town):
        cast.make_comptable_titre(town, amount=Money(7_731))
        page = guichet.get(f"{FORM}?ref=2026-412-1").content.decode()
        for part in ('value="2026"', 'value="412"', 'value="1"'):
            assert part in page
        assert "77,31" not in page

    def test_is_not_looked_up(self, guichet, titre):
        blank = re.compile(r'value="(2026|41[23])?"')
        known, unknown = (guichet.get(f"{FORM}?ref=2026-{number}-1").content.decode() for number in (412, 413))
        assert blank.sub("", known) == blank.sub("", unknown)

    @pytest.mark.parametrize("typed", ["", "x", "2026-412", "<script>", "9" * 100, "\x00"])
    def test_that_cannot_be_read_leaves_the_form_empty(self, guichet, titre, typed):
        answer = guichet.get(FORM, {"ref": typed})
        assert answer.status_code == 200
        assert 'value="412"' not in answer.content.decode()

    def test_fills_a_role_s_too(self, guichet, town):
        cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="350004")
        page = guichet.get("/saint-aubin/eau/?ref=2026-EA-00-000012").content.decode()
        assert 'value="EA"' in page
        assert 'value="000012"' in page


class TestALink:
    def address(self, titre):
        return f"/saint-aubin/avis/{link_token(titre)}/"

    def test_is_short_enough_for_a_code_to_scan(self, titre, settings):
        assert payment_link(titre) == f"{settings.GUICHET_URL}{self.address(titre)}"
        assert len(link_token(titre)) <= 43

    def test_shows_the_notice_and_asks_for_an_e_mail_only(self, guichet, titre):
        answer = guichet.get(self.address(titre))
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "2026-412-1" in page
        assert "125,50" in page
        assert re.findall(r'<input id="id_(\w+)"', page) == ["email"]
        assert "Leroy" not in page
        assert "Loyer" not in page

    def test_leads_to_the_recap_whatever_else_is_sent(self, guichet, titre):
        sent = {"email": cast.MME_LEROY, "amount": "1,00", "titre": "999"}
        recap = guichet.post(self.address(titre), sent)
        assert RECAP in title_of(recap)
        assert guichet.post(f"{FORM}payer/", {"token": token_in(recap)}).status_code == 303
        with tenant(titre.collectivite_id):
            attempt = Attempt.objects.get()
        assert (attempt.debt_reference, attempt.amount) == (titre.reference, titre.amount)

    def test_says_beside_the_field_what_is_wrong(self, guichet, titre):
        answer = guichet.post(self.address(titre), {"email": "x"})
        assert answer.status_code == 422
        assert "id_email" in answer.content.decode()
        assert title_of(answer).startswith("Erreur\u00a0:")

    def test_asks_what_is_left(self, guichet, town, titre):
        collect(town, titre, 2_550)
        assert "100,00" in guichet.get(self.address(titre)).content.decode()

    def test_of_a_settled_notice_says_so(self, guichet, titre):
        stand(titre, State.CLOSED)
        answer = guichet.get(self.address(titre))
        assert (answer.status_code, "déjà réglé" in title_of(answer)) == (409, True)

    def test_of_a_draft_shows_nothing(self, guichet, titre):
        stand(titre, State.DRAFT)
        answer = guichet.get(self.address(titre))
        assert answer.status_code == 404
        assert "412" not in answer.content.decode()

    def test_altered_in_any_character_leads_to_a_page_that_helps(self, guichet, titre):
        token = link_token(titre)
        for place in range(len(token)):
            altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            answer = guichet.get(f"/saint-aubin/avis/{altered}/")
            assert answer.status_code == 404, altered
            page = answer.content.decode()
            assert "Avis des sommes à payer" in page
            assert "2026-412-1" not in page

    def test_of_the_next_town_leads_nowhere_here(self, guichet, town):
        theirs = cast.make_comptable_titre(cast.make_next_town())
        assert guichet.get(self.address(theirs)).status_code == 404

    def test_outlives_a_change_of_our_key(self, guichet, titre, settings):
        address = self.address(titre)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another key, of at least fifty characters, drawn today"
        assert guichet.get(address).status_code == 200
        settings.SECRET_KEY_FALLBACKS = []
        assert guichet.get(address).status_code == 404

    def test_of_a_closed_product_says_when_it_can_be_paid(self, guichet, town, titre):
        with tenant(town.collectivite):
            Product.objects.filter(pk=town.product.pk).update(is_open=False)
        answer = guichet.get(self.address(titre))
        assert answer.status_code == 200
        assert "125,50" not in answer.content.decode()

    def test_of_a_regie_s_invoice_is_paid_on_the_regie_s_contract(self, guichet, town):
        canteen = cast.make_canteen(town, environment=Environment.PRODUCTION)
        invoice = cast.make_titre(canteen)
        recap = guichet.post(self.address(invoice), {"email": cast.MME_LEROY})
        assert RECAP in title_of(recap)
        assert "84,70" in recap.content.decode()

    def test_of_a_cancelled_invoice_says_so(self, guichet, town):
        canteen = cast.make_canteen(town, environment=Environment.PRODUCTION)
        invoice = cast.make_titre(canteen)
        stand(invoice, State.CANCELLED)
        assert guichet.get(self.address(invoice)).status_code == 409
