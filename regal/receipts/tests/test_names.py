"""Names go once their class is over, and nothing else does: before, after, and what is kept meanwhile."""

from datetime import UTC, datetime

import pytest

from regal.audit.models import AuditEntry, PlatformAct
from regal.audit.operations import record
from regal.cases.models import Kind
from regal.cases.operations import open_case
from regal.config import jobs
from regal.gateways.base import Environment
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation, CounterPerson, Payer, Settlement
from regal.payments.queries import paid_of, waiting_on
from regal.people.models import Role
from regal.proof.findings import Snapshot
from regal.proof.names import NAMES
from regal.proof.operations import _parameters
from regal.receipts import names
from regal.receipts.models import QuittancePerson
from regal.receipts.names import Erased, erase_names
from regal.receipts.quittance_wording import sheet_of
from regal.receipts.quittances import deliver, issue
from regal.titres import operations as titres
from regal.titres.models import Debtor, DebtorWord, TitreEvent
from regal.titres.states import Event, State
from tests import cast, notices
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LAST_DAY = datetime(2036, 12, 31, 22, 59, tzinfo=UTC)  # 23:59 in Paris
TEN_YEARS_ON = datetime(2036, 12, 31, 23, 30, tzinfo=UTC)  # 1 January 2037 in Paris, ten years after 2026


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


def erase(town, now=TEN_YEARS_ON, debtor_years=10, quittance_years=10, payer_months=10_000):
    return erase_names(
        collectivite=town.collectivite,
        debtor_years=debtor_years,
        quittance_years=quittance_years,
        payer_months=payer_months,
        now=now,
    )


def named(town, titre):
    with tenant(town.collectivite):
        return list(Debtor.objects.filter(titre=titre).values_list("name", flat=True))


def words(town):
    with tenant(town.collectivite):
        return set(DebtorWord.objects.values_list("word", flat=True))


def steps(town, titre):
    with tenant(town.collectivite):
        return [one.event for one in TitreEvent.objects.filter(titre=titre).order_by("number")]


def cancelled(titre):
    titres.cancel(titre=titre, reason="Doublon", paid=paid_of, now=later(hours=1))


def broken(town, now):
    """What the invariant of names says of one town."""
    snapshot = Snapshot(using="default", now=now, parameters=_parameters(now))
    with tenant(town.collectivite):
        return [row.key for invariant in NAMES for row in invariant.broken_rows(snapshot)]


