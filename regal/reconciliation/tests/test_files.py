"""From a deposited file to confirmed payments, and what becomes of what does not fit."""

import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from regal.agenda.models import Effect
from regal.audit.models import AuditEntry
from regal.cases.models import Case, Kind
from regal.collectivites.models import Budget, GatewayAccount, Product
from regal.gateways.base import DebtKind, Environment, Outcome, Rank
from regal.gateways.files import FileKind, NotThisFile
from regal.journal.models import Entry
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, Settlement
from regal.payments.states import State
from regal.reconciliation import operations, queries, refusals
from regal.reconciliation.matching import Result
from regal.reconciliation.models import DepositedFile, FiledLine
from tests import cast, notices
from tests.cast import MORNING, REFDET, later
from tests.files import DAY, Paid, pes, statement
from tests.notices import form, run_due, tell

pytestmark = pytest.mark.django_db

OTHER_TITRE = "202600000413000001"
EVENING = later(hours=10)
BILL = "FC2026000412"
ROLE = "2026-EA-00-000000012"


def make_town(**changes):
    usual = {
        "slug": "saint-aubin",
        "name": "Saint-Aubin",
        "numcli": "006382",
        "agent": "nadia",
        "origin": "https://saint-aubin.example",
        "environment": Environment.PRODUCTION,
    }
    return cast.make_town(**(usual | changes))


@pytest.fixture
def town():
    return make_town()


@pytest.fixture
def canteen(town):
    return cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="350005", environment=Environment.PRODUCTION)


@pytest.fixture
def water(town):
    return cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="350004", environment=Environment.PRODUCTION)


def pay(town, reference=REFDET, *, cents=12_550, now=MORNING, **changes):
    """Somebody leaves for PayFiP."""
    told = {"told_of_earlier": True} | changes
    return cast.start(town, debt_reference=reference, amount=Money(cents), now=now, **told).attempt


def pay_bill(town, canteen, reference=BILL, **changes):
    return pay(town, reference, product=canteen, exercice=None, **changes)


def pay_role(town, water, reference=ROLE, **changes):
    return pay(town, reference.replace("-", ""), product=water, **changes)


def announce(town, attempt, outcome="P", *, now=MORNING, **changes):
    """PayFiP's notification, read; in production it says M."""
    said = {"saisie": "M", "numcli": attempt.account.identifier} | changes
    return tell(town, attempt, form(town, attempt, outcome, **said), now=now)


def deposit(town, content, *, account="", name="fichier.xml", now=EVENING):
    with tenant(town.collectivite):
        return operations.deposit(
            collectivite=town.collectivite,
            content=content,
            name=name,
            account_identifier=account,
            actor_id=town.agent.pk,
            now=now,
        )


def confirm(town, file, *, now=EVENING, **days):
    with tenant(town.collectivite):
        file.refresh_from_db()
        covers = {"covers_from": file.covers_from, "covers_to": file.covers_to} | days
        operations.confirm(collectivite=town.collectivite, file_id=file.pk, actor_id=town.agent.pk, now=now, **covers)
    run_due(now)
    with tenant(town.collectivite):
        file.refresh_from_db()
    return file


def file_it(town, content, *, account="", now=EVENING, **days):
    """Deposit, confirm, and let the worker do it."""
    return confirm(town, deposit(town, content, account=account, now=now), now=now, **days)


def report(town, file):
    with tenant(town.collectivite):
        found = queries.file_numbered(collectivite=town.collectivite, file_id=file.pk)
        assert found is not None
        return operations.examine(found)


def results(town, file):
    with tenant(town.collectivite):
        return [(Result(one.result), one.attempt_id) for one in queries.lines_of(file=file)]


def again(town, attempt):
    with tenant(town.collectivite):
        return Attempt.objects.select_related("account").get(pk=attempt.pk)


def cases(town):
    with tenant(town.collectivite):
        return [(one.kind, one.subject_kind, one.subject_id) for one in Case.objects.order_by("pk")]


def count(town, *models):
    with tenant(town.collectivite):
        return {model.__name__: model.objects.count() for model in models}


