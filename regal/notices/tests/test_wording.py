"""What a notice asks, of whom, and of which debts there is none."""

from typing import Any

import pytest

from regal.collectivites.models import DebtWord
from regal.gateways.base import Environment
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.notices.refusals import NoNotice, Why
from regal.notices.wording import asked_of, worded
from regal.payments.counter import record_receipt
from regal.payments.models import Means
from regal.payments.queries import paid_of
from regal.titres import operations
from regal.titres.links import payment_link
from regal.titres.models import Debtor, Titre
from regal.titres.payment_keys import is_key_of, read_key
from regal.titres.states import State
from tests import cast, notices
from tests.cast import MORNING

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


def told(titre):
    with tenant(titre.collectivite_id):
        fresh = Titre.objects.select_related("collectivite", "product__account", "regie", "budget").get(pk=titre.pk)
        asked = asked_of(fresh)
    return worded(asked)


def why_none(titre):
    with pytest.raises(NoNotice) as refused:
        told(titre)
    return refused.value.why, refused.value.code


class TestNotice:
    def test_says_what_is_to_be_paid_to_whom_and_how(self, town, canteen):
        titre = cast.make_titre(canteen)
        notice = told(titre)
        assert notice.sender == ("Saint-Aubin", "Régie")
        assert notice.address == ("Mme Leroy",)
        assert (notice.title, notice.subtitle) == ("Facture à payer", "Facture n° FC2026000042")
        assert (notice.amount_name, notice.amount) == ("Montant à payer", "84,70\N{NO-BREAK SPACE}€")
        assert dict(notice.rows) == {
            "Objet": "Cantine, octobre 2026",
            "Exercice": "2026",
            "Date d’émission": "24 novembre 2026",
        }
        assert notice.sums == ()
        assert notice.marks == ()
        assert notice.link == payment_link(titre)
        typed = dict(notice.typed)
        assert typed["Numéro de la facture"] == "FC2026000042"
        assert is_key_of(titre, read_key(typed["ou, au lieu du montant, la clé de paiement"]))
        assert "saint-aubin/" in notice.or_type
        assert "« Cantine »" in notice.or_type

    @pytest.mark.parametrize(("word", "title"), [(DebtWord.AVIS, "Avis à payer"), (DebtWord.TITRE, "Titre à payer")])
    def test_uses_the_town_s_word(self, town, canteen, word, title):
        with tenant(town.collectivite):
            town.collectivite.debt_word = word
            town.collectivite.save(update_fields=["debt_word"])
        assert told(cast.make_titre(canteen)).title == title

    def test_tells_what_was_issued_reduced_and_paid_once_a_part_is(self, town, canteen):
        with tenant(town.collectivite):
            canteen.partial_payment = True
            canteen.save(update_fields=["partial_payment"])
        titre = cast.reduce(cast.make_titre(canteen))
        record_receipt(
            titre=titre, means=Means.CHEQUE, amount=Money(3_000), received_on=MORNING.date(), bank="CIC",
            piece="0012345", drawer="M. Leroy", form_token=tokens.new_token(), now=MORNING,
        )  # fmt: skip
        notice = told(titre)
        assert (notice.amount_name, notice.amount) == ("Reste à payer", "44,70\N{NO-BREAK SPACE}€")
        assert dict(notice.sums) == {
            "Montant émis": "84,70\N{NO-BREAK SPACE}€",
            "Réductions": "− 10,00\N{NO-BREAK SPACE}€",
            "Déjà payé": "− 30,00\N{NO-BREAK SPACE}€",
            "Reste à payer": "44,70\N{NO-BREAK SPACE}€",
        }

    def test_writes_the_whole_address_name_first(self, town, canteen):
        titre = cast.make_titre(canteen)
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=titre).delete()
            Debtor.objects.create(
                collectivite=town.collectivite, titre=titre, name="Mme Lœuillet", postcode="94240", city="L’Haÿ",
                address=["Bât. A", "", "1 bis rue de l’Église"],
            )  # fmt: skip
        assert told(titre).address == ("Mme Lœuillet", "Bât. A", "1 bis rue de l’Église", "94240 L’HAŸ")

    def test_says_how_else_the_regie_is_paid_and_whom_to_ask(self, town, canteen):
        regie = canteen.account.regie
        with tenant(town.collectivite):
            regie.other_means = "Par chèque à l’ordre de la régie.\nEn espèces au guichet."
            regie.save(update_fields=["other_means"])
            town.collectivite.contact = "Mairie, 02 33 00 00 00"
            town.collectivite.save(update_fields=["contact"])
        assert dict(told(cast.make_titre(canteen)).parts) == {
            "Autres moyens de payer": ("Par chèque à l’ordre de la régie.", "En espèces au guichet."),
            "Une question ?": ("Mairie, 02 33 00 00 00",),
        }

    def test_is_marked_where_no_money_can_come(self, town):
        trial = cast.make_canteen(town, environment=Environment.TEST)
        assert told(cast.make_titre(trial)).marks

    def test_of_the_comptable_s_names_no_key_and_no_regie(self, town):
        titre = cast.make_comptable_titre(town)
        notice = told(titre)
        assert notice.title == "Titre à payer"
        assert notice.sender == ("Saint-Aubin", "Budget principal")
        assert dict(notice.typed) == {"Référence": "2026-412-1", "Montant": "125,50\N{NO-BREAK SPACE}€"}
        assert "comptable" in dict(notice.parts)["Autres moyens de payer"][0]


