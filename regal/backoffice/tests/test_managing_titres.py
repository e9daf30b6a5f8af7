"""Correcting a debt, taking a decision back, what its payer reads, and its whole story on one page."""

from datetime import timedelta

import pytest

from regal.backoffice import pages
from regal.backoffice.titre_queries import allocations_of
from regal.collectivites.models import Collectivite
from regal.gateways.base import Environment, Rank
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import paid_of
from regal.people.models import Role
from regal.titres import operations
from regal.titres.models import Debtor, Titre, TitreEvent
from tests import cast, notices
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/factures/"
DRAFT = {
    "produit": "restaurant",
    "numero": "FC2026-000077",
    "debiteur": "M. Petit",
    "objet": "Garderie",
    "montant": "20,00",
    "emission": "2026-11-24",
    "limite": "",
    "brouillon": "1",
}
WORDS = {"objet": "Garderie", "debiteur": "M. Petit", "limite": "2026-12-31", "motif": "Erreur de saisie"}
WORDS |= {"brouillon": "0"}


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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
def draft(canteen):
    return operations.record_titre(
        product=canteen,
        number="FC2026-000076",
        label="Cantine",
        debtor="Mme Leroy",
        amount=Money(1_000),
        issued_on=MORNING.date(),
        now=MORNING,
    )


@pytest.fixture
def paul(bureau, town):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def edit(client, titre, **typed):
    return client.post(f"{LIST}{titre.pk}/modifier/", {"vu": seen(titre)} | typed)


def seen(titre):
    with tenant(titre.collectivite_id):
        return operations._steps(titre) + allocations_of(titre).count()


def decide(client, titre, decision, **typed):
    told = {"acte": "decision", "decision": decision, "motif": "Erreur de saisie", "vu": seen(titre)}
    return client.post(f"{LIST}{titre.pk}/", told | typed)


def as_kept(titre):
    with tenant(titre.collectivite_id):
        return Titre.objects.get(pk=titre.pk)


def story(client, titre):
    return client.get(f"{LIST}{titre.pk}/").context["steps"]


class TestCorrecting:
    def test_mends_every_part_of_a_draft(self, paul, draft):
        answer = edit(paul, draft, **DRAFT)
        assert (answer.status_code, answer["Location"]) == (303, f"{LIST}{draft.pk}/")
        kept = as_kept(draft)
        assert (kept.number, kept.label, kept.amount) == ("FC2026-000077", "Garderie", Money(2_000))
        with tenant(kept.collectivite_id):
            assert Debtor.objects.get(titre=kept).name == "M. Petit"

    def test_shows_a_draft_as_it_is(self, paul, draft):
        form = paul.get(f"{LIST}{draft.pk}/modifier/").context["form"]
        assert (form["numero"].value(), form["montant"].value()) == ("FC2026-000076", "10,00")
        assert form["debiteur"].value() == "Mme Leroy"

    def test_mends_only_the_words_of_what_is_published(self, paul, titre):
        assert edit(paul, titre, **WORDS).status_code == 303
        assert as_kept(titre).label == "Garderie"
        assert "montant" not in paul.get(f"{LIST}{titre.pk}/modifier/").context["form"].fields

    def test_says_beside_its_field_what_cannot_be_kept(self, paul, draft):
        answer = edit(paul, draft, **(DRAFT | {"montant": "0,50"}))
        assert answer.status_code == 422
        assert "R209" in answer.context["form"].errors["montant"][0]
        assert "<title>Erreur :" in answer.content.decode().replace("\u00a0", " ")

    def test_is_refused_when_a_colleague_published_it_meanwhile(self, paul, draft):
        typed = DRAFT | {"vu": seen(draft)}
        operations.issue(titre=draft, now=later(minutes=30))
        answer = paul.post(f"{LIST}{draft.pk}/modifier/", typed)
        assert answer.status_code == 422
        assert as_kept(draft).number == "FC2026-000076"

    def test_is_refused_when_a_colleague_mended_it_meanwhile(self, paul, draft):
        typed = DRAFT | {"vu": seen(draft)}
        assert edit(paul, draft, **(DRAFT | {"objet": "Piscine"})).status_code == 303
        answer = paul.post(f"{LIST}{draft.pk}/modifier/", typed)
        assert answer.status_code == 422
        assert as_kept(draft).label == "Piscine"

    def test_is_not_offered_once_it_is_paid(self, paul, town, titre):
        notices.pay(town, titre)
        assert f"{LIST}{titre.pk}/modifier/" not in paul.get(f"{LIST}{titre.pk}/").content.decode()
        assert paul.get(f"{LIST}{titre.pk}/modifier/").context["is_over"]
        assert edit(paul, titre, **WORDS).status_code == 422


