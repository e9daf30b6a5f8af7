"""A PES Retour closes, reopens and marks the titres that the comptable collects; nothing else of theirs moves."""

from collections import Counter
from datetime import timedelta

import pytest

from regal.cases.models import Case
from regal.gateways.base import DebtKind, Environment
from regal.gateways.files import Said
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation, Settlement
from regal.reconciliation import operations
from regal.reconciliation.comptable import last_word_on
from regal.reconciliation.models import FiledState
from regal.titres.models import Titre, TitreEvent
from regal.titres.states import Event, State
from tests import cast
from tests.cast import REFDET, later
from tests.files import DAY, Paid, pes
from tests.notices import run_due

pytestmark = pytest.mark.django_db

EVENING = later(hours=10)
ROLE = "2026-EA-00-000000012"


@pytest.fixture
def town():
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


@pytest.fixture
def titre(town):
    return cast.make_comptable_titre(town)


def deposit(town, content, *, now=EVENING):
    with tenant(town.collectivite):
        return operations.deposit(
            collectivite=town.collectivite,
            content=content,
            name="PES2R.xml",
            account_identifier="",
            actor_id=town.agent.pk,
            now=now,
        )


def confirm(town, *told, roles=(), made_on=DAY, now=EVENING):
    """A file that says this of titres, deposited and confirmed."""
    file = deposit(town, pes(told, roles=roles, made_on=made_on), now=now)
    with tenant(town.collectivite):
        foretold = operations.examine(file).titres
        operations.confirm(
            collectivite=town.collectivite,
            file_id=file.pk,
            covers_from=made_on,
            covers_to=made_on,
            actor_id=town.agent.pk,
            now=now,
        )
    run_due(now)
    with tenant(town.collectivite):
        done = FiledState.objects.filter(file=file, steps__gt=0).values_list("said", flat=True)
        assert Counter(Said(one) for one in done) == foretold
    return file


def said(cents=12_550, *, reference=REFDET, **told):
    """Of one titre; collected at the counter unless told."""
    return Paid(reference=reference, cents=cents, **({"origin": "02"} | told))


def events(titre):
    with tenant(titre.collectivite_id):
        return list(TitreEvent.objects.filter(titre=titre).order_by("number").values_list("event", flat=True))[2:]


def status(titre):
    with tenant(titre.collectivite_id):
        return Titre.objects.get(pk=titre.pk).status