class TestAPaymentOfTheFile:
    @pytest.mark.parametrize("announced", [None, "P", "R", "A"])
    def test_is_confirmed_whether_payfip_announced_it_or_not(self, town, announced):
        attempt = pay(town)
        if announced:
            announce(town, attempt, announced)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert file.confirmed_at == EVENING
        assert results(town, file) == [(Result.CONFIRMED, attempt.pk)]
        assert again(town, attempt).status == State.PAID
        with tenant(town.collectivite):
            settlement = Settlement.objects.get()
            entry = Entry.objects.get(kind="settlement")
        assert (settlement.attempt_id, settlement.rank, settlement.amount) == (attempt.pk, Rank.FILED, Money(12_550))
        assert (entry.attempt_id, entry.amount, entry.accounting_day) == (attempt.pk, Money(12_550), DAY)

    def test_is_confirmed_for_a_regie(self, town, canteen):
        attempt = pay_bill(town, canteen)
        file = file_it(town, statement([Paid(reference=BILL, cents=12_550)], numcli="350005"), account="350005")
        assert results(town, file) == [(Result.CONFIRMED, attempt.pk)]
        assert file.account_id == canteen.account_id

    @pytest.mark.parametrize("filed", [ROLE, "2026---12", "2026-EA--12"])
    def test_is_confirmed_for_a_role_by_what_the_file_keeps_of_it(self, town, water, filed):
        attempt = pay_role(town, water)
        file = file_it(town, pes(roles=[Paid(reference=filed, cents=12_550)]))
        assert results(town, file) == [(Result.CONFIRMED, attempt.pk)]

    def test_is_confirmed_on_the_contract_in_activation_of_the_same_client(self, town, canteen):
        trial = cast.make_product(
            town, DebtKind.REGIE, slug="essai", numcli="350006", environment=Environment.ACTIVATION
        )
        attempt = pay_bill(town, trial)
        file = file_it(town, statement([Paid(reference=BILL, cents=12_550)], numcli="350006"), account="350006")
        assert results(town, file) == [(Result.CONFIRMED, attempt.pk)]

    def test_leaves_its_proof_naming_the_file_and_the_line(self, town):
        attempt = pay(town)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        with tenant(town.collectivite):
            line, evidence = FiledLine.objects.get(), Evidence.objects.get()
        assert evidence.pk == line.evidence_id
        assert (evidence.source, evidence.rank, evidence.outcome) == ("file", Rank.FILED, Outcome.PAID)
        assert evidence.digest == operations.line_digest(file.digest, 1)
        assert evidence.facts["file"] == f"{file.pk}"
        assert evidence.facts["line"] == "1"
        assert evidence.facts["place"] == line.place == "titre 412, ligne 1"
        assert (line.reference, line.amount, line.day) == (REFDET, Money(12_550), DAY)
        assert again(town, attempt).announced == ""

    def test_changes_nothing_in_what_was_announced_since(self, town):
        """TIPI's late notification of a confirmed payment is one more announcement."""
        attempt = pay(town)
        file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        announce(town, attempt, "P", now=later(hours=12))
        assert again(town, attempt).status == State.PAID
        assert count(town, Settlement) == {"Settlement": 1}

    def test_confirms_one_attempt_of_two_and_two_lines_confirm_both(self, town):
        first, second = pay(town), pay(town, now=later(minutes=1))
        announce(town, second)
        line = Paid(reference=REFDET, cents=12_550)
        file_it(town, pes([line]))
        assert [again(town, one).status for one in (first, second)] == [State.HANDED_OFF, State.PAID]
        file_it(town, pes([line, line]))
        assert again(town, first).status == State.PAID
        assert count(town, Settlement) == {"Settlement": 2}

    def test_that_a_better_witness_proved_before_is_confirmed_again(self, town):
        attempt = pay(town)
        said = notices.notice(town, attempt, rank=Rank.ASKED)
        notices.hear(town, attempt, said, source="inquiry")
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert results(town, file) == [(Result.ALREADY, attempt.pk)]
        with tenant(town.collectivite):
            assert AttemptEvent.objects.latest("pk").event == "confirmed"
            assert Settlement.objects.get().rank == Rank.ASKED

    @pytest.mark.parametrize("late", [State.EXPIRED_PRESUMED])
    def test_confirms_an_attempt_that_was_given_up(self, town, late):
        attempt = pay(town)
        run_due(later(days=7, hours=1))
        assert again(town, attempt).status == late
        file_it(town, pes([Paid(reference=REFDET, cents=12_550)]), now=later(days=8))
        assert again(town, attempt).status == State.PAID


