"""The pages of the counter: money entered on an invoice, what came on one day, and a reversal."""

import re
from datetime import date
from typing import Any

import pytest

from regal.backoffice import pages
from regal.backoffice.first_screen import first_screen
from regal.backoffice.queries import totals_of
from regal.gateways.base import Environment
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Attempt, CounterPerson, CounterReceipt, Means, Reversal, Settlement
from regal.payments.queries import Selection
from regal.payments.reversing import reverse
from regal.people.models import Role, User
from regal.titres.models import Titre
from tests import cast, notices
from tests.cast import later

pytestmark = pytest.mark.django_db

DUE = Money(8_470)
LIST = "/saint-aubin/encaissements/"


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
def paul(bureau, town):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " "))


def address(titre):
    return f"/saint-aubin/factures/{titre.pk}/encaisser/"


def receive(client, titre, **typed):
    usual = {
        "moyen": "cash",
        "montant": "84,70",
        "jour": "2026-11-24",
        "jeton": tokens.new_token(),
        "reste": "8470",
        "banque": "",
        "piece": "",
    }
    return client.post(address(titre), usual | typed)


def received(titre: Titre, **changes) -> Settlement:
    usual: dict[str, Any] = {
        "means": Means.CASH,
        "amount": DUE,
        "received_on": date(2026, 11, 24),
        "form_token": tokens.new_token(),
        "now": later(minutes=30),
    }
    receipt = record_receipt(titre=titre, **(usual | changes))
    with tenant(titre.collectivite_id):
        return Settlement.objects.get(receipt=receipt)


def undo(client, settlement, **typed):
    return client.post(f"{LIST}{settlement.pk}/annuler/", {"cause": "typing_error", "motif": "Tapé deux fois"} | typed)


def count(titre: Titre, model=CounterReceipt) -> int:
    with tenant(titre.collectivite_id):
        count: int = model.objects.count()
        return count


