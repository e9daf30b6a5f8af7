"""The pages of invoices: what the list finds and sums, what one page tells, and what can be decided there."""

import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest

from regal.backoffice import cases, pages
from regal.backoffice.titre_queries import allocations_of
from regal.cases.models import Case
from regal.collectivites.models import GatewayAccount
from regal.gateways.base import Environment, Rank
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.queries import paid_of
from regal.people.models import Role
from regal.titres import operations
from regal.titres.models import Direction, Titre
from regal.titres.queries import amount_due
from tests import cast, notices
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/factures/"
NEW = "/saint-aubin/factures/nouvelle/"
TYPED = {
    "produit": "restaurant",
    "numero": "FC2026-000042",
    "debiteur": "Mme Leroy",
    "objet": "Cantine, octobre 2026",
    "montant": "84,70",
    "emission": "2026-11-24",
    "limite": "",
    "acte": "enregistrer",
}


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
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
def nadia(bureau, town):
    """An agent of Saint-Aubin, who may look."""
    bureau.force_login(town.agent)
    return bureau


@pytest.fixture
def paul(bureau, town):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " "))


def address(titre):
    return f"{LIST}{titre.pk}/"


def act(client, titre, name, **typed):
    with tenant(titre.collectivite_id):
        seen = operations._steps(titre) + allocations_of(titre).count()
    return client.post(address(titre), {"acte": name, "vu": seen} | typed)


def decide(client, titre, decision, reason="Enfant absent", **typed):
    return act(client, titre, "decision", decision=decision, motif=reason, **typed)


def as_kept(titre):
    with tenant(titre.collectivite_id):
        return Titre.objects.get(pk=titre.pk)


def due(titre):
    with tenant(titre.collectivite_id):
        return amount_due(titre)


@pytest.fixture
def every_situation(town, canteen):
    """One invoice of 84,70 € in each situation."""
    made = {
        name: cast.make_titre(canteen, reference=f"FC202600010{place}")
        for place, name in enumerate(
            ("a-payer", "en-paiement", "payee", "suspendue", "annulee", "transmise", "abandonnee"), start=1
        )
    }
    cast.leave_with(made["en-paiement"], key=cast.IDOP, now=later(minutes=59))
    notices.pay(town, made["payee"], key=cast.IDOP.replace("42", "43"))
    reason: dict[str, Any] = {"reason": "Un motif", "now": MORNING}
    operations.suspend(titre=made["suspendue"], **reason)
    operations.cancel(titre=made["annulee"], paid=lambda _: Money.zero, **reason)
    operations.transfer(titre=made["transmise"], **reason)
    operations.write_off(titre=made["abandonnee"], **reason)
    made["brouillon"] = operations.record_titre(
        product=canteen,
        number="FC2026-000108",
        label="Cantine",
        debtor="M. Petit",
        amount=Money(100),
        issued_on=MORNING.date(),
        now=MORNING,
    )
    return made


class TestList:
    @pytest.mark.parametrize(
        "situation",
        ["a-payer", "en-paiement", "payee", "brouillon", "suspendue", "annulee", "transmise", "abandonnee"],
    )
    def test_finds_the_invoices_of_one_situation(self, nadia, every_situation, situation):
        answer = nadia.get(f"{LIST}?etat={situation}")
        assert [line.key for line in answer.context["lines"]] == [every_situation[situation].pk]

    def test_sums_what_is_left_to_pay_and_what_was_paid(self, nadia, every_situation):
        cast.reduce(every_situation["a-payer"])
        totals = nadia.get(LIST).context["totals"]
        assert (totals.count, totals.to_collect.count, totals.paid.count) == (8, 3, 1)
        assert totals.to_collect.amount == Money(3 * 8_470 - 1_000)
        assert totals.paid.amount == Money(8_470)

    def test_finds_the_end_of_a_number_however_it_is_typed(self, nadia, every_situation):
        for typed in ("000101", "2026-000101", "fc2026 000101"):
            answer = nadia.get(LIST, {"recherche": typed})
            assert [line.key for line in answer.context["lines"]] == [every_situation["a-payer"].pk]

    def test_finds_those_of_one_product(self, nadia, town, titre):
        other = cast.make_titre(cast.make_canteen(town, numcli="006384", slug="garderie"))
        answer = nadia.get(f"{LIST}?produit=garderie")
        assert [line.key for line in answer.context["lines"]] == [other.pk]

    @pytest.mark.parametrize(
        "query",
        ["?etat=x", "?produit=x", "?recherche=%2C", "?recherche=%00%C3%A9%C3%A9", "?cherche=x", "?emise_du=31/02/2026"],
    )
    def test_says_what_it_cannot_read_and_filters_nothing_by_it(self, nadia, titre, query):
        answer = nadia.get(LIST + query)
        assert "Cela ne se lit pas" in words(answer)
        assert len(answer.context["lines"]) == (0 if "%2C" in query else 1)

    def test_forgets_nobody_from_page_to_page(self, nadia, canteen, monkeypatch):
        monkeypatch.setattr("regal.backoffice.queries.PAGE_LENGTH", 2)
        made = [
            cast.make_titre(canteen, reference=f"FC202600010{place}", now=later(minutes=place)) for place in range(5)
        ]
        seen, query = [], ""
        for _ in range(3):
            answer = nadia.get(LIST + query)
            seen += [line.key for line in answer.context["lines"]]
            query = answer.context["older_page"]
        assert seen == [titre.pk for titre in reversed(made)]
        assert query == ""
        back = nadia.get(LIST + answer.context["newer_page"])
        assert [line.key for line in back.context["lines"]] == [made[2].pk, made[1].pk]

    def test_says_where_no_product_keeps_its_invoices_here(self, nadia):
        assert "Aucun de vos produits ne tient ses factures ici" in words(nadia.get(LIST))

    def test_names_no_debtor(self, nadia, titre):
        assert "Leroy" not in words(nadia.get(LIST))

    def test_offers_a_new_one_to_whoever_may(self, nadia, titre):
        assert NEW not in nadia.get(LIST).content.decode()