class TestItsHour:
    def of(self, town, **paid):
        file_it(town, pes([Paid(reference=REFDET, cents=12_550, **paid)]), now=later(days=3))
        with tenant(town.collectivite):
            return Settlement.objects.get().occurred_at

    def test_is_noon_when_nobody_told(self, town):
        pay(town)
        assert self.of(town) == datetime(2026, 11, 24, 11, tzinfo=UTC)

    def test_is_the_announcement_s_when_it_is_of_that_day(self, town):
        announce(town, pay(town))
        assert self.of(town) == datetime(2026, 11, 24, 8, 5, tzinfo=UTC)

    def test_is_noon_when_the_announcement_is_of_another_day(self, town):
        announce(town, pay(town))
        assert self.of(town, day=DAY + timedelta(days=1)) == datetime(2026, 11, 25, 11, tzinfo=UTC)

    def test_is_not_that_of_a_refusal(self, town):
        announce(town, pay(town), "R")
        assert self.of(town) == datetime(2026, 11, 24, 11, tzinfo=UTC)

    def test_is_not_before_the_payer_left(self, town):
        pay(town, now=later(hours=6))
        assert self.of(town) == later(hours=6)

    def test_is_not_to_come(self, town):
        pay(town)
        file_it(town, pes([Paid(reference=REFDET, cents=12_550)]), now=later(minutes=30))
        with tenant(town.collectivite):
            assert Settlement.objects.get().occurred_at == later(minutes=30)

    def test_is_the_file_s_where_it_gives_one(self, town, canteen):
        pay_bill(town, canteen)
        content = (
            b"EN-TETE;350005;24/11/2026;24/11/2026\nLIGNE;date;refdet;montant;heure\n"
            b"LIGNE;24/11/2026;FC2026000412;125,50;1432\nPIED-DE-PAGE;1;125,50\n"
        )
        file_it(town, content, account="350005")
        with tenant(town.collectivite):
            assert Settlement.objects.get().occurred_at == datetime(2026, 11, 24, 13, 32, tzinfo=UTC)


class TestAPaymentThatIsNotOurs:
    def test_is_counted_paid_elsewhere_and_opens_nothing(self, town):
        file = file_it(town, pes([Paid(reference=OTHER_TITRE, cents=100)]))
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        assert cases(town) == []
        assert count(town, Evidence) == {"Evidence": 0}

    def test_made_at_the_counter_is_not_even_a_line(self, town):
        attempt = pay(town)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550, origin="01")]))
        assert (file.count, file.left_out, results(town, file)) == (0, 1, [])
        assert again(town, attempt).status == State.HANDED_OFF

    def test_never_confirms_a_test_payment(self, town):
        trial = cast.make_product(town, DebtKind.TITRE, slug="essai", numcli="350003")
        attempt = pay(town, product=trial)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        assert again(town, attempt).status == State.HANDED_OFF

    def test_never_confirms_another_budget_s(self, town):
        with tenant(town.collectivite):
            budget = Budget.objects.create(
                collectivite=town.collectivite, siret="21350999500014", code="01", name="Eau"
            )
            account = GatewayAccount.objects.create(
                collectivite=town.collectivite,
                gateway="payfip_url",
                debt_kind=DebtKind.TITRE,
                environment=Environment.PRODUCTION,
                identifier="350009",
                budget=budget,
            )
            product = Product.objects.create(collectivite=town.collectivite, slug="eau", name="Eau", account=account)
        attempt = pay(town, product=product)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)], siret="21350999500014"))
        assert results(town, file) == [(Result.CONFIRMED, attempt.pk)]

    def test_never_confirms_another_client_s(self, town, canteen):
        other = cast.make_product(
            town, DebtKind.REGIE, slug="garderie", numcli="350007", environment=Environment.PRODUCTION
        )
        attempt = pay_bill(town, other)
        file = file_it(town, statement([Paid(reference=BILL, cents=12_550)], numcli="350005"), account="350005")
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        assert again(town, attempt).status == State.HANDED_OFF


