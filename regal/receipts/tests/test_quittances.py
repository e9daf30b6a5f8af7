"""A régie's quittances: numbered without a gap, once for each settlement, one original and duplicatas."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils.translation import override

from regal.audit.models import AuditEntry
from regal.collectivites.models import Regie
from regal.gateways.base import DebtKind, Environment, Rank
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Means, Settlement
from regal.payments.reversing import reverse
from regal.people.models import Role
from regal.proof.operations import verify
from regal.receipts import quittance_wording, quittances, refusals
from regal.receipts.models import Quittance, QuittanceCounter, QuittanceDelivery, QuittancePerson
from regal.titres.models import Debtor, Titre
from tests import cast, notices
from tests.at_once import at_once
from tests.cast import MORNING

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    product = cast.make_canteen(town)
    with tenant(town.collectivite):
        Regie.objects.filter(pk=product.account.regie_id).update(name="Régie des cantines")
    return product


def received(product, number=1, *, now=MORNING, amount=8_470, **told):
    """Cash for one more invoice."""
    titre = cast.make_titre(product, reference=f"FC2026{number:06d}", amount=Money(8_470), now=now)
    return receive(titre, now=now, amount=amount, **told)


def receive(titre, *, now=MORNING, amount=8_470, means=Means.CASH, **told):
    receipt = record_receipt(
        titre=titre,
        means=means,
        amount=Money(amount),
        received_on=MORNING.date(),
        form_token=tokens.new_token(),
        now=now,
        **told,
    )
    return settlement_of(titre, receipt=receipt)


def settlement_of(row, **which):
    with tenant(row.collectivite_id):
        return Settlement.objects.get(**(which or {"attempt": row}))


def issue(settlement, *, now=MORNING, role=Role.REGISSEUR, actor=None):
    return quittances.issue(settlement=settlement, role=role, now=now, actor_id=actor.pk if actor else None)


def numbers(town):
    with tenant(town.collectivite):
        return list(Quittance.objects.order_by("regie", "year", "number").values_list("year", "number"))


def sheet(quittance, *, original=None, now=MORNING):
    return quittance_wording.sheet_of(quittance, original=original, now=now)


def broken(now=MORNING):
    return [row for row in verify(now=now).broken if "quittance" in str(row)]


class TestIssuing:
    def test_states_money_received_at_the_counter(self, town, canteen):
        settlement = received(canteen, means=Means.CHEQUE, bank="CIC", piece="0012345", drawer="M. Leroy")
        quittance = issue(settlement, actor=town.agent)
        told = sheet(quittance).told
        assert told["number"] == quittance.printed == "2026-000001"
        assert (told["town"], told["regie"], told["regie_number"]) == ("Saint-Aubin", "Régie des cantines", "006383")
        assert told["people"] == [["Mme Leroy"]]
        assert (told["amount"], told["in_words"]) == (
            "84,70\u00a0€",
            "quatre-vingt-quatre euros et soixante-dix centimes",
        )
        assert told["parts"] == [
            {
                "name": "Facture FC2026000001",
                "label": "Cantine, octobre 2026",
                "exercice": "2026",
                "amount": "84,70\u00a0€",
            }
        ]
        assert told["rows"] == [
            ["Moyen de paiement", "chèque"],
            ["Chèque n°", "0012345"],
            ["Banque", "CIC"],
            ["Date du paiement", "24 novembre 2026"],
        ]
        assert (told["office"], told["who"], told["issued_on"]) == ("régisseur", "nadia", "24 novembre 2026")
        assert (told["marks"], told["excess"]) == ([], "")
        assert "M. Leroy" not in sheet(quittance).data(), "who brought the money is not who owed it"

    def test_states_money_paid_online(self, town, canteen):
        quittance = issue(settlement_of(notices.pay(town, cast.make_titre(canteen))))
        told = dict(sheet(quittance).told["rows"])
        assert told["Date du paiement"] == "24 novembre 2026 à 9\u00a0h\u00a000"
        assert told["Numéro de transaction"] == cast.IDOP
        assert quittance.amount == Money(8_470)

    def test_states_what_was_too_much(self, town, canteen):
        titre = cast.make_titre(canteen)
        attempt = cast.leave_with(titre)
        receive(titre, amount=8_470, told_of_hold=True, now=cast.later(minutes=1))
        there = dataclasses.replace(town, product=canteen, account=canteen.account)
        said = notices.notice(there, attempt, rank=Rank.ASKED, occurred_at=cast.later(minutes=2))
        notices.hear(there, attempt, said, now=cast.later(minutes=2))
        quittance = issue(settlement_of(attempt), now=cast.later(hours=1))
        assert (quittance.amount, quittance.excess) == (Money(8_470), Money(8_470))
        assert [(part["name"], part["cents"]) for part in quittance.parts] == [("Facture FC2026000042", 0)]
        assert sheet(quittance).told["excess"] == "84,70\u00a0€"
        assert broken(cast.later(hours=2)) == []

    def test_of_a_part_states_the_part(self, town):
        canteen = cast.make_product(
            town,
            DebtKind.REGIE,
            slug="restaurant",
            numcli="006383",
            gateway="payfip_ws",
            environment=Environment.PRODUCTION,
            partial_payment=True,
        )
        titre = cast.make_titre(canteen)
        first, second = (issue(receive(titre, amount=amount)) for amount in (5_000, 3_470))
        assert [one.amount for one in (first, second)] == [Money(5_000), Money(3_470)]
        assert [one.number for one in (first, second)] == [1, 2]

    def test_keeps_its_words_when_the_titre_and_the_regie_change(self, town, canteen):
        quittance = issue(received(canteen))
        before = sheet(quittance).data()
        with tenant(town.collectivite):
            Regie.objects.filter(pk=canteen.account.regie_id).update(name="Autre")
            Debtor.objects.update(name="Quelqu’un")
            quittance.refresh_from_db()
        assert sheet(quittance).data() == before

    def test_speaks_french_whatever_the_agent_s_page(self, town, canteen):
        with override("en"):
            quittance = issue(received(canteen))
            told = sheet(quittance).told
        assert told["parts"][0]["name"].startswith("Facture ")
        assert told["rows"][0][1] == "espèces"

    def test_is_written_down(self, town, canteen):
        quittance = issue(received(canteen), actor=town.agent)
        with tenant(town.collectivite):
            act = AuditEntry.objects.get(action="issue_quittance")
        assert (act.subject, act.actor_id) == (f"quittance {quittance.pk}", town.agent.pk)
        assert act.after == {"number": "2026-000001", "regie": quittance.regie_id, "amount_cents": 8_470}
        assert "Leroy" not in json.dumps(act.after)

    def test_pressed_twice_gives_the_same(self, town, canteen):
        settlement = received(canteen)
        assert issue(settlement) == issue(settlement, now=cast.later(days=1))
        assert numbers(town) == [(2026, 1)]


class TestRefusals:
    def refused(self, settlement, refusal, **told):
        with pytest.raises(refusal) as raised:
            issue(settlement, **told)
        with tenant(settlement.collectivite_id):
            assert not QuittanceCounter.objects.filter(last__gt=0).exists()
            assert not Quittance.objects.exists()
        assert str(raised.value)

    def test_what_the_comptable_collects(self, town):
        attempt = cast.start(town).attempt
        notices.tell(town, attempt, notices.form(town, attempt))
        notices.hear(town, attempt)
        self.refused(settlement_of(attempt), refusals.NoRegie)

    def test_test_money(self, town):
        product = cast.make_canteen(town, environment=Environment.TEST)
        self.refused(settlement_of(notices.pay(town, cast.make_titre(product))), refusals.TrialMoney)

    def test_what_is_not_confirmed(self, town, canteen):
        attempt = notices.pay(town, cast.make_titre(canteen))
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE payments_attempt SET is_provisional = true WHERE id = %s", [attempt.pk])
        self.refused(settlement_of(attempt), refusals.NotConfirmed)

    def test_what_was_reversed(self, town, canteen):
        settlement = cast.receive_and_reverse(cast.make_titre(canteen))
        self.refused(settlement, refusals.MoneyGone)

    def test_what_the_book_acknowledged(self, town, canteen):
        self.refused(received(canteen, book_number="417"), refusals.GivenOnPaper)

    def test_codes(self):
        kinds = (
            refusals.NoRegie,
            refusals.TrialMoney,
            refusals.NotConfirmed,
            refusals.MoneyGone,
            refusals.GivenOnPaper,
        )
        assert [kind.code for kind in kinds] == ["R295", "R296", "R297", "R298", "R299"]


class TestNumbers:
    def test_have_no_gap_when_twenty_issue_at_once(self, town, canteen):
        settlements = [received(canteen, number) for number in range(1, 21)]
        given = at_once(*(lambda one=one: issue(one).number for one in settlements))
        assert sorted(one for one in given if isinstance(one, int)) == list(range(1, 21))
        assert broken() == []

    def test_are_one_when_twenty_press_at_once(self, town, canteen):
        settlement = received(canteen)
        given = at_once(*(lambda: issue(settlement).number for _ in range(20)))
        assert set(given) == {1}
        assert numbers(town) == [(2026, 1)]

    def test_are_not_burnt_by_whoever_dies_in_the_middle(self, town, canteen, monkeypatch):
        first, second, third = (received(canteen, number) for number in (1, 2, 3))
        issue(first)

        def die(**_):
            raise KeyboardInterrupt

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(quittances, "record", die)
            with pytest.raises(KeyboardInterrupt):
                issue(second)
        assert issue(third).number == 2
        assert issue(second).number == 3
        assert broken() == []

    def test_begin_again_at_midnight_of_paris(self, town, canteen):
        new_year_s_eve = datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)  # 23:59:59 in Paris
        new_year = datetime(2026, 12, 31, 23, 0, 0, tzinfo=UTC)
        eve, first, second = (received(canteen, number) for number in (1, 2, 3))
        assert issue(eve, now=new_year_s_eve).printed == "2026-000001"
        assert issue(first, now=new_year).printed == "2027-000001"
        assert issue(second, now=new_year).printed == "2027-000002"
        assert broken(new_year) == []

    def test_go_with_the_moments_though_two_clocks_differ(self, town, canteen):
        later = issue(received(canteen, 1), now=cast.later(seconds=2))
        after = issue(received(canteen, 2), now=cast.later(seconds=1))
        assert (after.number, after.issued_at) == (2, later.issued_at)
        assert broken(cast.later(seconds=2)) == []

    def test_are_each_regie_s_and_each_town_s_own(self, town, canteen):
        pool = cast.make_canteen(town, numcli="006384", slug="piscine")
        elsewhere = cast.make_canteen(cast.make_next_town(), numcli="006385")
        given = [issue(received(product, number)) for number, product in enumerate((canteen, pool, elsewhere, pool))]
        assert [one.number for one in given] == [1, 1, 1, 2]
        assert broken() == []

    def test_stay_when_the_money_goes(self, town, canteen):
        settlement = received(canteen, means=Means.CHEQUE, bank="CIC", piece="12")
        quittance = issue(settlement)
        reverse(settlement=settlement, cause="unpaid_cheque", reason="Revenu impayé", now=cast.later(days=2))
        (mark,) = sheet(quittance).told["marks"]
        assert mark[0] == "ANNULÉE"
        assert mark[1].startswith("Annulée le 26 novembre 2026\u00a0: chèque impayé.")
        with tenant(town.collectivite):
            titre = Titre.objects.get()
        again = issue(receive(titre, now=cast.later(days=3)), now=cast.later(days=3))
        assert again.number == 2
        assert broken(cast.later(days=4)) == []


class TestDelivery:
    def test_the_first_is_the_original_and_the_others_say_duplicata(self, town, canteen):
        quittance = issue(received(canteen))
        first = quittances.deliver(quittance=quittance, now=cast.later(hours=1), actor_id=town.agent.pk)
        second = quittances.deliver(quittance=quittance, now=cast.later(hours=2))
        assert (first.name, second.name) == ("quittance-2026-000001.pdf", "quittance-2026-000001-duplicata.pdf")
        assert (first.is_original, second.is_original) == (True, False)
        with tenant(town.collectivite):
            deliveries = list(QuittanceDelivery.objects.order_by("number"))
            acts = list(AuditEntry.objects.filter(action__endswith="_quittance").order_by("pk"))
        assert [(one.number, one.made_by) for one in deliveries] == [(1, town.agent), (2, None)]
        assert [one.action for one in acts] == ["issue_quittance", "deliver_quittance", "copy_quittance"]
        (mark,) = sheet(quittance, original=deliveries[0], now=cast.later(hours=2)).told["marks"]
        assert mark == [
            "DUPLICATA",
            "Copie du 24 novembre 2026 à 11\u00a0h\u00a000. L’original a été remis le 24 novembre 2026 à"
            " 10\u00a0h\u00a000. Un seul paiement a été fait.",
        ]

    def test_is_a_tagged_pdf(self, town, canteen):
        file = quittances.deliver(quittance=issue(received(canteen)), now=MORNING)
        assert file.content.startswith(b"%PDF-1.7")
        for word in (b"/StructTreeRoot", b"/Lang", b"/MarkInfo"):
            assert word in file.content

    def test_of_ten_at_once_one_is_the_original(self, town, canteen):
        quittance = issue(received(canteen))
        files = at_once(*(lambda: quittances.deliver(quittance=quittance, now=MORNING) for _ in range(10)))
        assert sorted(file.is_original for file in files if isinstance(file, quittances.File)) == [False] * 9 + [True]
        assert broken() == []

    def test_is_not_written_down_where_no_pdf_is_made(self, town, canteen, monkeypatch):
        quittance = issue(received(canteen))
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(quittance_wording, "TEMPLATE", quittance_wording.TEMPLATE.with_name("gone.typ"))
            with pytest.raises(FileNotFoundError):
                quittances.deliver(quittance=quittance, now=MORNING)
        assert quittances.deliver(quittance=quittance, now=MORNING).is_original

    def test_stays_readable_once_the_names_are_purged(self, town, canteen):
        quittance = issue(received(canteen))
        with tenant(town.collectivite):
            QuittancePerson.objects.all().delete()
        told = sheet(quittance).told
        assert told["people"] == []
        assert "Leroy" not in sheet(quittance).data()
        assert quittances.deliver(quittance=quittance, now=MORNING).content.startswith(b"%PDF")
        assert broken() == []

    @pytest.mark.parametrize(
        "name",
        [
            "Mme L’Œuf d’Œdipe-Ÿ",
            "#eval(\"1+1\") $x$ *gras* _i_ [a] \\ // `raw` <b> @ref = titre",
            "W" * 120,
            "名前 Иванов é\u0301 עברית",
            "  ",
        ],
    )  # fmt: skip
    def test_shows_any_name_as_text(self, town, canteen, name):
        settlement = received(canteen)
        with tenant(town.collectivite):
            Debtor.objects.using("owner").update(
                name=name, address=["3, rue de l’Église " * 3] * 4, postcode="35000", city=name[:60]
            )
        quittance = issue(settlement)
        assert quittances.deliver(quittance=quittance, now=MORNING).content.startswith(b"%PDF")
        assert sheet(quittance).told["people"][0][0] == name


class TestTables:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE receipts_quittance SET amount_cents = 1",
            "DELETE FROM receipts_quittance",
            "UPDATE receipts_quittancedelivery SET number = 5",
            "DELETE FROM receipts_quittancedelivery",
            "DELETE FROM receipts_quittancecounter",
            "UPDATE receipts_quittanceperson SET name = 'x'",
        ],
    )
    def test_the_application_may_not(self, town, canteen, statement):
        quittances.deliver(quittance=issue(received(canteen)), now=MORNING)
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            tenant(town.collectivite),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_hold_one_quittance_of_a_settlement(self, town, canteen):
        quittance = issue(received(canteen))
        with tenant(town.collectivite):
            quittance.pk, quittance.number = None, 2
            with pytest.raises(DatabaseError, match="receipts_quittance_once"), transaction.atomic():
                quittance.save(force_insert=True)


def test_a_titre_that_nobody_can_reverse_meanwhile(town, canteen, monkeypatch):
    """A reversal and an issue at once: either the quittance is refused, or it is there and cancelled."""
    settlement = received(canteen)
    issued, gone = at_once(
        lambda: issue(settlement),
        lambda: reverse(settlement=settlement, cause="given_back", reason="Argent rendu", now=cast.later(hours=1)),
    )
    assert not isinstance(gone, Exception)
    assert isinstance(issued, Quittance | refusals.MoneyGone)
    assert broken(cast.later(hours=2)) == []