class TestNew:
    def test_is_a_draft_that_is_read_again(self, paul, canteen):
        answer = paul.post(NEW, TYPED, follow=True)
        assert "brouillon enregistré" in words(answer)
        assert "Émettre cette facture" in words(answer)
        with tenant(canteen.collectivite_id):
            kept = Titre.objects.get()
        assert (kept.status, kept.amount, kept.reference) == ("draft", Money(8_470), "FC2026000042")

    def test_is_issued_at_once_where_asked(self, paul, canteen):
        answer = paul.post(NEW, TYPED | {"acte": "emettre"}, follow=True)
        assert "le paiement est ouvert" in words(answer)
        with tenant(canteen.collectivite_id):
            assert Titre.objects.get().status == "open"

    @pytest.mark.parametrize(
        ("told", "code", "field"),
        [
            ({"produit": ""}, "R201", "produit"),
            ({"produit": "titres"}, "R201", "produit"),
            ({"numero": "42"}, "R202", "numero"),
            ({"debiteur": ""}, "R205", "debiteur"),
            ({"objet": ""}, "R204", "objet"),
            ({"objet": "x\0"}, "R204", "objet"),
            ({"objet": "4111 1111 1111 1111"}, "R212", "objet"),
            ({"montant": "1.234"}, "R206", "montant"),
            ({"montant": ""}, "R206. Écrivez le montant", "montant"),
            ({"montant": "0"}, "R206", "montant"),
            ({"montant": "0,50"}, "R209", "montant"),
            ({"emission": "hier"}, "R207", "emission"),
            ({"emission": "2027-06-30"}, "R210", "emission"),
            ({"emission": "2024-11-30"}, "R210", "emission"),
            ({"limite": "2026-11-23"}, "R207", "limite"),
        ],
    )
    def test_says_what_to_mend_beside_its_field_and_loses_nothing(self, paul, canteen, told, code, field):
        answer = paul.post(NEW, TYPED | told)
        assert answer.status_code == 422
        page = answer.content.decode()
        assert f'id="id_{field}_error">{code}' in page
        for name in {"debiteur", "objet"} - set(told):
            assert TYPED[name] in page
        with tenant(canteen.collectivite_id):
            assert not Titre.objects.exists()

    def test_is_refused_where_the_number_is_taken(self, paul, titre):
        assert "R203" in words(paul.post(NEW, TYPED))

    def test_is_not_offered_for_a_product_whose_debts_another_keeps(self, paul, town, canteen):
        assert 'value="titres"' not in paul.get(NEW).content.decode()

    def test_is_for_a_régisseur(self, nadia, canteen):
        assert nadia.get(NEW).status_code == 403