class TestReceiving:
    def test_is_offered_on_the_invoice_with_what_is_left(self, paul, titre):
        assert "Encaisser cette facture" in words(paul.get(f"/saint-aubin/factures/{titre.pk}/"))
        page = paul.get(address(titre)).content.decode()
        assert 'value="84,70"' in page
        assert 'value="2026-11-24"' in page
        assert "Quelqu’un est en train de payer" not in page

    def test_calls_what_the_comptable_collects_by_its_name(self, paul, town):
        theirs = cast.make_comptable_titre(town)
        page = words(paul.get(address(theirs)))
        number = f"{theirs.exercice}-{theirs.number}"
        assert f"<h1>Encaisser le titre {number}</h1>" in paul.get(address(theirs)).content.decode()
        assert f"Titre {number}" in page
        assert "Voir le titre" in page
        assert "Encaisser la facture" not in page
        assert "Factures" in page  # the menu

    def test_pays_it_and_its_history_says_how_and_by_whom(self, paul, titre):
        typed = {"moyen": "cheque", "banque": "CIC", "piece": "0012345", "carnet": "417", "tireur": "M. Leroy"}
        answer = receive(paul, titre, **typed)
        assert (answer.status_code, answer["Location"]) == (303, f"/saint-aubin/factures/{titre.pk}/")
        page = words(paul.get(answer["Location"]))
        assert "84,70 € encaissés." in page
        assert "Encaissé (chèque) par paul : 84,70 €" in page
        assert "reçu le 24 novembre 2026, CIC, pièce 0012345, quittance 417" in page
        assert "Leroy" not in page.replace("Mme Leroy", "")
        assert "payée" in page
        assert "Annuler cet encaissement" in page
        assert "Encaisser cette facture" not in page

    def test_twice_by_a_double_click_is_once(self, paul, titre):
        token = tokens.new_token()
        assert [receive(paul, titre, jeton=token).status_code for _ in range(2)] == [303, 303]
        assert count(titre) == 1

    def test_from_a_page_too_old_is_refused(self, paul, titre):
        receive(paul, titre)
        answer = receive(paul, titre)
        assert answer.status_code == 422
        assert "R261" in words(answer)
        assert count(titre) == 1

    @pytest.mark.parametrize(
        "montant",
        [
            "",
            "0",
            "-84,70",
            "84,70,0",
            "8,47e1",
            "1e3",
            "NaN",
            "inf",
            "84.700",
            "99999999999",
            "84,71",
            "١٢",
            "\u0000",
            "x" * 30,
        ],
    )
    def test_refuses_what_is_no_amount_or_too_much(self, paul, titre, montant):
        answer = receive(paul, titre, montant=montant)
        assert answer.status_code == 422
        assert "Erreur" in answer.content.decode().partition("</title>")[0]
        assert count(titre) == 0

    @pytest.mark.parametrize("jour", ["", "hier", "2026-11-25", "2026-11-23", "9999-12-31", "0001-01-01", "2026-13-45"])
    def test_refuses_a_day_to_come_before_the_invoice_or_unread(self, paul, titre, jour):
        answer = receive(paul, titre, jour=jour)
        assert answer.status_code == 422
        assert "R265" in words(answer)
        assert count(titre) == 0

    @pytest.mark.parametrize(
        "typed",
        [
            {"moyen": ""},
            {"moyen": "bitcoin"},
            {"moyen": "cheque"},
            {"moyen": "cheque", "banque": "CIC"},
            {"moyen": "card", "piece": "4539 5787 6362 1486"},
            {"moyen": "card", "piece": "x" * 41},
            {"moyen": "transfer", "libelle": "\u202eFR"},
            {"moyen": "transfer", "tireur": "x" * 121},
        ],
    )
    def test_refuses_a_voucher_that_proves_nothing_or_cannot_be_kept(self, paul, titre, typed):
        assert receive(paul, titre, **typed).status_code == 422
        assert count(titre) == 0

    @pytest.mark.parametrize(
        "typed", [{"jeton": ""}, {"jeton": "x"}, {"reste": ""}, {"reste": "-1"}, {"reste": "9" * 30}]
    )
    def test_is_a_bad_request_with_what_the_page_never_showed(self, paul, titre, typed):
        assert receive(paul, titre, **typed).status_code == 400
        assert count(titre) == 0

    def test_waits_for_who_pays_online_unless_the_money_is_there(self, paul, titre):
        cast.leave_with(titre, now=later(minutes=59))
        page = paul.get(address(titre))
        assert "Quelqu’un est en train de payer en ligne" in words(page)
        answer = receive(paul, titre)
        assert answer.status_code == 422
        assert "R268" in words(answer)
        assert 'aria-invalid="true"' in answer.content.decode()
        assert receive(paul, titre, deja_la="on").status_code == 303

    def test_is_not_an_agent_s_nor_a_neighbour_s(self, bureau, town, titre):
        settlement = received(titre)
        bureau.force_login(town.agent)
        assert bureau.get(address(titre)).status_code == 403
        assert receive(bureau, titre).status_code == 403
        assert undo(bureau, settlement).status_code == 403
        assert bureau.get(LIST).status_code == 200
        next_town = cast.make_next_town()
        bureau.force_login(cast.make_agent(next_town, "marie", Role.REGISSEUR))
        for place in (address(titre), f"{LIST}{settlement.pk}/annuler/"):
            assert bureau.get(place).status_code == 404
            assert bureau.post(place.replace("saint-aubin", "val-de-l-orne"), {}).status_code == 404
        assert count(titre, Reversal) == 0

    def test_of_a_part_is_told_where_the_product_allows_it(self, paul, titre, canteen):
        answer = receive(paul, titre, montant="40,00")
        assert answer.status_code == 422
        assert "R263" in words(answer)
        with tenant(canteen.collectivite_id):
            canteen.partial_payment = True
            canteen.save(update_fields=["partial_payment"])
        assert "Ce produit se paie en plusieurs fois" in words(paul.get(address(titre)))
        assert receive(paul, titre, montant="40,00").status_code == 303
        assert "en partie" in words(paul.get(f"/saint-aubin/factures/{titre.pk}/"))
        assert "en partie" in words(paul.get("/saint-aubin/factures/"))