class TestATitre:
    @pytest.mark.parametrize("origin", ["01", "02", "03", "05", "07", "10"])
    def test_is_closed_once_its_line_is_settled_whatever_the_means(self, town, titre, origin):
        confirm(town, said(origin=origin))
        assert (status(titre), events(titre)) == (State.CLOSED, [Event.CLOSED])

    def test_keeps_what_was_collected_in_part_and_stays_to_be_paid(self, town, titre):
        confirm(town, said(5_000, line="04", in_all=7_000))
        with tenant(town.collectivite):
            word = last_word_on(titre)
        assert word is not None
        assert (word.said, word.collected, word.told_on) == (Said.TAKEN, Money(7_000), DAY)
        assert (status(titre), events(titre)) == (State.OPEN, [Event.COLLECTED])

    @pytest.mark.parametrize(
        ("told", "expected", "event"),
        [
            ({"piece": "04", "line": "01"}, State.REJECTED, Event.REJECTED),
            ({"piece": "05", "line": "02"}, State.CANCELLED, Event.CANCELLED),
            ({"piece": "01", "line": "03"}, State.SUSPENDED, Event.SUSPENDED),
            ({"line": "06"}, State.WRITTEN_OFF, Event.WRITTEN_OFF),
            ({"line": "04"}, State.OPEN, Event.TAKEN_CHARGE),
        ],
    )
    def test_stands_where_the_comptable_says(self, town, titre, told, expected, event):
        confirm(town, said(0, **told))
        assert (status(titre), events(titre)) == (expected, [event])

    def test_is_reopened_when_a_later_file_says_otherwise(self, town, titre):
        confirm(town, said(0, piece="04", line="01"))
        confirm(town, said(0, line="04"), made_on=DAY + timedelta(days=2), now=later(days=2, hours=10))
        confirm(town, said(), made_on=DAY + timedelta(days=3), now=later(days=3, hours=10))
        assert (status(titre), events(titre)) == (State.CLOSED, [Event.REJECTED, Event.REOPENED, Event.CLOSED])

    def test_does_not_hear_a_file_that_comes_after_a_later_one(self, town, titre):
        confirm(town, said(), made_on=DAY + timedelta(days=2), now=later(days=2, hours=10))
        confirm(town, said(0, piece="01", line="03"), now=later(days=2, hours=11))
        assert (status(titre), events(titre)) == (State.CLOSED, [Event.CLOSED])
        with tenant(town.collectivite):
            assert [(one.is_late, one.steps) for one in FiledState.objects.order_by("pk")] == [(False, 1), (True, 0)]

    def test_changes_nothing_more_when_another_file_repeats_it(self, town, titre):
        confirm(town, said())
        confirm(town, said(), made_on=DAY + timedelta(days=1), now=later(days=1, hours=10))
        assert events(titre) == [Event.CLOSED]

    def test_is_not_closed_by_the_file_of_another_line_number_year_or_budget(self, town, titre):
        others = ["202600000412000002", "202600000413000001", "202500000412000001"]
        confirm(town, *(said(reference=other) for other in others))
        assert (status(titre), events(titre)) == (State.OPEN, [])
        with tenant(town.collectivite):
            assert not FiledState.objects.exists()

    def test_of_a_draft_is_not_spoken_of(self, town, titre):
        with tenant(town.collectivite):
            Titre.objects.filter(pk=titre.pk).update(status=State.DRAFT)
        confirm(town, said())
        assert status(titre) == State.DRAFT

    def test_paid_online_is_settled_once_and_closed(self, town, titre):
        attempt = cast.start(town).attempt
        confirm(town, said(origin="10"))
        with tenant(town.collectivite):
            assert list(Settlement.objects.values_list("attempt_id", "amount")) == [(attempt.pk, Money(12_550))]
            assert not Allocation.objects.exists()  # what goes to the comptable extinguishes no titre of ours
            assert not Case.objects.exists()
        assert (status(titre), events(titre)) == (State.CLOSED, [Event.CLOSED])

    def test_is_left_alone_when_the_file_is_discarded(self, town, titre):
        file = deposit(town, pes([said()]))
        with tenant(town.collectivite):
            operations.discard(collectivite=town.collectivite, file_id=file.pk, actor_id=town.agent.pk, now=EVENING)
        assert (status(titre), events(titre)) == (State.OPEN, [])

    def test_is_closed_by_a_line_without_its_state_once_all_is_collected(self, town, titre):
        whole = pes([said()]).replace(b'<EtatLigPce V="05"/>', b"")
        part = pes([said(100)]).replace(b'<EtatLigPce V="05"/>', b"")
        for content, expected in ((part, State.OPEN), (whole, State.CLOSED)):
            file = deposit(town, content)
            with tenant(town.collectivite):
                operations.confirm(
                    collectivite=town.collectivite,
                    file_id=file.pk,
                    covers_from=DAY,
                    covers_to=DAY,
                    actor_id=town.agent.pk,
                    now=EVENING,
                )
            run_due(EVENING)
            assert status(titre) == expected


class TestARole:
    @pytest.fixture
    def water(self, town):
        return cast.make_product(town, DebtKind.ORMC, slug="eau", numcli="350004", environment=Environment.PRODUCTION)

    def debt(self, town, water, reference=ROLE):
        return cast.make_comptable_titre(town, product=water, reference=reference.replace("-", ""))

    def test_is_found_though_the_file_has_lost_its_zeros(self, town, water):
        debt = self.debt(town, water)
        confirm(town, roles=[said(reference=ROLE)])
        assert (status(debt), events(debt)) == (State.CLOSED, [Event.CLOSED])

    def test_of_two_debts_of_one_number_is_neither(self, town, water):
        one, other = self.debt(town, water), self.debt(town, water, "2026-EA-00-12")
        confirm(town, roles=[said(reference=ROLE)])
        assert (status(one), status(other)) == (State.OPEN, State.OPEN)

    def test_of_another_period_is_not_it(self, town, water):
        debt = self.debt(town, water, "2026-EA-01-000000012")
        confirm(town, roles=[said(reference="2026-EA-02-12")])
        assert status(debt) == State.OPEN

    def test_is_not_closed_by_a_part_of_its_article(self, town, water):
        debt = self.debt(town, water)
        confirm(town, roles=[said(4_000, reference=ROLE)])
        assert (status(debt), events(debt)) == (State.OPEN, [Event.COLLECTED])