class TestADebtor:
    def test_is_named_until_the_last_day_of_the_tenth_year(self, town, titre):
        notices.pay(town, titre)
        assert erase(town, LAST_DAY) == Erased()
        assert named(town, titre) == ["Mme Leroy"]
        assert words(town) == {"leroy", "mme"}
        assert erase(town) == Erased(titres=1)
        assert named(town, titre) == []
        assert words(town) == set()

    def test_is_named_for_as_long_as_the_platform_says(self, town, titre):
        notices.pay(town, titre)
        assert erase(town, datetime(2028, 12, 31, 12, tzinfo=UTC), debtor_years=2) == Erased()
        assert erase(town, datetime(2029, 1, 1, 12, tzinfo=UTC), debtor_years=2) == Erased(titres=1)

    def test_leaves_a_step_in_the_story_and_the_money_as_it_was(self, town, titre):
        notices.pay(town, titre)
        erase(town)
        assert steps(town, titre)[-1] == Event.NAME_ERASED
        with tenant(town.collectivite):
            titre.refresh_from_db()
            assert (titre.status, titre.paid_at is not None) == (State.OPEN, True)
            assert Allocation.objects.get(titre=titre).amount == titre.amount

    def test_is_told_in_the_audit_without_the_name(self, town, titre):
        notices.pay(town, titre)
        erase(town)
        with tenant(town.collectivite):
            entry = AuditEntry.objects.get(action="erase_names")
        assert (entry.subject, entry.before, entry.after) == (
            "names of titres",
            None,
            {"names": 1, "until": "2026-12-31"},
        )
        assert (entry.at, entry.actor_id) == (TEN_YEARS_ON, None)

    def test_goes_once(self, town, titre):
        cancelled(titre)
        assert erase(town) == Erased(titres=1)
        assert erase(town) == Erased()
        assert steps(town, titre).count(Event.NAME_ERASED) == 1

    def test_goes_with_what_was_cancelled_transferred_or_written_off(self, town, canteen):
        cancelled(cast.make_titre(canteen, reference="FC2026000050"))
        for number, end in enumerate((titres.transfer, titres.write_off), start=1):
            titre = cast.make_titre(canteen, reference=f"FC202600005{number}")
            end(titre=titre, reason="Décidé ainsi", now=later(hours=1))
        assert erase(town) == Erased(titres=3)

    def test_stays_while_anything_is_due(self, town, canteen, titre):
        disputed = cast.make_titre(canteen, reference="FC2026000043")
        titres.suspend(titre=disputed, reason="Contestée", now=later(hours=1))
        assert erase(town) == Erased()
        assert named(town, titre) == named(town, disputed) == ["Mme Leroy"]

    def test_stays_where_the_money_was_taken_back(self, town, titre):
        cast.receive_and_reverse(titre)
        assert erase(town).titres == 0
        assert named(town, titre) == ["Mme Leroy"]

    def test_stays_while_a_payment_waits_for_a_person(self, town, titre):
        attempt = notices.pay(town, titre)
        with tenant(town.collectivite):
            case = open_case(
                collectivite_id=town.collectivite.pk,
                kind=Kind.CONTRADICTION,
                subject_kind="attempt",
                subject_id=attempt.pk,
                rule="test",
                facts={},
                now=later(hours=2),
            )
        assert erase(town) == Erased()
        assert case is not None
        assert named(town, titre) == ["Mme Leroy"]

    def test_stays_while_a_payment_may_still_come(self, town, canteen):
        titre = cast.make_titre(canteen, reference="FC2026000044")
        cast.leave_with(titre)
        with tenant(town.collectivite):
            titre.refresh_from_db()
        titres.cancel(titre=titre, reason="Doublon", paid=paid_of, now=later(hours=3))
        assert erase(town) == Erased()

    def test_counts_from_what_happened_last(self, town, titre):
        cancelled(titre)
        again = datetime(2030, 5, 2, 9, tzinfo=UTC)
        with tenant(town.collectivite):
            titre.refresh_from_db()
        titres.restore(titre=titre, waiting=waiting_on, reason="Annulée à tort", now=again)
        with tenant(town.collectivite):
            titre.refresh_from_db()
        titres.cancel(titre=titre, reason="Doublon, vraiment", paid=paid_of, now=again)
        assert erase(town) == Erased()
        assert erase(town, datetime(2040, 12, 31, 12, tzinfo=UTC)) == Erased()
        assert erase(town, datetime(2041, 1, 1, 12, tzinfo=UTC)) == Erased(titres=1)

    def test_of_another_town_is_not_touched(self, town, titre, canteen):
        other = cast.make_town(
            slug="voisine", name="Voisine", numcli="006390", agent="ida", origin="https://voisine.example"
        )
        product = cast.make_canteen(other, numcli="350077", environment=Environment.PRODUCTION)
        theirs = cast.make_titre(product, reference="FC2026000099")
        cancelled(theirs)
        cancelled(titre)
        assert erase(town) == Erased(titres=1)
        assert named(other, theirs) == ["Mme Leroy"]
        assert "leroy" in words(other)

    def test_whose_debt_lives_again_may_be_written_in_again(self, town, titre):
        cancelled(titre)
        erase(town)
        soon = TEN_YEARS_ON.replace(year=2037, month=2, day=1)
        with tenant(town.collectivite):
            titre.refresh_from_db()
        titres.restore(titre=titre, waiting=waiting_on, reason="Annulée à tort", now=soon)
        with tenant(town.collectivite):
            titre.refresh_from_db()
        titres.correct(
            titre=titre, label=titre.label, debtor="Mme Leroy", due_on=None, reason="Elle a appelé", now=soon
        )
        assert named(town, titre) == ["Mme Leroy"]
        assert erase(town, soon) == Erased()

    def test_whose_debt_s_money_was_given_back_went_too_early(self, town, titre):
        """Whoever wrote it: the duty itself leaves such a name."""
        cast.receive_and_reverse(titre)
        assert erase(town).titres == 0
        with tenant(town.collectivite):
            last = TitreEvent.objects.filter(titre=titre).latest("number")
            told = {"event": Event.NAME_ERASED, "from_state": last.to_state, "to_state": last.to_state}
            TitreEvent.objects.create(
                collectivite=town.collectivite,
                titre=titre,
                number=last.number + 1,
                recorded_at=datetime(2038, 1, 1, tzinfo=UTC),
                **told,
            )
        found = broken(town, datetime(2038, 1, 2, tzinfo=UTC))
        assert f"titre {titre.pk}: its debtor's name went too early" in found


