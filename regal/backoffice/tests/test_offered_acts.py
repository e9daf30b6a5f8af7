"""What the pages of debts offer, and what they say where nothing is offered; what each debt is called."""

import dataclasses
import re

import pytest

from regal.backoffice import pages, titre_queries, titres
from regal.backoffice.acts import KINDS, SENTENCES
from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite
from regal.gateways.base import Environment, Rank
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.counter import record_receipt
from regal.payments.models import Allocation, Means, Settlement
from regal.payments.queries import paid_of
from regal.payments.reversing import reverse
from regal.people.models import Role
from regal.titres import operations
from regal.titres.models import Direction, DocumentKind, Titre
from regal.titres.words import name_of
from tests import cast, notices
from tests.cast import later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/factures/"


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRET_KEYS = f"k1:{new_master_key()}"


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


@pytest.fixture
def paul(bureau, town):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " "))


def said_paid(town, canteen, attempt, *, now):
    """PayFiP answers that it is paid."""
    of_the_regie = dataclasses.replace(town, product=canteen, account=canteen.account)
    notices.hear(
        of_the_regie, attempt, notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=now), now=now
    )


def decisions(client, titre):
    return [value for value, _label in client.get(f"{LIST}{titre.pk}/").context["deciding"].fields["decision"].choices]


def call(town, word):
    with tenant(town.collectivite):
        Collectivite.objects.filter(pk=town.collectivite.pk).update(debt_word=word)


class TestOneOfThem:
    def test_paid_in_part_is_not_cancelled_and_says_what_to_do(self, paul, titre):
        with tenant(titre.collectivite_id):
            type(titre.product).objects.filter(pk=titre.product_id).update(partial_payment=True)
            titre = Titre.objects.select_related("product").get(pk=titre.pk)
        record_receipt(
            titre=titre,
            means=Means.CASH,
            amount=Money(4_000),
            received_on=later(hours=1).date(),
            form_token="a" * 43,
            now=later(hours=1),
        )
        assert "annuler" not in decisions(paul, titre)
        told = words(paul.get(f"{LIST}{titre.pk}/"))
        assert "40,00 € sont payés : cette facture ne s’annule donc pas." in told
        assert "diminuez le montant de 44,70 €" in told

    def test_given_up_is_not_restored_while_money_waits(self, paul, town, canteen, titre):
        attempt = cast.leave_with(titre)
        operations.cancel(titre=titre, reason="Une contestation", paid=paid_of, now=later(minutes=50))
        said_paid(town, canteen, attempt, now=later(minutes=55))
        assert "retablir" not in decisions(paul, titre)
        assert "Tant que personne n’en a décidé, rien ne se rétablit." in words(paul.get(f"{LIST}{titre.pk}/"))


class TestDueAgain:
    def test_tells_of_the_excess_of_another_payment_and_what_to_do(self, paul, town, canteen, titre):
        first = cast.leave_with(titre)
        second = cast.leave_with(titre, key=cast.IDOP.replace("42", "43"), told_of_earlier=True, now=later(minutes=30))
        for attempt in (first, second):
            said_paid(town, canteen, attempt, now=later(minutes=40))
        with tenant(titre.collectivite_id):
            settlement = Settlement.objects.get(attempt=first)
        reverse(settlement=settlement, cause="chargeback", reason="Contesté par la banque", now=later(minutes=50))
        told = words(paul.get(f"{LIST}{titre.pk}/"))
        assert "84,70 € sont à payer, alors qu’un autre paiement de cette facture est en trop, de 84,70 €." in told
        assert "ne faites pas payer deux fois" in told
        assert "closez l’anomalie en « gardé en avoir », puis annulez ici" in told
        with tenant(titre.collectivite_id):
            assert not Allocation.objects.filter(settlement__attempt=second).exists()  # nothing moved by itself


class TestTheList:
    def test_lets_tick_only_what_can_change(self, paul, town, canteen, titre):
        paid = cast.make_titre(canteen, reference="FC2026000413")
        said_paid(town, canteen, cast.leave_with(paid), now=later())
        theirs = cast.make_comptable_titre(town)
        page = paul.get(LIST)
        assert {line.key for line in page.context["lines"] if line.may_be_ticked} == {titre.pk}
        assert page.content.decode().count('name="choix"') == 1
        assert "ces lignes-là ne se cochent pas" in words(page)
        answer = paul.post(f"{LIST}groupe/", {"tout": "1"})
        assert "Votre choix compte 1 ligne. 2 autres n’y sont pas" in words(answer)
        assert "issue" not in dict(answer.context["form"].fields["decision"].choices)
        refused = paul.post(f"{LIST}groupe/", {"choix": [theirs.pk, paid.pk]})
        assert "R281" in words(refused)

    def test_shows_many_without_counting_them(self, paul, canteen, titre, monkeypatch):
        cast.make_titre(canteen, reference="FC2026000413")
        monkeypatch.setattr(titre_queries, "MOST_COUNTED", 0)
        monkeypatch.setattr(titres, "MOST_COUNTED", 0)
        monkeypatch.setattr("regal.backoffice.queries.PAGE_LENGTH", 1)
        page = paul.get(LIST)
        assert page.status_code == 200
        assert "filtrez d’abord : 5 000 lignes au plus" in words(page)


class TestNames:
    def test_of_the_comptable_s_are_those_of_their_paper(self, paul, town, titre):
        theirs = cast.make_comptable_titre(town)
        name = f"Titre {theirs.exercice}-{theirs.number}"
        assert name_of(theirs) == name
        assert name in words(paul.get(LIST))
        page = paul.get(f"{LIST}{theirs.pk}/")
        assert f"<h1>{name}</h1>" in page.content.decode()
        assert "Qui doit le titre" in words(page)
        assert ">Factures</a>" in page.content.decode()  # the menu keeps the town's word
        theirs.document_kind = DocumentKind.ROLE
        assert name_of(theirs) == f"Rôle {theirs.exercice}-{theirs.number}"

    def test_agree_with_the_word_in_filters_refusals_and_acts(self, paul, town, titre):
        call(town, "avis")
        choices = dict(paul.get(LIST).context["filters"].fields["etat"].choices)
        with debt_words.override("avis"):
            assert (str(choices["impayees"]), str(choices["payees-en-partie"])) == (
                "à payer ou suspendu",
                "payé en partie",
            )
            for sentence in (*SENTENCES.values(), *KINDS.values()):
                assert "facture" not in debt_words.said(str(sentence), actor="", person="")
        operations.cancel(titre=titre, reason="Une contestation", paid=paid_of, now=later(minutes=1))
        assert "L’avis est « annulé » : rien ne s’y encaisse." in words(paul.get(f"{LIST}{titre.pk}/encaisser/"))
        assert "Aucun avis à ce nom" in words(paul.get(paul.post(f"{LIST}chercher/", {"recherche": "zzz"})["Location"]))

    def test_count_in_french_from_two_on(self, paul, town, titre):
        operations.adjust(
            titre=titre,
            direction=Direction.DECREASE,
            amount=Money(100),
            reason="Une absence",
            paid=paid_of,
            now=later(minutes=1),
        )
        page = words(paul.get(LIST))
        assert "1 facture." in page
        assert "0,00 € 0 facture " in page
        assert "0 encaissement " in words(paul.get("/saint-aubin/encaissements/"))
