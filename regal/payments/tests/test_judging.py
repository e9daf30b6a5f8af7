"""What is made of a message: kept whatever it says, announced if it fits, proof only if it proves."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction

from regal.agenda.models import Effect
from regal.cases.models import Case
from regal.gateways.base import Environment, Outcome, Rank
from regal.journal.models import Entry, Head
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.judging import SEAL_EVIDENCE
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage, Settlement
from regal.payments.operations import (
    JUDGE_MESSAGE,
    PRESUME_SILENT,
    digest_of,
    judge_message,
    purge_inbox,
    receive,
)
from regal.payments.queries import earlier_attempts
from regal.payments.states import Event, State
from tests import cast, notices
from tests.cast import later
from tests.notices import form, hear, notice, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def attempt(town):
    return cast.start(town).attempt


def seen(town, attempt):
    """The attempt as it stands in the base."""
    with tenant(town.collectivite):
        return Attempt.objects.get(pk=attempt.pk)


def steps(town, attempt):
    with tenant(town.collectivite):
        return list(
            AttemptEvent.objects.filter(attempt=attempt).order_by("number").values_list("number", "event", "to_state")
        )


def books(town):
    with tenant(town.collectivite):
        return list(Entry.objects.order_by("number").values_list("number", "kind", "attempt_id"))


def count(town, model, **filters):
    with tenant(town.collectivite):
        return model.objects.filter(**filters).count()


class TestUnprovenMessage:
    def test_is_announced_and_moves_nothing(self, town, attempt):
        evidence = tell(town, attempt, form(town, attempt), now=later(minutes=5))
        assert (evidence.verdict, evidence.rank, evidence.outcome) == ("fits", 0, "paid")
        now = seen(town, attempt)
        assert (now.status, now.announced) == (State.HANDED_OFF, Outcome.PAID)
        assert now.announced_at == datetime(2026, 11, 24, 8, 5, tzinfo=UTC)  # PayFiP's 09:05 in Paris
        assert steps(town, attempt)[2:] == [(3, "announced", "handed_off")]
        assert count(town, Settlement) == count(town, Entry) == count(town, Case) == 0

    @pytest.mark.parametrize("day", ["24112099", "01012001", "23112026"])
    def test_does_not_choose_the_day_that_a_file_must_cover(self, town, attempt, day):
        evidence = tell(town, attempt, form(town, attempt, dattrans=day), now=later(minutes=5))
        assert evidence.facts["remarks"] == "time_impossible"
        assert seen(town, attempt).announced_at == later(minutes=5)

    def test_keeps_nothing_of_the_payer_but_in_the_inbox(self, town, attempt):
        evidence = tell(town, attempt, form(town, attempt))
        assert cast.MME_LEROY not in f"{evidence.facts}"
        assert "objet" not in evidence.facts

    def test_is_abandoned_then_paid_when_the_payer_tries_again(self, town, attempt):
        tell(town, attempt, form(town, attempt, "A"), now=later(minutes=2))
        assert seen(town, attempt).announced == Outcome.ABANDONED
        tell(town, attempt, form(town, attempt, "P", heurtrans="0907"), now=later(minutes=9))
        assert seen(town, attempt).announced == Outcome.PAID
        assert seen(town, attempt).announced_at == datetime(2026, 11, 24, 8, 7, tzinfo=UTC)

    @pytest.mark.parametrize("letter", ["R", "A", "Z", "?"])
    def test_stays_announced_paid_after_contrary_hearsay(self, town, attempt, letter):
        tell(town, attempt, form(town, attempt, "P"), now=later(minutes=2))
        before = seen(town, attempt)
        tell(town, attempt, form(town, attempt, letter, heurtrans="0959"), now=later(hours=2))
        assert seen(town, attempt).announced == Outcome.PAID
        assert seen(town, attempt).announced_at == before.announced_at
        assert [event for _, event, _ in steps(town, attempt)].count("announced") == 2

    def test_follows_the_latest_word_until_paid_is_said(self, town, attempt):
        for minute, letter, outcome in [(1, "R", "refused"), (2, "A", "abandoned"), (3, "?", "unknown")]:
            tell(town, attempt, form(town, attempt, letter), now=later(minutes=minute))
            assert seen(town, attempt).announced == outcome

    def test_changes_nothing_the_second_time(self, town, attempt):
        first = tell(town, attempt, form(town, attempt, "R"), now=later(minutes=1))
        again = tell(town, attempt, form(town, attempt, "R"), now=later(minutes=2))
        assert again.verdict == Evidence.Verdict.REPEATED
        assert again.digest == first.digest
        assert [event for _, event, _ in steps(town, attempt)].count("announced") == 1
        assert count(town, InboxMessage) == count(town, Evidence) == 2

    @pytest.mark.parametrize(
        ("changes", "differs"),
        [
            ({"montant": "12551"}, "amount"),
            ({"montant": "1255"}, "amount"),
            ({"refdet": "202600000412000002"}, "debt_reference"),
            ({"numcli": "012327"}, "account_identifier"),
            ({"saisie": "X"}, "environment"),
            ({"saisie": "A"}, "environment"),
            ({"montant": "1", "exer": "1999"}, "amount"),
            ({"montant": "1", "numcli": "012327"}, "account_identifier amount"),
        ],
    )
    def test_that_contradicts_the_attempt_is_kept_says_nothing_and_waits_in_one_case(
        self, town, attempt, changes, differs
    ):
        for minutes in (1, 2):
            evidence = tell(town, attempt, form(town, attempt, **changes), now=later(minutes=minutes))
            assert (evidence.verdict, evidence.facts["differs"]) == ("differs", differs)
        now = seen(town, attempt)
        assert (now.status, now.announced, now.announced_at) == (State.HANDED_OFF, "", None)
        assert len(steps(town, attempt)) == 2
        assert count(town, Settlement) == 0
        with tenant(town.collectivite):
            (case,) = Case.objects.all()
        assert (case.kind, case.subject_kind, case.subject_id) == ("other_payment", "attempt", attempt.pk)
        assert (case.facts["differs"], case.opened_at) == (differs.split(), later(minutes=1))

    def test_that_repeats_itself_after_its_case_was_closed_opens_no_other(self, town, attempt):
        """A person has looked at these very bytes: sending them again is no news."""
        for _ in range(2):
            tell(town, attempt, form(town, attempt, montant="1"))
            with tenant(town.collectivite):
                Case.objects.update(closed_at=later(hours=1), closed_rule="test", decision="other")
        assert count(town, Case) == 1

    def test_of_the_other_mode_of_entry_answers_another_request(self, town):
        """Sent with M, told of A: the same account and debt, yet not what we asked."""
        in_production = cast.make_town(
            slug="prod",
            name="Prod",
            numcli="000001",
            agent="paul",
            origin="https://prod.example",
            environment=Environment.PRODUCTION,
        )
        attempt = cast.start(in_production).attempt
        evidence = tell(in_production, attempt, form(in_production, attempt, saisie="A"))
        assert (evidence.verdict, evidence.facts["differs"]) == ("differs", "entry_mode")
        assert seen(in_production, attempt).announced == ""
        assert count(in_production, Case, kind="other_payment") == 1
        assert tell(in_production, attempt, form(in_production, attempt, saisie="M")).verdict == "fits"

    def test_that_contradicts_again_after_its_case_was_closed_opens_another(self, town, attempt):
        for minutes in (1, 2):
            tell(town, attempt, form(town, attempt, montant=f"{minutes}"), now=later(minutes=minutes))
            with tenant(town.collectivite):
                Case.objects.filter(closed_at=None).update(
                    closed_at=later(minutes=minutes), closed_rule="test", decision="other"
                )
        assert count(town, Case) == 2

    @pytest.mark.parametrize(
        ("exer", "remark"), [("2025", "exercice_differs"), ("20", "exercice_unreadable"), ("2026", None), (None, None)]
    )
    def test_of_another_exercice_is_announced_remarked_and_makes_no_case(self, town, attempt, exer, remark):
        evidence = tell(town, attempt, form(town, attempt, exer=exer))
        assert (evidence.verdict, evidence.facts.get("remarks")) == ("fits", remark)
        assert seen(town, attempt).announced == Outcome.PAID
        assert count(town, Case) == 0

    def test_that_is_cut_is_unreadable_whatever_its_beginning_says(self, town, attempt):
        with tenant(town.collectivite):
            stored = receive(
                attempt=attempt, message=notices.message(form(town, attempt)), is_cut=True, now=cast.MORNING
            )
        notices.run_due(cast.MORNING)
        with tenant(town.collectivite):
            evidence = Evidence.objects.get(message=stored)
        assert (evidence.verdict, evidence.facts) == ("unreadable", {"why": "cut"})
        assert seen(town, attempt).announced == ""

    def test_that_contradicts_is_not_taken_for_a_repetition_of_itself(self, town, attempt):
        forged = form(town, attempt, montant="1")
        assert [tell(town, attempt, forged, now=later(minutes=m)).verdict for m in (1, 2)] == ["differs", "differs"]

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"", "empty"),
            (b"<xml/>", "malformed_pair"),
            (b"a=%zz", "broken_percent"),
            (b"resultrans=P", "missing_field"),
            (b"resultrans=P&resultrans=P", "repeated_field"),
            (b"a=\xff", "not_utf8"),
            (b"a=%00", "control_character"),
        ],
    )
    def test_that_means_nothing_is_kept_with_the_reason(self, town, attempt, body, why):
        evidence = tell(town, attempt, body)
        assert (evidence.verdict, evidence.rank, evidence.facts) == ("unreadable", 0, {"why": why})
        assert seen(town, attempt).announced == ""
        assert len(steps(town, attempt)) == 2

    def test_is_stored_byte_for_byte(self, town, attempt):
        stored = notices.deliver(town, attempt, b"\x00\xffabc", query=b"d=e%zz")
        with tenant(town.collectivite):
            row = InboxMessage.objects.get(pk=stored.pk)
        assert (bytes(row.query or b""), bytes(row.body or b""), row.method) == (b"d=e%zz", b"\x00\xffabc", "POST")
        assert row.digest == digest_of(notices.message(b"\x00\xffabc", query=b"d=e%zz"))

    def test_is_judged_once_even_if_asked_twice(self, town, attempt):
        stored = notices.deliver(town, attempt, form(town, attempt))
        with tenant(town.collectivite):
            for _ in range(2):
                judge_message(town.collectivite.pk, stored.pk, cast.MORNING)
        assert count(town, Evidence) == 1
        assert len(steps(town, attempt)) == 3

    def test_after_the_proof_is_noted_and_makes_no_case(self, town, attempt):
        hear(town, attempt)
        tell(town, attempt, form(town, attempt, "R"), now=later(hours=1))
        assert seen(town, attempt).status == State.PAID
        assert steps(town, attempt)[-1] == (4, "announced", "paid")
        assert count(town, Case) == 0

    @pytest.mark.parametrize("rank", [Rank.UNPROVEN, Rank.SIGNED])
    def test_settles_nothing_below_rank_two(self, town, attempt, rank):
        hear(town, attempt, notice(town, attempt, rank=rank))
        assert seen(town, attempt).status == State.HANDED_OFF
        assert seen(town, attempt).announced == Outcome.PAID
        assert count(town, Settlement) == 0


class TestDigest:
    def test_never_is_the_same_for_two_messages(self):
        messages = [
            notices.message(b"ab", query=b"c"),
            notices.message(b"a", query=b"bc"),
            notices.message(b"", query=b"abc"),
            notices.message(b"abc"),
            notices.message(b"1:a", query=b""),
        ]
        assert len({digest_of(message) for message in messages}) == len(messages)


class TestProof:
    @pytest.mark.parametrize("rank", [Rank.ASKED, Rank.FILED])
    def test_settles_once_in_one_entry(self, town, attempt, rank):
        evidence = hear(
            town, attempt, notice(town, attempt, rank=rank, occurred_at=later(minutes=3)), now=later(hours=1)
        )
        assert seen(town, attempt).status == State.PAID
        assert steps(town, attempt)[2:] == [(3, "settled", "paid")]
        with tenant(town.collectivite):
            settlement = Settlement.objects.get()
            entry = Entry.objects.get()
        assert (settlement.attempt_id, settlement.amount, settlement.rank) == (attempt.pk, Money(12_550), rank)
        assert (settlement.evidence_id, settlement.account_id) == (evidence.pk, town.account.pk)
        assert (settlement.debt_reference, settlement.exercice) == (cast.REFDET, 2026)
        assert (settlement.environment, settlement.occurred_at) == ("test", later(minutes=3))
        assert (settlement.accounting_day, settlement.recorded_at) == (date(2026, 11, 24), later(hours=1))
        assert (entry.kind, entry.attempt_id, entry.amount, entry.digests) == (
            "settlement",
            attempt.pk,
            Money(12_550),
            [evidence.digest],
        )
        assert (entry.debt_reference, entry.exercice, entry.environment) == (cast.REFDET, 2026, "test")
        assert (entry.occurred_at, entry.accounting_day) == (later(minutes=3), date(2026, 11, 24))

    def test_counts_for_the_day_it_happened_in_paris(self, town, attempt):
        hear(town, attempt, notice(town, attempt, occurred_at=datetime(2026, 11, 24, 23, 30, tzinfo=UTC)))
        with tenant(town.collectivite):
            assert Settlement.objects.get().accounting_day == date(2026, 11, 25)
            assert Entry.objects.get().accounting_day == date(2026, 11, 25)

    def test_without_a_time_counts_from_when_it_was_heard(self, town, attempt):
        hear(town, attempt, notice(town, attempt, occurred_at=None), now=later(hours=2))
        with tenant(town.collectivite):
            assert Settlement.objects.get().occurred_at == later(hours=2)

    def test_heard_again_only_confirms(self, town, attempt):
        for hours in (1, 2, 3):
            hear(town, attempt, now=later(hours=hours))
        assert [event for _, event, _ in steps(town, attempt)[2:]] == ["settled", "confirmed", "confirmed"]
        assert count(town, Settlement) == count(town, Entry) == 1
        assert count(town, Case) == 0

    def test_in_the_very_same_bytes_is_a_repetition(self, town, attempt):
        hear(town, attempt, digest="a" * 64)
        again = hear(town, attempt, digest="a" * 64)
        assert again.verdict == Evidence.Verdict.REPEATED
        assert len(steps(town, attempt)) == 3

    def test_in_the_bytes_of_hearsay_is_proof_all_the_same(self, town, attempt):
        hear(town, attempt, notice(town, attempt, rank=Rank.UNPROVEN), digest="a" * 64)
        proof = hear(town, attempt, digest="a" * 64)
        assert proof.verdict == Evidence.Verdict.FITS
        assert seen(town, attempt).status == State.PAID

    @pytest.mark.parametrize(
        "before",
        [
            [],
            [Outcome.REFUSED],
            [Outcome.ABANDONED],
            [Outcome.UNKNOWN],
            [Outcome.REFUSED, Outcome.ABANDONED, Outcome.REFUSED],
        ],
    )
    def test_of_payment_overtakes_every_negative(self, town, attempt, before):
        for outcome in before:
            hear(town, attempt, notice(town, attempt, outcome))
            assert seen(town, attempt).status == outcome
        hear(town, attempt)
        assert seen(town, attempt).status == State.PAID
        assert count(town, Settlement) == 1

    def test_of_payment_overtakes_silence(self, town, attempt):
        notices.run_due(later(days=8))
        assert seen(town, attempt).status == State.EXPIRED_PRESUMED
        hear(town, attempt, now=later(days=9))
        assert seen(town, attempt).status == State.PAID

    def test_of_nothing_yet_is_kept_and_moves_nothing(self, town, attempt):
        hear(town, attempt, notice(town, attempt, Outcome.PENDING))
        assert seen(town, attempt).status == State.HANDED_OFF
        assert len(steps(town, attempt)) == 2

    def test_of_something_unknown_opens_one_case(self, town, attempt):
        for hours in (1, 2):
            hear(town, attempt, notice(town, attempt, Outcome.UNKNOWN), now=later(hours=hours))
        with tenant(town.collectivite):
            (case,) = Case.objects.all()
        assert (case.kind, case.subject_kind, case.subject_id) == ("unknown_outcome", "attempt", attempt.pk)

    @pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.ABANDONED, Outcome.UNKNOWN])
    def test_contrary_to_payment_opens_one_case_and_moves_nothing(self, town, attempt, outcome):
        hear(town, attempt, now=later(hours=1))
        for hours in (2, 3):
            hear(town, attempt, notice(town, attempt, outcome), now=later(hours=hours))
        assert seen(town, attempt).status == State.PAID
        assert [event for _, event, _ in steps(town, attempt)[2:]] == ["settled", "contradicted", "contradicted"]
        with tenant(town.collectivite):
            (case,) = Case.objects.all()
        assert (case.kind, case.subject_id, case.opened_at) == ("contradiction", attempt.pk, later(hours=2))
        assert count(town, Settlement) == count(town, Entry) == 1

    @pytest.mark.parametrize(
        "claims",
        [
            {"amount": Money(12_551)},
            {"debt_reference": "202600000412000002"},
            {"account_identifier": "012327"},
            {"environment": Environment.PRODUCTION},
        ],
    )
    def test_of_another_payment_settles_nothing_and_opens_one_case(self, town, attempt, claims):
        for _ in range(2):
            assert hear(town, attempt, notice(town, attempt, **claims)).verdict == Evidence.Verdict.DIFFERS
        assert seen(town, attempt).status == State.HANDED_OFF
        assert count(town, Settlement) == count(town, Entry) == 0
        with tenant(town.collectivite):
            (case,) = Case.objects.all()
        assert (case.kind, case.subject_id, case.facts["differs"]) == ("other_payment", attempt.pk, list(claims))

    def test_of_another_exercice_settles_under_ours_and_is_remarked(self, town, attempt):
        evidence = hear(town, attempt, notice(town, attempt, exercice=2025))
        assert evidence.facts["remarks"] == "exercice_differs"
        assert seen(town, attempt).status == State.PAID
        with tenant(town.collectivite):
            assert Settlement.objects.get().exercice == Entry.objects.get().exercice == 2026
        assert count(town, Case) == 0

    def test_that_leaves_things_unsaid_is_proof_of_what_it_says(self, town, attempt):
        hear(town, attempt, notice(town, attempt, exercice=None, account_identifier=None))
        assert seen(town, attempt).status == State.PAID

    def test_is_nothing_to_the_next_town(self, town, attempt):
        next_town = cast.make_next_town()
        with pytest.raises(Attempt.DoesNotExist):
            hear(next_town, attempt, notice(town, attempt))
        assert count(town, Evidence) == 0

    def test_failing_in_the_books_leaves_nothing_at_all(self, town, attempt, monkeypatch):
        def full(**_: object) -> None:
            raise RuntimeError("the books are full")

        monkeypatch.setattr("regal.payments.settling.record_settlement", full)
        with pytest.raises(RuntimeError), transaction.atomic():
            hear(town, attempt)
        assert seen(town, attempt).status == State.HANDED_OFF
        assert count(town, Settlement) == count(town, Evidence) == count(town, Head) == 0
        assert len(steps(town, attempt)) == 2


class TestSilence:
    def test_is_presumed_after_seven_days(self, town, attempt):
        notices.run_due(later(days=7) - timedelta(microseconds=1))
        assert seen(town, attempt).status == State.HANDED_OFF
        notices.run_due(later(days=7))
        assert seen(town, attempt).status == State.EXPIRED_PRESUMED
        assert steps(town, attempt)[-1] == (3, "fell_silent", "expired_presumed")

    def test_is_presumed_of_what_was_only_announced_refused(self, town, attempt):
        tell(town, attempt, form(town, attempt, "R"))
        notices.run_due(later(days=8))
        assert seen(town, attempt).status == State.EXPIRED_PRESUMED

    def test_is_not_presumed_of_what_was_announced_paid(self, town, attempt):
        tell(town, attempt, form(town, attempt))
        notices.run_due(later(days=8))
        assert seen(town, attempt).status == State.HANDED_OFF

    def test_is_not_presumed_of_what_is_paid(self, town, attempt):
        hear(town, attempt)
        notices.run_due(later(days=8))
        assert seen(town, attempt).status == State.PAID
        assert len(steps(town, attempt)) == 3

    def test_is_not_presumed_of_what_was_refused(self, town, attempt):
        hear(town, attempt, notice(town, attempt, Outcome.REFUSED))
        notices.run_due(later(days=8))
        assert seen(town, attempt).status == State.REFUSED

    def test_broken_by_a_late_announcement_warns_the_next_payer(self, town, attempt):
        notices.run_due(later(days=8))
        with tenant(town.collectivite):
            earlier = earlier_attempts(account=town.account, debt_reference=cast.REFDET, amount=Money(12_550))
            assert not earlier.exists()
        tell(town, attempt, form(town, attempt), now=later(days=9))
        assert seen(town, attempt).status == State.EXPIRED_PRESUMED
        with tenant(town.collectivite):
            assert list(earlier) == [attempt]


class TestSeal:
    def test_names_every_digest_of_the_day_at_two_in_the_morning(self, town, attempt):
        kept = [
            tell(town, attempt, form(town, attempt, "R")),
            tell(town, attempt, form(town, attempt, montant="1")),
            tell(town, attempt, b"junk"),
            tell(town, attempt, b"junk", now=later(minutes=1)),
            hear(town, attempt),
        ]
        notices.run_due(datetime(2026, 11, 25, 0, 59, 59, tzinfo=UTC))
        assert [kind for _, kind, _ in books(town)] == ["settlement"]
        notices.run_due(datetime(2026, 11, 25, 1, 0, tzinfo=UTC))
        assert [kind for _, kind, _ in books(town)] == ["settlement", "seal"]
        with tenant(town.collectivite):
            seal = Entry.objects.get(kind="seal")
        assert seal.digests == sorted({evidence.digest for evidence in kept})
        assert seal.accounting_day == date(2026, 11, 24)

    def test_is_made_once_a_day_and_not_on_days_without_news(self, town, attempt):
        tell(town, attempt, form(town, attempt, "R"))
        tell(town, attempt, form(town, attempt), now=later(days=3))
        notices.run_due(later(days=6))
        with tenant(town.collectivite):
            seals = list(Entry.objects.filter(kind="seal").order_by("number").values_list("accounting_day", flat=True))
        assert seals == [date(2026, 11, 24), date(2026, 11, 27)]

    def test_belongs_to_the_day_of_judgement_so_that_it_is_never_too_late(self, town, attempt):
        stored = notices.deliver(town, attempt, form(town, attempt), now=datetime(2026, 11, 24, 22, 59, tzinfo=UTC))
        notices.run_due(datetime(2026, 11, 25, 9, 0, tzinfo=UTC))
        with tenant(town.collectivite):
            assert Evidence.objects.get(message=stored).judged_day == date(2026, 11, 25)


class TestEffects:
    def test_of_an_attempt_and_a_message_are_written_with_them(self, town, attempt):
        stored = notices.deliver(town, attempt, form(town, attempt), now=later(minutes=1))
        assert set(Effect.objects.values_list("kind", "subject_id", "due_at", "done_at")) == {
            (PRESUME_SILENT, attempt.pk, later(days=7), None),
            (JUDGE_MESSAGE, stored.pk, later(minutes=1), None),
        }
        notices.run_due(later(minutes=1))
        assert Effect.objects.get(kind=SEAL_EVIDENCE).subject_id == date(2026, 11, 24).toordinal()


class TestPurge:
    def test_erases_bytes_and_keeps_digests_and_evidence(self, town, attempt):
        evidence = tell(town, attempt, form(town, attempt))
        with tenant(town.collectivite):
            assert purge_inbox(before=later(days=400)) == 1
            row = InboxMessage.objects.get()
            assert (row.query, row.body) == (None, None)
            assert row.digest == evidence.digest
            assert Evidence.objects.get() == evidence
            assert purge_inbox(before=later(days=400)) == 0

    def test_spares_what_is_young_enough(self, town, attempt):
        tell(town, attempt, form(town, attempt), now=later(days=1))
        with tenant(town.collectivite):
            assert purge_inbox(before=later(days=1)) == 0
            assert purge_inbox(before=later(days=1, seconds=1)) == 1

    def test_spares_what_no_worker_has_read(self, town, attempt):
        notices.deliver(town, attempt, form(town, attempt))
        with tenant(town.collectivite):
            assert purge_inbox(before=later(days=400)) == 0
            assert InboxMessage.objects.get().body

    def test_is_of_one_town_only(self, town, attempt):
        tell(town, attempt, form(town, attempt))
        with tenant(cast.make_next_town().collectivite):
            assert purge_inbox(before=later(days=400)) == 0
        assert purge_inbox(before=later(days=400)) == 0  # no town at all


class TestEveryStep:
    def test_is_numbered_and_follows_the_one_before(self, town, attempt):
        tell(town, attempt, form(town, attempt, "A"))
        hear(town, attempt, notice(town, attempt, Outcome.REFUSED))
        hear(town, attempt)
        with tenant(town.collectivite):
            events = list(AttemptEvent.objects.filter(attempt=attempt).order_by("number"))
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert [event.from_state for event in events] == ["", *(event.to_state for event in events[:-1])]
        assert [event.outcome for event in events] == ["", "", "abandoned", "", ""]
        assert [event.evidence_id is None for event in events] == [True, True, False, False, False]
        assert events[-1].event == Event.SETTLED