class TestCases:
    def test_another_amount_waits_for_a_person_with_both_amounts(self, town):
        attempt = pay(town)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_000)]))
        assert results(town, file) == [(Result.OTHER_AMOUNT, attempt.pk)]
        assert again(town, attempt).status == State.HANDED_OFF
        with tenant(town.collectivite):
            case = Case.objects.get()
        assert (case.kind, case.subject_id) == (Kind.OTHER_AMOUNT, attempt.pk)
        assert case.facts == {"file": file.pk, "line": 1, "filed_cents": 12_000, "expected_cents": 12_550}

    @pytest.mark.parametrize("outcome", ["R", "A"])
    def test_a_refusal_that_the_file_contradicts_is_confirmed_and_told(self, town, outcome):
        attempt = pay(town)
        announce(town, attempt, outcome)
        file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert again(town, attempt).status == State.PAID
        assert cases(town) == [(Kind.REFUSED_YET_FILED, "attempt", attempt.pk)]

    def test_a_line_of_two_debts_confirms_neither_and_waits_for_a_person(self, town, water):
        one, other = pay_role(town, water, "2026-EA-00-12"), pay_role(town, water, "2026-EA-00-012")
        file = file_it(town, pes(roles=[Paid(reference="2026-EA-00-12", cents=12_550)]))
        assert results(town, file) == [(Result.AMBIGUOUS, None)]
        assert {again(town, attempt).status for attempt in (one, other)} == {State.HANDED_OFF}
        with tenant(town.collectivite):
            case, line = Case.objects.get(), FiledLine.objects.get()
        assert (case.kind, case.subject_kind, case.subject_id) == (Kind.AMBIGUOUS_LINE, "filed_line", line.pk)
        assert case.facts["attempts"] == sorted([one.pk, other.pk])

    def test_are_counted_beforehand(self, town, water):
        denied, other = pay(town), pay(town, OTHER_TITRE)
        announce(town, denied, "A")
        pay_role(town, water, "2026-EA-00-12")
        pay_role(town, water, "2026-EA-00-012")
        content = pes(
            [Paid(reference=REFDET, cents=12_550), Paid(reference=OTHER_TITRE, cents=1)],
            roles=[Paid(reference="2026-EA-00-12", cents=12_550)],
        )
        file = deposit(town, content)
        foretold = report(town, file)
        assert foretold.cases == Counter({Kind.OTHER_AMOUNT: 1, Kind.AMBIGUOUS_LINE: 1, Kind.REFUSED_YET_FILED: 1})
        assert cases(town) == []
        confirm(town, file)
        assert Counter(Kind(kind) for kind, _, _ in cases(town)) == foretold.cases
        assert other.pk in {subject for _, _, subject in cases(town)}