class TestNoNotice:
    def test_of_what_is_not_to_be_paid(self, town, canteen):
        reason: dict[str, Any] = {"reason": "Une raison", "now": MORNING}
        draft = operations.record_titre(
            product=canteen, number="FC2026-000101", label="Cantine", debtor="Mme Leroy", amount=Money(500),
            issued_on=MORNING.date(), now=MORNING,
        )  # fmt: skip
        suspended = operations.suspend(titre=cast.make_titre(canteen, reference="FC2026000102"), **reason)
        cancelled = cast.make_titre(canteen, reference="FC2026000103")
        operations.cancel(titre=cancelled, paid=paid_of, **reason)
        transferred = operations.transfer(titre=cast.make_titre(canteen, reference="FC2026000104"), **reason)
        written_off = operations.write_off(titre=cast.make_titre(canteen, reference="FC2026000105"), **reason)
        paid = cast.make_titre(canteen, reference="FC2026000106")
        notices.pay(town, paid)
        told_of = {
            draft: Why.DRAFT, suspended: Why.SUSPENDED, cancelled: Why.CANCELLED, transferred: Why.TRANSFERRED,
            written_off: Why.WRITTEN_OFF, paid: Why.PAID,
        }  # fmt: skip
        for titre, why in told_of.items():
            assert why_none(titre) == (why, "R282")

    @pytest.mark.parametrize("status", [State.SUSPENDED, State.CLOSED, State.REJECTED, State.CANCELLED])
    def test_of_what_the_comptable_does_not_wait_for(self, town, status):
        titre = cast.make_comptable_titre(town)
        with tenant(town.collectivite):
            Titre.objects.filter(pk=titre.pk).update(status=status)
        assert why_none(titre) == (Why(status.value), "R282")

    def test_to_nobody(self, town, canteen):
        titre = cast.make_titre(canteen)
        with tenant(town.collectivite):
            Debtor.objects.filter(titre=titre).delete()
        assert why_none(titre) == (Why.NAMELESS, "R283")

    @pytest.mark.parametrize(
        "terms",
        [
            {"max_amount": Money(5_000)},
            {"min_amount": Money(9_000)},
            {"reference_form": {"pattern": "AB#{6}"}},
        ],
    )
    def test_of_what_its_product_would_refuse_online(self, town, canteen, terms):
        titre = cast.make_titre(canteen)
        with tenant(town.collectivite):
            for name, value in terms.items():
                setattr(canteen, name, value)
            canteen.save(update_fields=list(terms))
        assert why_none(titre) == (Why.NOT_PAYABLE_ONLINE, "R284")

    def test_says_what_to_do_instead(self):
        for why in Why:
            assert len(str(NoNotice(why))) > 40