class TestDeciding:
    def test_takes_a_cancelling_back(self, paul, titre):
        decide(paul, titre, "annuler")
        assert [
            value for value, _ in paul.get(f"{LIST}{titre.pk}/").context["deciding"].fields["decision"].choices
        ] == [
            "",
            "retablir",
        ]
        assert decide(paul, titre, "retablir").status_code == 303
        assert as_kept(titre).status == "open"

    def test_takes_nothing_back_while_money_paid_since_waits(self, paul, town, titre):
        attempt = cast.leave_with(titre, now=MORNING - timedelta(hours=1))
        operations.cancel(titre=as_kept(titre), reason="Saisie en double", paid=paid_of, now=MORNING)
        of_the_regie = cast.Town(
            collectivite=town.collectivite, account=titre.product.account, product=titre.product, agent=town.agent
        )
        notices.hear(of_the_regie, attempt, notices.notice(of_the_regie, attempt, rank=Rank.ASKED))
        answer = decide(paul, titre, "retablir")
        assert answer.status_code == 422
        assert "R243" in answer.content.decode()
        assert as_kept(titre).status == "cancelled"

    def test_keeps_what_the_payer_will_read(self, paul, titre):
        decide(paul, titre, "transmettre", payeur="Payez à la trésorerie de Rennes.")
        with tenant(titre.collectivite_id):
            assert (
                TitreEvent.objects.filter(titre=titre).latest("number").payer_note == "Payez à la trésorerie de Rennes."
            )
        assert paul.get(f"{LIST}{titre.pk}/").context["payer_note"] == "Payez à la trésorerie de Rennes."

    def test_says_that_a_payer_reads_nothing_of_a_restoration(self, paul, titre):
        decide(paul, titre, "annuler")
        answer = decide(paul, titre, "retablir", payeur="Tout va bien.")
        assert "R248" in answer.context["deciding"].errors["payeur"][0]

    def test_names_nobody_to_the_payer(self, paul, titre):
        answer = decide(paul, titre, "suspendre", payeur="Mme Leroy conteste.")
        assert "R242" in answer.context["deciding"].errors["payeur"][0]
        assert as_kept(titre).status == "open"


class TestStory:
    def test_tells_everything_in_order_with_what_is_left_after_each_step(self, paul, town, canteen, draft):
        edit(paul, draft, **DRAFT)
        operations.issue(titre=draft, now=later(hours=2))
        cast.reduce(as_kept(draft), 500, now=later(hours=3))
        attempt = cast.leave_with(as_kept(draft), amount=Money(1_500), now=later(hours=4))
        of_the_regie = cast.Town(
            collectivite=town.collectivite, account=canteen.account, product=canteen, agent=town.agent
        )
        told = notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=later(hours=5))
        notices.hear(of_the_regie, attempt, told, now=later(hours=5))
        steps = story(paul, draft)
        assert [(step.title.split(" par ")[0], step.left) for step in steps] == [
            ("Saisie", Money(1_000)),
            ("Brouillon corrigé", Money(2_000)),
            ("Émission", Money(2_000)),
            ("Réduction de 5,00\u00a0€", Money(1_500)),
            ("Paiement de 15,00\u00a0€ commencé en ligne", None),
            ("Paiement confirmé : 15,00\u00a0€".replace(" :", "\u00a0:"), Money.zero),
        ]

    def test_tells_what_a_correction_changed_and_no_former_name(self, paul, draft):
        edit(paul, draft, **DRAFT)
        changes = {change.name: (change.before, change.after) for change in story(paul, draft)[1].changes}
        assert changes["Objet"] == ("Cantine", "Garderie")
        assert changes["Montant"] == ("10,00\u00a0€", "20,00\u00a0€")
        assert changes["Nom de la personne qui doit la facture"] == ("", "")
        assert "Leroy" not in paul.get(f"{LIST}{draft.pk}/").content.decode()

    def test_owes_nothing_once_it_is_cancelled_and_everything_once_it_is_restored(self, paul, titre):
        decide(paul, titre, "annuler")
        decide(paul, titre, "retablir")
        assert [step.left for step in story(paul, titre)[-2:]] == [Money.zero, Money(8_470)]

    def test_says_that_the_same_person_typed_it_and_cancelled_it(self, paul, town, canteen):
        paul.post(f"{LIST}nouvelle/", DRAFT | {"acte": "emettre"})
        with tenant(town.collectivite):
            typed = Titre.objects.get(number="FC2026-000077")
        decide(paul, typed, "annuler")
        assert [step.by_its_author for step in story(paul, typed)] == [False, False, True]

    def test_says_nothing_of_the_kind_of_two_people(self, paul, titre):
        decide(paul, titre, "annuler")
        assert not any(step.by_its_author for step in story(paul, titre))


class TestTheWordOfTheTown:
    @pytest.fixture
    def called(self, town):
        def call(word):
            with tenant(town.collectivite):
                Collectivite.objects.filter(pk=town.collectivite.pk).update(debt_word=word)

        return call

    @pytest.mark.parametrize(
        ("word", "menu", "button", "title"),
        [
            ("facture", ">Factures</a>", "Saisir une facture", "<h1>Facture FC"),
            ("avis", ">Avis</a>", "Saisir un avis", "<h1>Avis FC"),
            ("titre", ">Titres</a>", "Saisir un titre", "<h1>Titre FC"),
        ],
    )
    def test_is_on_every_page_of_its_debts(self, paul, titre, called, word, menu, button, title):
        called(word)
        listed, one = (paul.get(address).content.decode() for address in (LIST, f"{LIST}{titre.pk}/"))
        assert menu in listed
        assert button in listed
        assert title in one
        if word != "facture":
            listed = listed.replace(">facture</option>", ">…</option>").replace('"facture"', "")  # a kind of document
            for page in (listed, one):
                assert "acture" not in page.replace("/factures/", "")

    def test_agrees_in_what_is_said_of_an_act(self, paul, titre, called):
        called("avis")
        decide(paul, titre, "suspendre")
        page = paul.get(f"{LIST}{titre.pk}/").content.decode()
        assert "suspendu<" in page
        decide(paul, titre, "reprendre")
        assert "L’avis peut de nouveau être payé." in paul.get(f"{LIST}{titre.pk}/").content.decode()

    def test_agrees_in_a_refusal(self, paul, town, titre, called):
        called("titre")
        notices.pay(town, titre)
        answer = paul.post(
            f"{LIST}{titre.pk}/",
            {"acte": "montant", "sens": "decrease", "montant": "1", "motif_montant": "Un motif", "vu": seen(titre)},
        )
        assert "Ce titre est payé" in answer.content.decode()