class TestADutyThatStopped:
    def test_is_seen_a_month_later_in_each_class_and_no_more_once_it_goes_on(self, town, canteen, titre):
        cancelled(titre)
        issue(
            settlement=cast.receive(cast.make_titre(canteen, reference="FC2026000070")),
            role=Role.REGISSEUR,
            now=MORNING,
        )
        cast.receive_and_reverse(cast.make_titre(canteen, reference="FC2026000071"))
        soon, late = datetime(2037, 1, 30, tzinfo=UTC), datetime(2037, 2, 3, tzinfo=UTC)
        assert broken(town, soon) == []
        assert sorted({told.split(" ")[0] for told in broken(town, late)}) == ["quittance", "receipt", "titre"]
        assert len(broken(town, late)) == 4  # two debts have ended
        erase(town, late)
        assert broken(town, late) == []


class TestALook:
    def test_is_bounded_and_the_next_goes_on(self, town, canteen, monkeypatch):
        monkeypatch.setattr(names, "AT_ONCE", 2)
        monkeypatch.setattr(names, "MOST_BATCHES", 2)
        for number in range(7):
            cancelled(cast.make_titre(canteen, reference=f"FC202600006{number}"))
        assert [erase(town).titres for _look in range(3)] == [4, 3, 0]
        with tenant(town.collectivite):
            counted = AuditEntry.objects.filter(action="erase_names").values_list("after__names", flat=True)
            assert sorted(counted) == [1, 2, 2, 2]

    def test_that_dies_in_a_batch_leaves_it_whole(self, town, canteen, monkeypatch):
        monkeypatch.setattr(names, "AT_ONCE", 2)
        for number in range(3):
            cancelled(cast.make_titre(canteen, reference=f"FC202600006{number}"))

        def die(**said):
            record(**said)
            raise ConnectionError("killed")

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(names, "record", die)
            with pytest.raises(ConnectionError):
                erase(town)
        with tenant(town.collectivite):
            assert Debtor.objects.count() == 3
            assert not TitreEvent.objects.filter(event=Event.NAME_ERASED).exists()
            assert not AuditEntry.objects.filter(action="erase_names").exists()
        assert erase(town) == Erased(titres=3)

    def test_that_fails_in_one_class_does_the_others_first(self, town, canteen, titre, monkeypatch):
        cancelled(titre)
        cast.receive_and_reverse(cast.make_titre(canteen, reference="FC2026000071"))

        def fail(*_):
            raise ConnectionError("no debtor today")

        monkeypatch.setitem(names._ERASE, "titres", fail)
        with pytest.raises(ConnectionError, match="no debtor today"):
            erase(town)
        with tenant(town.collectivite):
            assert not CounterPerson.objects.exists()
        assert named(town, titre) == ["Mme Leroy"]

    def test_comes_round_at_night_for_every_town(self, town, titre, monkeypatch, settings):
        settings.DEBTOR_YEARS, settings.QUITTANCE_YEARS, settings.PAYER_MONTHS = 3, 10, 100
        cancelled(titre)
        monkeypatch.setattr(jobs, "clock", lambda: datetime(2030, 1, 1, 3, tzinfo=UTC))
        jobs.purge_old_names(0)
        assert named(town, titre) == []
        assert PlatformAct.objects.get(action="purge_names").subject == "names 1"