class TestAbsence:
    """2026-11-24 is a Tuesday: two working days later it is Thursday the 26th."""

    def announced(self, town, **changes):
        attempt = pay(town, **changes)
        announce(town, attempt)
        return attempt

    def look(self, town, now):
        with tenant(town.collectivite):
            return operations.open_absences(collectivite=town.collectivite, now=now)

    def test_is_told_two_working_days_after_a_day_that_a_file_covers(self, town):
        attempt = self.announced(town)
        file_it(town, pes())
        assert cases(town) == []
        assert self.look(town, later(days=1)) == 0
        assert self.look(town, later(days=2)) == 1
        assert cases(town) == [(Kind.ABSENT_FROM_FILE, "attempt", attempt.pk)]
        assert again(town, attempt).status == State.HANDED_OFF

    def test_is_told_at_once_when_the_file_comes_later_still(self, town):
        attempt = self.announced(town)
        file_it(town, pes(), now=later(days=2), covers_from=DAY, covers_to=DAY)
        assert cases(town) == [(Kind.ABSENT_FROM_FILE, "attempt", attempt.pk)]

    def test_waits_through_the_weekend(self, town):
        friday = datetime(2026, 11, 27, 9, tzinfo=UTC)
        attempt = pay(town, now=friday)
        announce(town, attempt, now=friday, dattrans="27112026", heurtrans="1005")
        file_it(town, pes(made_on=date(2026, 11, 27)), now=friday + timedelta(hours=8))
        assert self.look(town, datetime(2026, 11, 30, 20, tzinfo=UTC)) == 0
        assert self.look(town, datetime(2026, 12, 1, 1, tzinfo=UTC)) == 1

    def test_is_told_once_even_when_a_person_has_closed_the_case(self, town):
        self.announced(town)
        file_it(town, pes())
        self.look(town, later(days=2))
        assert self.look(town, later(days=3)) == 0
        with tenant(town.collectivite):
            Case.objects.update(closed_at=later(days=3), closed_rule="test", decision="other", reason="vu")
        assert self.look(town, later(days=4)) == 0

    def test_is_not_told_of_a_day_that_no_file_covers(self, town):
        self.announced(town)
        file_it(town, pes(), now=later(days=2), covers_from=DAY + timedelta(days=1), covers_to=DAY + timedelta(days=2))
        file_it(town, pes(made_on=DAY - timedelta(days=1)), now=later(days=2))
        assert self.look(town, later(days=9)) == 0

    def test_is_not_told_of_what_a_file_contains_nor_of_what_nobody_announced(self, town):
        self.announced(town)
        pay(town, OTHER_TITRE)
        refused = pay(town, OTHER_TITRE)
        announce(town, refused, "R")
        file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert self.look(town, later(days=9)) == 0

    def test_is_not_told_of_another_account_nor_of_a_test(self, town, canteen):
        trial = cast.make_product(town, DebtKind.TITRE, slug="essai", numcli="350003")
        test = pay(town, product=trial)
        announce(town, test, saisie="T")
        bill = pay_bill(town, canteen)
        announce(town, bill, exer=None)
        file_it(town, pes())
        assert {again(town, one).announced for one in (test, bill)} == {Outcome.PAID}
        assert self.look(town, later(days=9)) == 0

    def test_ends_with_a_confirmation_when_a_later_file_contains_it(self, town):
        attempt = self.announced(town)
        file_it(town, pes())
        self.look(town, later(days=2))
        late = Paid(reference=REFDET, cents=12_550, day=DAY + timedelta(days=3))
        file_it(town, pes([late]), now=later(days=4))
        assert again(town, attempt).status == State.PAID
        assert cases(town) == [(Kind.ABSENT_FROM_FILE, "attempt", attempt.pk)]