class TestTheDay:
    def test_is_summed_by_means_without_what_was_reversed(self, paul, canteen):
        made = [cast.make_titre(canteen, reference=f"FC202600300{place}") for place in range(4)]
        received(made[0])
        received(made[1])
        received(made[2], means=Means.CHEQUE, bank="CIC", piece="12")
        gone = received(made[3])
        reverse(settlement=gone, cause="typing_error", reason="Tapé deux fois", now=later(minutes=40))
        page = words(paul.get(LIST))
        assert "espèces 169,40 € 2 encaissements" in page
        assert "chèque 84,70 € 1 encaissement" in page
        assert "En tout 254,10 € 3 encaissements" in page
        assert page.count("annulé") == 1
        assert "En tout 84,70 € 1 encaissement" in words(paul.get(f"{LIST}?moyen=cheque"))
        assert "Rien n’a été encaissé ce jour-là." in words(paul.get(f"{LIST}?jour=2026-11-23"))

    @pytest.mark.parametrize("query", ["jour=hier", "moyen=bitcoin", "jour=0001-01-01", "jour=9999-12-31", "jour=%00"])
    def test_takes_any_question(self, paul, titre, query):
        assert paul.get(f"{LIST}?{query}").status_code == 200


class TestReversing:
    def test_is_one_press_from_the_invoice_and_reopens_it(self, paul, titre):
        settlement = received(titre, means=Means.CHEQUE, bank="CIC", piece="12", drawer="M. Leroy")
        page = words(paul.get(f"{LIST}{settlement.pk}/annuler/"))
        assert "chèque impayé" in page
        assert "M. Leroy" in page
        answer = undo(paul, settlement, cause="unpaid_cheque", motif="Revenu impayé le 24")
        assert (answer.status_code, answer["Location"]) == (303, f"/saint-aubin/factures/{titre.pk}/")
        page = words(paul.get(answer["Location"]))
        assert "Annulé par paul, chèque impayé : − 84,70 €" in page
        assert "Revenu impayé le 24" in page
        assert "Reste à payer 84,70 €" in page
        assert "Annuler cet encaissement" not in page
        again = undo(paul, settlement, cause="unpaid_cheque")
        assert again.status_code == 422
        assert "R271" in words(again)
        assert "Déjà annulé" in words(paul.get(f"{LIST}{settlement.pk}/annuler/"))
        assert receive(paul, titre).status_code == 303

    @pytest.mark.parametrize(
        "typed", [{"cause": ""}, {"cause": "chargeback"}, {"motif": ""}, {"motif": "x" * 301}, {"motif": "\u0000"}]
    )
    def test_needs_a_cause_and_a_reason(self, paul, titre, typed):
        settlement = received(titre)
        assert undo(paul, settlement, **typed).status_code == 422
        assert count(titre, Reversal) == 0

    def test_of_an_online_payment_is_told_on_its_page_and_leaves_every_total(self, paul, town, titre):
        attempt = notices.pay(town, titre, now=later(minutes=30))
        page = words(paul.get(f"/saint-aubin/paiements/{attempt.pk}/"))
        assert "La banque a repris cet argent ?" in page
        with tenant(town.collectivite):
            settlement = Settlement.objects.get(attempt=attempt)
        assert "84,70" in words(paul.get("/saint-aubin/")).partition("Derniers")[0]
        assert undo(paul, settlement, cause="chargeback", motif="Contesté par la banque").status_code == 303
        page = words(paul.get(f"/saint-aubin/paiements/{attempt.pk}/"))
        assert "payé, puis annulé" in page
        assert "Contesté par la banque" in page
        with tenant(town.collectivite):
            totals = totals_of(collectivite=town.collectivite, selection=Selection())
            screen = first_screen(collectivite=town.collectivite, now=later(hours=1))
        assert (totals.confirmed.count, totals.provisional.count, totals.others.count) == (0, 0, 1)
        assert screen.today.whole.is_nothing
        assert "payé, puis annulé" in words(paul.get("/saint-aubin/paiements/?etat=reversed"))
        with tenant(town.collectivite):
            assert Attempt.objects.get(pk=attempt.pk).standing == "reversed"