class TestPage:
    def test_tells_what_is_due_of_whom_and_why(self, nadia, titre):
        cast.reduce(titre, now=later(minutes=1))
        told = words(nadia.get(address(titre)))
        assert "Mme Leroy" in told
        assert "Reste à payer 74,70 €" in told
        assert "montant émis : 84,70 €" in told
        assert "Réduction de 10,00 € par REGAL Enfant absent" in told

    @pytest.mark.parametrize("situation", ["annulee", "abandonnee"])
    def test_asks_nothing_more_once_it_is_given_up(self, nadia, every_situation, situation):
        told = words(nadia.get(address(every_situation[situation])))
        assert "Reste à payer 0,00 € Dû 0,00 € montant émis : 84,70 €" in told
        line = nadia.get(f"{LIST}?etat={situation}").context["lines"][0]
        assert line.sums.due == Money.zero

    def test_says_to_whom_it_is_due_once_it_is_handed_over(self, nadia, every_situation):
        told = words(nadia.get(address(every_situation["transmise"])))
        assert "Reste dû au comptable 84,70 €" in told
        assert "Reste à payer" not in told

    def test_leads_to_the_payment_that_paid_it(self, nadia, town, titre):
        attempt = notices.pay(town, titre)
        answer = nadia.get(address(titre))
        assert "payée" in words(answer)
        assert f"/saint-aubin/paiements/{attempt.pk}/" in answer.content.decode()
        assert "Paiement confirmé : 84,70 €" in words(answer)

    def test_paid_twice_says_it_on_the_invoice_the_payment_and_the_case(self, nadia, town, titre, monkeypatch):
        monkeypatch.setattr(cases, "clock", lambda: later(hours=1))
        first = cast.leave_with(titre, key=cast.IDOP)
        second = cast.leave_with(titre, key=cast.IDOP.replace("42", "43"), told_of_earlier=True, now=later(minutes=30))
        of_the_regie = dataclasses.replace(town, product=titre.product, account=titre.product.account)
        for attempt in (first, second):
            said = notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=later(minutes=40))
            notices.hear(of_the_regie, attempt, said, now=later(minutes=40))
        with tenant(titre.collectivite_id):
            case = Case.objects.get()
        sheet = nadia.get(address(titre))
        assert "Un paiement de cette facture est en trop, de 84,70 €" in words(sheet)
        assert f"/saint-aubin/anomalies/{case.pk}/" in sheet.content.decode()
        assert "Que faire ? Regardez l’anomalie ouverte" in words(nadia.get(f"/saint-aubin/paiements/{second.pk}/"))
        assert "Que faire ? Comparez les paiements" in words(nadia.get(f"/saint-aubin/paiements/{first.pk}/"))
        told = nadia.get(f"/saint-aubin/anomalies/{case.pk}/")
        assert "Pourquoi la facture était déjà payée" in words(told)
        for link in (address(titre), f"/saint-aubin/paiements/{first.pk}/", f"/saint-aubin/paiements/{second.pk}/"):
            assert f'href="{link}"' in told.content.decode()

    def test_is_one_press_away_from_a_payment(self, nadia, town, titre):
        attempt = cast.leave_with(titre)
        page = nadia.get(f"/saint-aubin/paiements/{attempt.pk}/").content.decode()
        assert f'href="{address(titre)}"' in page

    def test_shows_no_act_to_an_agent_and_lets_him_do_none(self, nadia, titre):
        assert '<form method="post" action="/saint-aubin/factures' not in nadia.get(address(titre)).content.decode()
        assert decide(nadia, titre, "annuler").status_code == 403
        assert as_kept(titre).status == "open"

    def test_is_unknown_where_there_is_none(self, nadia, town):
        for number in ("0", "99999", "9" * 30):
            assert nadia.get(f"{LIST}{number}/").status_code == 404