class TestTheSameAgain:
    def test_bytes_say_when_and_by_whom_and_change_nothing(self, town):
        pay(town)
        content = pes([Paid(reference=REFDET, cents=12_550)])
        file_it(town, content)
        before = count(town, DepositedFile, FiledLine, Evidence, Settlement, AuditEntry, Case)
        with pytest.raises(refusals.AlreadyDeposited) as refused:
            deposit(town, content, now=later(days=1))
        assert "par nadia le 24 novembre 2026 à 19" in str(refused.value)
        assert count(town, DepositedFile, FiledLine, Evidence, Settlement, AuditEntry, Case) == before

    def test_bytes_of_a_discarded_draft_may_come_again(self, town):
        content = pes()
        file = deposit(town, content)
        with tenant(town.collectivite):
            operations.discard(collectivite=town.collectivite, file_id=file.pk, actor_id=town.agent.pk, now=EVENING)
        assert deposit(town, content).pk != file.pk

    def test_lines_in_another_file_change_nothing(self, town):
        attempt, line = pay(town), Paid(reference=REFDET, cents=12_550)
        elsewhere, other = Paid(reference=OTHER_TITRE, cents=100), Paid(reference=REFDET, cents=12_000)
        file_it(town, pes([line, elsewhere]))
        before = count(town, Evidence, Settlement, AttemptEvent, Case)
        file = file_it(town, pes([elsewhere, line], post="UN AUTRE JOUR"), now=later(days=1))
        assert results(town, file) == [(Result.ELSEWHERE, None), (Result.ALREADY, attempt.pk)]
        assert count(town, Evidence, Settlement, AttemptEvent, Case) == before
        file = file_it(town, pes([other, elsewhere, line]), now=later(days=1))
        assert results(town, file)[0] == (Result.ELSEWHERE, None)

    def test_lines_with_one_more_of_them_confirm_one_more(self, town):
        first, second = pay(town), pay(town, now=later(minutes=1))
        line = Paid(reference=REFDET, cents=12_550)
        file_it(town, pes([line]))
        file_it(town, pes([line], post="ENCORE"))
        assert again(town, second).status == State.HANDED_OFF
        file_it(town, pes([line, line]))
        assert {again(town, one).status for one in (first, second)} == {State.PAID}

    def test_another_amount_said_again_opens_no_second_case(self, town):
        pay(town)
        line = Paid(reference=REFDET, cents=12_000)
        file_it(town, pes([line]))
        with tenant(town.collectivite):
            Case.objects.update(closed_at=EVENING, closed_rule="test", decision="other", reason="vu")
        file_it(town, pes([line], post="ENCORE"))
        assert len(cases(town)) == 1

    def test_worker_s_effect_does_nothing_more(self, town):
        pay(town)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        before = count(town, FiledLine, Evidence, Settlement, Entry)
        with tenant(town.collectivite):
            operations.confirm_file(town.collectivite.pk, file.pk, later(days=1))
        assert count(town, FiledLine, Evidence, Settlement, Entry) == before