class TestAVisitingOperator:
    """Paul asked for help: the operator mends settings, and the money stays the town's."""

    WHY = "un régisseur ou un administrateur peut le faire"

    @pytest.fixture
    def olga(self, bureau, town):
        bureau.force_login(User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True))
        told = {"reason": "Paul a demandé de l’aide", "role": Role.ADMINISTRATOR}
        assert bureau.post("/exploitation/collectivites/saint-aubin/entrer/", told).status_code == 303
        return bureau

    def test_receives_nothing_and_is_told_who_does(self, olga, town, titre):
        page = words(olga.get(f"/saint-aubin/factures/{titre.pk}/"))
        assert self.WHY in page
        assert "Encaisser cette facture" not in page
        page = words(olga.get(address(titre)))
        assert self.WHY in page
        assert "Enregistrer l’encaissement" not in page
        assert receive(olga, titre).status_code == 403
        with tenant(town.collectivite):
            assert not CounterReceipt.objects.exists()

    def test_reverses_nothing_of_what_was_received(self, olga, town, titre):
        record_receipt(
            titre=titre, means=Means.CASH, amount=DUE, received_on=date(2026, 11, 24),
            form_token=tokens.new_token(), now=later(minutes=5),
        )  # fmt: skip
        with tenant(town.collectivite):
            settlement = Settlement.objects.get()
        page = words(olga.get(f"/saint-aubin/factures/{titre.pk}/"))
        assert self.WHY in page
        assert "Annuler cet encaissement" not in page
        where = f"{LIST}{settlement.pk}/annuler/"
        page = olga.get(where)
        assert self.WHY in words(page)
        assert 'name="motif"' not in page.content.decode()
        answer = olga.post(where, {"cause": "typing_error", "motif": "Saisi deux fois"})
        assert answer.status_code == 403
        with tenant(town.collectivite):
            assert not Reversal.objects.exists()

    def test_reverses_nothing_of_what_was_paid_online(self, olga, town, titre):
        attempt = notices.pay(town, titre)
        page = words(olga.get(f"/saint-aubin/paiements/{attempt.pk}/"))
        assert self.WHY in page
        assert "Annuler ce paiement" not in page
        with tenant(town.collectivite):
            settlement = Settlement.objects.get()
        answer = olga.post(f"{LIST}{settlement.pk}/annuler/", {"cause": "rejected", "motif": "La banque a repris"})
        assert answer.status_code == 403
        with tenant(town.collectivite):
            assert not Reversal.objects.exists()

    def test_who_only_looks_is_told_so_by_the_role(self, bureau, town, titre):
        bureau.force_login(User.objects.create_user(identifier="otto", email="otto@example.org", is_operator=True))
        told = {"reason": "Paul a demandé de l’aide", "role": Role.AGENT}
        bureau.post("/exploitation/collectivites/saint-aubin/entrer/", told)
        assert "Encaisser cette facture" not in words(bureau.get(f"/saint-aubin/factures/{titre.pk}/"))
        assert bureau.get(address(titre)).status_code == 403
        assert receive(bureau, titre).status_code == 403


class TestWhoBroughtIt:
    def test_is_kept_apart_so_that_it_can_be_forgotten(self, paul, titre):
        receive(paul, titre, moyen="transfer", libelle="VIR M LEROY", tireur="M. Leroy")
        with tenant(titre.collectivite_id):
            person = CounterPerson.objects.get()
        assert (person.drawer, person.label) == ("M. Leroy", "VIR M LEROY")