class TestAQuittance:
    def test_names_somebody_until_its_own_class_is_over(self, town, titre):
        there = issue(settlement=cast.receive(titre), role=Role.REGISSEUR, now=MORNING)
        assert erase(town, datetime(2036, 12, 31, 12, tzinfo=UTC), debtor_years=1).quittances == 0
        assert erase(town, debtor_years=1).quittances == 1
        assert erase(town).quittances == 0
        with tenant(town.collectivite):
            person = QuittancePerson.objects.get(quittance=there)
        assert (person.name, person.address, person.erased_at) == ("", [], TEN_YEARS_ON)

    def test_still_makes_its_duplicata_which_says_since_when(self, town, titre):
        there = issue(settlement=cast.receive(titre), role=Role.REGISSEUR, now=MORNING)
        deliver(quittance=there, now=MORNING)
        erase(town)
        sheet = sheet_of(there, original=None, now=TEN_YEARS_ON)
        assert (sheet.told["people"], sheet.told["erased_on"]) == ([], "1er janvier 2037")
        file = deliver(quittance=there, now=TEN_YEARS_ON)
        assert file.content.startswith(b"%PDF")

    def test_keeps_its_name_while_its_payment_waits_for_a_person(self, town, titre):
        attempt = notices.pay(town, titre)
        with tenant(town.collectivite):
            settlement = Settlement.objects.get(attempt=attempt)
            open_case(
                collectivite_id=town.collectivite.pk,
                kind=Kind.CONTRADICTION,
                subject_kind="attempt",
                subject_id=attempt.pk,
                rule="test",
                facts={},
                now=later(hours=2),
            )
        issue(settlement=settlement, role=Role.REGISSEUR, now=later(hours=3))
        assert erase(town) == Erased()


class TestAVoucher:
    def test_names_somebody_as_long_as_a_quittance(self, town, titre):
        cast.receive_and_reverse(titre)
        with tenant(town.collectivite):
            assert CounterPerson.objects.count() == 1
        assert erase(town, LAST_DAY, debtor_years=1) == Erased()
        assert erase(town) == Erased(vouchers=1)
        with tenant(town.collectivite):
            assert not CounterPerson.objects.exists()


class TestAPayer:
    """Paid on 24 November 2026: fifteen whole months later it is 1 March 2028."""

    LAST = datetime(2028, 2, 29, 22, 59, tzinfo=UTC)
    AFTER = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)

    def addresses(self, town):
        with tenant(town.collectivite):
            return Payer.objects.count()

    def test_has_an_address_for_fifteen_whole_months(self, town, titre):
        notices.pay(town, titre)
        assert erase(town, self.LAST, payer_months=15) == Erased()
        assert erase(town, self.AFTER, payer_months=15) == Erased(payers=1)
        assert erase(town, self.AFTER, payer_months=15) == Erased()
        assert self.addresses(town) == 0

    def test_keeps_it_while_the_payment_may_still_come(self, town, titre):
        cast.leave_with(titre)
        assert erase(town, self.AFTER, payer_months=15) == Erased()

    def test_keeps_it_while_the_payment_waits_for_a_person(self, town, titre):
        attempt = notices.pay(town, titre)
        with tenant(town.collectivite):
            open_case(
                collectivite_id=town.collectivite.pk,
                kind=Kind.CONTRADICTION,
                subject_kind="attempt",
                subject_id=attempt.pk,
                rule="test",
                facts={},
                now=later(hours=2),
            )
        assert erase(town, self.AFTER, payer_months=15) == Erased()
        assert self.addresses(town) == 1

    def test_is_missed_by_verify_where_it_outlives_its_class(self, town, titre):
        attempt = notices.pay(town, titre)
        assert broken(town, datetime(2028, 3, 1, tzinfo=UTC)) == []
        (told,) = broken(town, datetime(2028, 5, 1, tzinfo=UTC))
        assert told == f"attempt {attempt.pk}: begun long ago, and its payer's address still there"
        assert erase(town, datetime(2028, 5, 1, tzinfo=UTC), payer_months=15) == Erased(payers=1)
        assert broken(town, datetime(2028, 5, 1, tzinfo=UTC)) == []