class TestADraft:
    def test_changes_no_payment(self, town):
        attempt = pay(town)
        file = deposit(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert report(town, file).tally(Result.CONFIRMED) == queries.Tally(count=1, total=Money(12_550))
        assert report(town, file).tally(Result.ELSEWHERE) == queries.Tally(count=0, total=Money(0))
        assert again(town, attempt).status == State.HANDED_OFF
        assert count(town, FiledLine, Evidence) == {"FiledLine": 0, "Evidence": 0}

    def test_knows_what_it_is_whose_and_which_days_it_covers(self, town):
        lines = [Paid(reference=REFDET, cents=12_550, day=DAY - timedelta(days=3)), Paid(reference=REFDET, cents=1)]
        file = deposit(town, pes(lines))
        assert (file.kind, file.count, file.total) == (FileKind.PES_RETOUR, 2, Money(12_551))
        assert file.entity == "SGC DU PAYS, COMMUNE DE SAINT-AUBIN, budget 00"
        assert (file.covers_from, file.covers_to) == (DAY - timedelta(days=3), DAY)

    def test_of_a_regie_covers_the_days_it_says(self, town, canteen):
        first, last = DAY - timedelta(days=5), DAY - timedelta(days=1)
        file = deposit(town, statement([], numcli="350005", first=first, last=last), account="350005")
        assert (file.covers_from, file.covers_to) == (first, last)

    def test_is_confirmed_for_the_days_that_the_agent_corrected(self, town):
        file = file_it(town, pes(), covers_from=DAY - timedelta(days=7))
        assert (file.covers_from, file.covers_to) == (DAY - timedelta(days=7), DAY)

    @pytest.mark.parametrize(
        ("days", "refusal"),
        [
            ({"covers_from": DAY + timedelta(days=1)}, refusals.DaysReversed),
            ({"covers_to": DAY + timedelta(days=1)}, refusals.DaysToCome),
        ],
    )
    def test_is_not_confirmed_for_impossible_days(self, town, days, refusal):
        file = deposit(town, pes())
        with pytest.raises(refusal):
            confirm(town, file, **days)
        assert not Effect.objects.exists()

    def test_is_confirmed_or_discarded_once(self, town):
        file = deposit(town, pes())
        confirm(town, file)
        with pytest.raises(refusals.NoLongerADraft):
            confirm(town, file)
        with tenant(town.collectivite), pytest.raises(refusals.NoLongerADraft):
            operations.discard(collectivite=town.collectivite, file_id=file.pk, actor_id=town.agent.pk, now=EVENING)

    def test_that_is_discarded_keeps_no_byte(self, town):
        file = deposit(town, pes())
        with tenant(town.collectivite):
            operations.discard(collectivite=town.collectivite, file_id=file.pk, actor_id=town.agent.pk, now=EVENING)
            file.refresh_from_db()
        assert (file.content, file.discarded_at) == (None, EVENING)

    def test_that_nobody_confirms_goes_after_a_week(self, town):
        old, fresh = deposit(town, pes()), deposit(town, pes(post="X"), now=later(days=7))
        asked = deposit(town, pes(post="Y"))
        with tenant(town.collectivite):
            DepositedFile.objects.filter(pk=asked.pk).update(confirm_asked_at=EVENING, confirm_asked_by=town.agent.pk)
            operations.tidy(collectivite=town.collectivite, now=later(days=7, hours=10, seconds=1))
            kept = set(DepositedFile.objects.filter(content__isnull=False).values_list("pk", flat=True))
        assert kept == {fresh.pk, asked.pk}
        with tenant(town.collectivite):
            old.refresh_from_db()
        assert old.discarded_at

    def test_leaves_an_audit_row_at_each_act(self, town):
        file_it(town, pes(), covers_from=DAY - timedelta(days=1))
        dropped = deposit(town, pes(post="X"))
        with tenant(town.collectivite):
            operations.discard(collectivite=town.collectivite, file_id=dropped.pk, actor_id=town.agent.pk, now=EVENING)
            acts = list(AuditEntry.objects.filter(actor__isnull=False).order_by("pk"))
        assert [act.action for act in acts] == ["deposit_file", "confirm_file", "deposit_file", "discard_file"]
        assert {act.actor_id for act in acts} == {town.agent.pk}
        assert acts[1].before["covers"] == ["2026-11-24", "2026-11-24"]
        assert acts[1].after["covers"] == ["2026-11-23", "2026-11-24"]


class TestTheBytesOfADoneFile:
    def test_go_after_the_retention_and_the_rest_stays(self, town, settings):
        settings.INBOX_DAYS = 90
        pay(town)
        file = file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        with tenant(town.collectivite):
            operations.tidy(collectivite=town.collectivite, now=later(days=90))
            file.refresh_from_db()
            assert file.content is not None
            operations.tidy(collectivite=town.collectivite, now=later(days=91))
            file.refresh_from_db()
        assert file.content is None
        assert results(town, file)
        with pytest.raises(refusals.AlreadyDeposited):
            deposit(town, pes([Paid(reference=REFDET, cents=12_550)]))


class TestWhatIsRefused:
    def refused(self, town, content, refusal, **changes):
        with pytest.raises(refusal) as refused:
            deposit(town, content, **changes)
        assert count(town, DepositedFile) == {"DepositedFile": 0}
        return str(refused.value)

    def test_another_town_s_budget(self, town):
        sentence = self.refused(town, pes(siret="21350999500014"), refusals.ForeignBudget)
        assert "21350999500014" in sentence
        assert "21350001600011" in sentence
        assert "COMMUNE DE SAINT-AUBIN" in sentence

    @pytest.mark.parametrize("chosen", ["", "350008", "006382"])
    def test_a_statement_without_one_of_our_regies(self, town, canteen, chosen):
        self.refused(town, statement([], numcli="350005"), refusals.ChooseAccount, account=chosen)

    def test_another_client_s_statement(self, town, canteen):
        sentence = self.refused(town, statement([], numcli="012327"), refusals.OtherAccount, account="350005")
        assert "012327" in sentence
        assert "350005" in sentence

    def test_a_regie_whose_contract_is_in_test(self, town):
        cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="350005")
        self.refused(town, statement([], numcli="350005"), refusals.ChooseAccount, account="350005")

    def test_a_budget_without_a_contract_that_moves_money(self):
        town = make_town(environment=Environment.TEST)
        assert "Budget principal" in self.refused(town, pes(), refusals.NoContract)

    def test_a_payment_of_tomorrow(self, town):
        lines = [Paid(reference=REFDET, cents=1, day=DAY + timedelta(days=1))]
        assert "25/11/2026" in self.refused(town, pes(lines), refusals.NotYetPaid)

    @pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"<html></html>", b"a;b;c\n"])
    def test_what_is_no_such_file(self, town, content):
        with pytest.raises(NotThisFile):
            deposit(town, content)