class TestDeciding:
    @pytest.mark.parametrize(
        ("decision", "status"),
        [
            ("suspendre", "suspended"),
            ("annuler", "cancelled"),
            ("transmettre", "transferred"),
            ("abandonner", "written_off"),
        ],
    )
    def test_is_done_and_told(self, paul, titre, decision, status):
        answer = decide(paul, titre, decision)
        assert answer.status_code == 303
        assert as_kept(titre).status == status
        assert "Enfant absent" in words(paul.get(address(titre)))

    def test_issues_a_draft(self, paul, every_situation):
        assert act(paul, every_situation["brouillon"], "emettre").status_code == 303
        assert as_kept(every_situation["brouillon"]).status == "open"

    def test_puts_a_suspended_one_back(self, paul, every_situation):
        decide(paul, every_situation["suspendue"], "reprendre")
        assert as_kept(every_situation["suspendue"]).status == "open"

    def test_changes_the_amount(self, paul, titre):
        act(paul, titre, "montant", sens="decrease", montant="4,20", motif_montant="Un repas de moins")
        assert due(titre) == Money(8_050)

    @pytest.mark.parametrize(
        ("typed", "code", "field"),
        [
            ({"decision": ""}, "R221", "decision"),
            ({"decision": "brûler"}, "R221", "decision"),
            ({"motif": ""}, "R211", "motif"),
            ({"motif": "non"}, "R211", "motif"),
            ({"motif": "carte 4111 1111 1111 1111"}, "R212", "motif"),
        ],
    )
    def test_says_what_to_mend_of_a_decision(self, paul, titre, typed, code, field):
        answer = act(paul, titre, "decision", **({"decision": "annuler", "motif": "Un doublon"} | typed))
        assert answer.status_code == 422
        assert f'id="id_{field}_error">{code}. ' in answer.content.decode()
        assert as_kept(titre).status == "open"

    @pytest.mark.parametrize(
        ("typed", "code", "field"),
        [
            ({"sens": ""}, "R222", "sens"),
            ({"montant": "beaucoup"}, "R206", "montant"),
            ({"montant": "84,70"}, "R218", "montant"),
            ({"montant": "84,20"}, "R209", "montant"),
            ({"motif_montant": ""}, "R211", "motif_montant"),
        ],
    )
    def test_says_what_to_mend_of_an_amount(self, paul, titre, typed, code, field):
        told = {"sens": "decrease", "montant": "4,20", "motif_montant": "Un repas de moins"} | typed
        answer = act(paul, titre, "montant", **told)
        assert answer.status_code == 422
        assert f'id="id_{field}_error">{code}. ' in answer.content.decode()
        assert due(titre) == Money(8_470)

    def test_waits_while_somebody_pays_and_says_until_when(self, paul, every_situation):
        answer = decide(paul, every_situation["en-paiement"], "annuler")
        assert "R214" in words(answer)
        assert "Enfant absent" in answer.content.decode()
        assert as_kept(every_situation["en-paiement"]).status == "open"
        assert decide(paul, every_situation["en-paiement"], "suspendre").status_code == 303

    def test_offers_only_to_suspend_while_somebody_pays_and_names_the_hour(self, paul, every_situation):
        held = every_situation["en-paiement"]
        answer = paul.get(address(held))
        hour = paris.format_instant_fr(as_kept(held).held_until).replace("\u00a0", " ")
        told = f"Rien ne change avant le {hour} ; d’ici là, un régisseur peut seulement décider une suspension"
        assert told in words(answer)
        assert [name for name, _ in answer.context["deciding"].fields["decision"].choices] == ["", "suspendre"]
        assert not answer.context["can_adjust"]
        refused = act(paul, held, "montant", sens="decrease", montant="4,20", motif_montant="Un repas de moins")
        assert f"avant le {hour}. Recommencez ensuite" in words(refused)
        assert "Un repas de moins" in words(refused)

    def test_offers_only_to_resume_a_suspended_one_while_somebody_pays(self, paul, every_situation):
        held = every_situation["en-paiement"]
        decide(paul, held, "suspendre")
        answer = paul.get(address(held))
        assert [name for name, _ in answer.context["deciding"].fields["decision"].choices] == ["", "reprendre"]
        assert "Un paiement commencé avant peut encore aboutir" in words(answer)

    def test_is_refused_to_whoever_read_an_older_page_and_keeps_his_words(self, paul, titre):
        operations.suspend(titre=titre, reason="Un motif", now=MORNING + timedelta(minutes=1))
        answer = decide(paul, titre, "annuler", reason="Un doublon", vu="2")
        assert "R220" in words(answer)
        assert "Un doublon" in answer.content.decode()
        assert as_kept(titre).status == "suspended"

    def test_is_refused_to_whoever_read_the_page_before_a_payment_came(self, town, paul, titre):
        """Whoever paid a part of it would be told that nothing of it could be recovered."""
        begun = cast.leave_with(titre)
        operations.adjust(
            titre=titre,
            direction=Direction.INCREASE,
            amount=Money(2_000),
            reason="Oubli de repas",
            paid=paid_of,
            now=MORNING + timedelta(minutes=21),
        )
        page = paul.get(address(titre)).content.decode()
        seen = set(re.findall(r'name="vu" value="([0-9]+)"', page))
        said = notices.notice(town, begun, account_identifier=begun.account.identifier, rank=Rank.ASKED)
        notices.hear(town, begun, said, now=MORNING + timedelta(minutes=25))
        answer = decide(paul, titre, "abandonner", reason="Introuvable", vu=seen.pop())
        assert "R220" in words(answer)
        assert as_kept(titre).status == "open"
        assert decide(paul, titre, "abandonner", reason="Introuvable").status_code == 303

    def test_of_a_paid_one_is_not_offered_and_is_refused(self, paul, every_situation):
        paid = every_situation["payee"]
        assert 'value="decision"' not in paul.get(address(paid)).content.decode()
        assert "R215" in words(decide(paul, paid, "annuler"))

    @pytest.mark.parametrize("typed", [{}, {"acte": "brûler", "vu": "2"}, {"acte": "emettre", "vu": "x"}])
    def test_of_no_known_kind_is_a_bad_request(self, paul, titre, typed):
        assert paul.post(address(titre), typed).status_code == 400

    def test_is_nobody_s_once_the_contract_is_closed_and_the_list_stays(self, paul, canteen, titre):
        with tenant(canteen.collectivite_id):
            GatewayAccount.objects.filter(pk=canteen.account_id).update(is_active=False)
        assert paul.get(LIST).status_code == 200
        assert decide(paul, titre, "transmettre").status_code == 303