class TestHostileText:
    def test_in_a_name_is_cut_and_made_plain(self, town):
        file = deposit(town, pes(), name="C:\\Users\\nadia\\=cmd|' calc'!A0\u202e\x07" + "x" * 200)
        assert file.name.startswith("=cmd|' calc'!A0 x")
        assert len(file.name) == 120

    @pytest.mark.parametrize("name", ["", "///", "4111 1111 1111 1111.xml"])
    def test_that_is_no_name_is_not_kept(self, town, name):
        assert deposit(town, pes(), name=name).name == "?"

    def test_that_looks_like_a_card_number_is_not_kept(self, town):
        file = deposit(town, pes(label="4111 1111 1111 1111"))
        assert "4111" not in file.entity


class TestTwoTowns:
    def test_of_one_siret_do_not_confirm_each_other_s_payments(self, town):
        """The cast's towns share a SIRET: nothing but the collectivité tells their budgets apart."""
        next_town = make_town(slug="orne", name="Orne", numcli="012327", agent="marc", origin="https://orne.example")
        ours, theirs = pay(town), pay(next_town)
        file_it(town, pes([Paid(reference=REFDET, cents=12_550)]))
        assert again(town, ours).status == State.PAID
        assert again(next_town, theirs).status == State.HANDED_OFF


@pytest.mark.slow
class TestALargeFile:
    def test_of_hundreds_of_lines_is_done(self, town, canteen, capsys):
        number = 500
        with tenant(town.collectivite):
            attempts = Attempt.objects.bulk_create(
                Attempt(
                    collectivite=town.collectivite,
                    account=canteen.account,
                    product=canteen,
                    environment="production",
                    reference=f"{index:043d}",
                    debt_reference=f"FC2026{index:06d}",
                    amount=Money(1_000 + index),
                    label="Cantine",
                    status=State.HANDED_OFF,
                    flow_digest=f"f{index:063d}",
                    handle_digest=f"h{index:063d}",
                    notification_digest=f"n{index:063d}",
                    created_at=MORNING,
                    handed_off_at=MORNING,
                )
                for index in range(number)
            )
            steps = (("recorded", "", "created"), ("payer_left", "created", "handed_off"))
            AttemptEvent.objects.bulk_create(
                AttemptEvent(
                    collectivite=town.collectivite,
                    attempt=attempt,
                    number=place,
                    event=event,
                    from_state=before,
                    to_state=after,
                    occurred_at=MORNING,
                    recorded_at=MORNING,
                )
                for attempt in attempts
                for place, (event, before, after) in enumerate(steps, 1)
            )
        lines = [Paid(reference=f"FC2026{index:06d}", cents=1_000 + index) for index in range(number)]
        began = time.perf_counter()
        file = deposit(town, statement(lines, numcli="350005"), account="350005")
        foretold = report(town, file)
        examined = time.perf_counter() - began
        assert foretold.tally(Result.CONFIRMED).count == number
        confirm(town, file)
        with capsys.disabled():
            print(f"\n{number} lines: examined in {examined:.1f} s, done after {time.perf_counter() - began:.1f} s")  # noqa: T201
        assert count(town, FiledLine, Settlement) == {"FiledLine": number, "Settlement": number}
