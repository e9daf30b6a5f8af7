"""What is done with a case: looked at, taken, noted, closed; by whom, in which order, and what it never does."""

from datetime import datetime

import pytest
from django.db import DatabaseError, connections, transaction

from regal.cases import drawing, refusals
from regal.cases.decisions import DECISIONS, closes_itself, decisions_about
from regal.cases.delays import age_in_days, is_late
from regal.cases.explanations import explanation_of
from regal.cases.models import Case, CaseEvent, Decision, Kind
from regal.cases.operations import assign, close, look_at, note, open_case, release, resolve
from regal.cases.queries import Pile, count_cases, history, page_of_cases
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from tests import cast
from tests.at_once import at_once
from tests.cast import MORNING, later

REASON = "Le comptable l’a confirmé au téléphone."
BY_A_PERSON = [kind for kind in Kind if not closes_itself(kind)]


def open_one(town, kind=Kind.CONTRADICTION, subject_id=1, now=MORNING, **facts):
    return open_case(
        collectivite_id=town.pk,
        kind=kind,
        subject_kind="attempt",
        subject_id=subject_id,
        rule="test",
        facts=facts,
        now=now,
    )


def colleague(town, identifier, role=Role.REGISSEUR, **fields):
    user = User.objects.create_user(identifier=identifier, email=f"{identifier}@example.org", **fields)
    Membership.objects.create(collectivite=town, user=user, role=role)
    return user


def told(case):
    return [(event.number, event.step, event.by and event.by.identifier) for event in history(case=case)]


@pytest.fixture
def place(db):
    return cast.make_saint_aubin()


@pytest.fixture
def town(place):
    with tenant(place.collectivite):
        yield place.collectivite


@pytest.fixture
def nadia(place):
    return place.agent


@pytest.fixture
def paul(town):
    return colleague(town, "paul")


class TestFirstLook:
    def test_is_noted_once(self, town, nadia, paul):
        case = open_one(town)
        look_at(case=case, user=nadia, now=later(hours=1))
        stale = Case.objects.of(town).get(pk=case.pk)
        stale.first_seen_at = None  # a page shown at the same instant
        look_at(case=stale, user=paul, now=later(hours=2))
        case.refresh_from_db()
        assert (case.first_seen_at, case.first_seen_by) == (later(hours=1), nadia)
        assert told(case) == [(1, "first_seen", "nadia")]

    def test_of_a_closed_case_leaves_no_trace(self, town, nadia, paul):
        case = open_one(town)
        closed = close(case=case, by=paul, role=Role.REGISSEUR, decision="other", reason=REASON, now=MORNING)
        look_at(case=closed, user=nadia, now=later(hours=1))
        assert told(case) == [(1, "closed", "paul")]

    @pytest.mark.parametrize(
        ("opened", "moment", "late"),
        [
            ("2026-11-24T18:00+01:00", "2026-11-25T23:59+01:00", False),
            ("2026-11-24T18:00+01:00", "2026-11-26T00:00+01:00", True),
            ("2026-11-27T18:00+01:00", "2026-11-30T12:00+01:00", False),  # a Friday
            ("2026-11-27T18:00+01:00", "2026-12-01T00:00+01:00", True),
            ("2026-04-03T18:00+02:00", "2026-04-07T23:00+02:00", False),  # Easter
        ],
    )
    def test_is_late_after_the_next_working_day(self, town, nadia, opened, moment, late):
        case = open_one(town, now=datetime.fromisoformat(opened))
        now = datetime.fromisoformat(moment)
        assert is_late(case, now=now) is late
        assert is_late(look_at(case=case, user=nadia, now=MORNING), now=now) is False

    def test_knows_the_age_by_the_nights_passed(self, town):
        case = open_one(town)
        assert [age_in_days(case, now=later(hours=hours)) for hours in (0, 14, 15, 39)] == [0, 0, 1, 2]


class TestHolder:
    def take(self, case, user, role=Role.AGENT, held_by=None, to=None):
        return assign(case=case, to=to or user, by=user, role=role, held_by=held_by, now=later(hours=1))

    def test_is_whoever_takes_it(self, town, nadia):
        case = open_one(town)
        assert self.take(case, nadia).assigned_to == nadia
        self.take(case, nadia, held_by=nadia.pk)  # pressed twice
        assert told(case) == [(1, "assigned", "nadia")]

    def test_is_chosen_by_a_regisseur_or_above_only(self, town, nadia, paul):
        case = open_one(town)
        with pytest.raises(refusals.NotForYourRole):
            self.take(case, nadia, to=paul)
        assert self.take(case, paul, role=Role.REGISSEUR, to=nadia).assigned_to == nadia
        assert [event.to_user for event in history(case=case)] == [nadia]

    def test_works_here(self, town, paul, django_user_model):
        case = open_one(town)
        stranger = User.objects.create_user(identifier="zoe", email="zoe@example.org")
        gone = colleague(town, "gone", is_active=False)
        for nobody in (stranger, gone):
            with pytest.raises(refusals.NotOneOfUs):
                self.take(case, paul, role=Role.ADMINISTRATOR, to=nobody)
        assert told(case) == []

    def test_is_not_taken_over_unseen(self, town, nadia, paul):
        case = open_one(town)
        self.take(case, paul)
        with pytest.raises(refusals.HeldByAnother, match="paul l’a maintenant"):
            self.take(case, nadia)
        assert self.take(case, nadia, held_by=paul.pk).assigned_to == nadia

    def test_gives_it_back(self, town, nadia, paul):
        case = open_one(town)
        self.take(case, nadia)
        given = release(case=case, by=nadia, role=Role.AGENT, held_by=nadia.pk, now=later(hours=2))
        assert given.assigned_to is None
        self.take(case, paul)
        with pytest.raises(refusals.NotForYourRole):
            release(case=case, by=nadia, role=Role.AGENT, held_by=paul.pk, now=later(hours=3))
        assert [step for _, step, _ in told(case)] == ["assigned", "released", "assigned"]


class TestNote:
    def test_is_kept_word_for_word_on_one_line(self, town, nadia):
        case = open_one(town)
        note(case=case, by=nadia, text="  Le comptable\r\nrappelle\tdemain <b>; DROP TABLE\u00a0! 😀 ", now=MORNING)
        (event,) = history(case=case)
        assert event.text == "Le comptable rappelle demain <b>; DROP TABLE ! 😀"

    @pytest.mark.parametrize("text", ["", " \n\t", "x" * 501])
    def test_is_neither_empty_nor_endless(self, town, nadia, text):
        with pytest.raises(refusals.MissingNote):
            note(case=open_one(town), by=nadia, text=text, now=MORNING)

    @pytest.mark.parametrize("text", ["carte 4111 1111 1111 1111", "4111111111111111", "2026 5555-5555-5555-4444"])
    def test_holds_no_card_number(self, town, nadia, text):
        case = open_one(town)
        with pytest.raises(refusals.CardNumber):
            note(case=case, by=nadia, text=text, now=MORNING)
        assert told(case) == []

    @pytest.mark.parametrize("text", ["a\x00b", "a\u202eb", "a\x1bb", "a\ud800b"])
    def test_holds_nothing_that_reads_otherwise_than_it_is(self, town, nadia, text):
        with pytest.raises(refusals.UnreadableText):
            note(case=open_one(town), by=nadia, text=text, now=MORNING)

    def test_of_a_reference_that_passes_luhn_is_taken(self, town, nadia):
        assert note(case=open_one(town), by=nadia, text="Titre 202600000412000001", now=MORNING).number == 1


class TestEnd:
    def end(self, case, user, role=Role.REGISSEUR, decision="other", reason=REASON, now=None):
        return close(case=case, by=user, role=role, decision=decision, reason=reason, now=now or later(hours=2))

    @pytest.mark.parametrize("kind", BY_A_PERSON)
    def test_of_each_kind_has_its_decisions(self, town, paul, kind):
        for number, decision in enumerate(decisions_about(kind)):
            case = open_one(town, kind, subject_id=number)
            closed = self.end(case, paul, decision=decision.value)
            assert (closed.decision, closed.reason, closed.closed_by) == (decision, REASON, paul)
            assert closed.closed_at == later(hours=2)
            (event,) = history(case=case)
            assert (event.step, event.decision, event.text, event.by) == ("closed", decision, REASON, paul)

    def test_of_a_kind_whose_rule_closes_it_is_nobody_s_to_decide(self, town, paul):
        with pytest.raises(refusals.ClosesItself):
            self.end(open_one(town, Kind.STUCK_EFFECT), paul)

    @pytest.mark.parametrize("kind", BY_A_PERSON)
    def test_is_not_that_of_another_kind(self, town, paul, kind):
        case = open_one(town, kind)
        for decision in ["", "nonsense", *(one.value for one in Decision if one not in decisions_about(kind))]:
            with pytest.raises(refusals.MissingDecision):
                self.end(case, paul, decision=decision)

    @pytest.mark.parametrize("reason", ["", "ok", "   trop     ", "x" * 501])
    def test_has_a_reason(self, town, paul, reason):
        with pytest.raises(refusals.MissingReason):
            self.end(open_one(town), paul, reason=reason)

    def test_has_no_card_number_for_a_reason(self, town, paul):
        with pytest.raises(refusals.CardNumber):
            self.end(open_one(town), paul, reason="Payé par 4111 1111 1111 1111 le 3.")

    def test_is_not_for_an_agent_to_decide(self, town, nadia):
        case = open_one(town)
        with pytest.raises(refusals.NotForYourRole):
            self.end(case, nadia, role=Role.AGENT)
        case.refresh_from_db()
        assert case.is_open

    def test_comes_once_and_says_who_was_first(self, town, nadia, paul):
        case = open_one(town)
        self.end(case, paul)
        acts = [
            lambda: self.end(case, nadia, decision="collected"),
            lambda: note(case=case, by=nadia, text="trop tard", now=MORNING),
            lambda: assign(case=case, to=nadia, by=nadia, role=Role.AGENT, held_by=None, now=MORNING),
            lambda: release(case=case, by=nadia, role=Role.AGENT, held_by=None, now=MORNING),
        ]
        for act in acts:
            with pytest.raises(refusals.AlreadyClosed) as refused:
                act()
            assert "par paul le 24 novembre 2026 à 11\u00a0h\u00a000" in str(refused.value)
        assert told(case) == [(1, "closed", "paul")]

    def test_by_the_rule_is_nobody_s(self, town):
        case, other = open_one(town, Kind.STUCK_EFFECT), open_one(town, Kind.STUCK_EFFECT, subject_id=2)
        for _ in range(2):
            resolve(
                collectivite_id=town.pk,
                kind=Kind.STUCK_EFFECT,
                subject_kind="attempt",
                subject_ids=[1, 3],
                rule="test",
                now=later(hours=1),
            )
        case.refresh_from_db()
        other.refresh_from_db()
        assert (case.closed_rule, case.closed_by, case.decision, case.reason) == ("test", None, "resolved_itself", "")
        assert told(case) == [(1, "closed", None)]
        assert other.is_open

    def test_is_followed_by_another_case_when_it_happens_again(self, town, paul):
        case = open_one(town)
        self.end(case, paul)
        again = open_one(town, now=later(days=1))
        assert again.pk != case.pk
        assert told(again) == []


@pytest.mark.usefixtures("committed_db")
class TestAtOnce:
    def test_two_closings_make_one_decision(self):
        place = cast.make_saint_aubin()
        with tenant(place.collectivite):
            case, paul = open_one(place.collectivite), colleague(place.collectivite, "paul")

        def end(user, decision):
            with tenant(place.collectivite):
                return close(
                    case=case, by=user, role=Role.REGISSEUR, decision=decision, reason=REASON, now=later(hours=1)
                ).decision

        ends = at_once(lambda: end(place.agent, "collected"), lambda: end(paul, "never_collected"))
        refused = [one for one in ends if isinstance(one, refusals.AlreadyClosed)]
        (kept,) = (one for one in ends if one not in refused)
        with tenant(place.collectivite):
            assert Case.objects.of(place.collectivite).get().decision == kept
            assert CaseEvent.objects.of(place.collectivite).count() == 1
        assert len(refused) == 1

    def test_two_first_looks_are_one(self):
        place = cast.make_saint_aubin()
        with tenant(place.collectivite):
            case, paul = open_one(place.collectivite), colleague(place.collectivite, "paul")

        def look(user):
            with tenant(place.collectivite):
                look_at(case=case, user=user, now=later(hours=1))

        at_once(lambda: look(place.agent), lambda: look(paul))
        with tenant(place.collectivite):
            assert CaseEvent.objects.of(place.collectivite).count() == 1


class TestDatabase:
    @pytest.mark.parametrize(
        "change",
        [
            {"closed_at": MORNING},
            {"decision": "other"},
            {"reason": REASON},
            {"closed_at": MORNING, "decision": "other", "reason": REASON},
            {"closed_at": MORNING, "decision": "", "closed_rule": "test"},
            {"closed_at": MORNING, "decision": "nonsense", "closed_rule": "test"},
        ],
    )
    def test_closes_no_case_by_halves(self, town, change):
        open_one(town)
        with pytest.raises(DatabaseError, match="cases_case_"), transaction.atomic():
            Case.objects.of(town).update(**change)

    def test_lets_no_fact_of_a_case_be_changed(self, town):
        open_one(town)
        changes: list[dict[str, object]] = [{"facts": {}}, {"rule": "x"}, {"opened_at": MORNING}, {"subject_id": 2}]
        for change in changes:
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                Case.objects.of(town).update(**change)

    def test_keeps_the_history_as_it_was_written(self, town, nadia):
        look_at(case=open_one(town), user=nadia, now=MORNING)
        for statement in ("UPDATE cases_caseevent SET text = 'x'", "DELETE FROM cases_caseevent"):
            with (
                pytest.raises(DatabaseError, match="permission denied"),
                transaction.atomic(),
                connections["default"].cursor() as cursor,
            ):
                cursor.execute(statement)


class TestPiles:
    def page(self, town, pile=Pile.OPEN, user_id=0, kind=None, cursor=""):
        return page_of_cases(collectivite=town, pile=pile, user_id=user_id, kind=kind, cursor=cursor)

    def everything(self, town, **asked):
        found, cursor = [], ""
        while True:
            page = self.page(town, cursor=cursor, **asked)
            found += page.cases
            if not (cursor := page.next_cursor):
                return found

    def test_turn_pages_without_losing_or_repeating_a_case(self, town):
        forged = [
            open_one(town, Kind.OTHER_PAYMENT, subject_id=number, now=later(minutes=number // 4), rank=0)
            for number in range(60)
        ]
        proved = [open_one(town, subject_id=number, now=later(minutes=number // 4)) for number in range(60)]
        assert self.everything(town) == [*proved, *forged]
        assert self.everything(town, kind=Kind.CONTRADICTION) == proved

    def test_put_the_latest_closed_first(self, town, paul):
        cases = [open_one(town, subject_id=number) for number in range(53)]
        for number, case in enumerate(cases):
            now = later(minutes=number // 3)
            close(case=case, by=paul, role=Role.REGISSEUR, decision="other", reason=REASON, now=now)
        assert self.everything(town, pile=Pile.CLOSED) == cases[::-1]
        assert self.everything(town) == []

    def test_know_what_is_mine(self, town, nadia):
        mine, other = open_one(town), open_one(town, Kind.AMBIGUOUS_LINE)
        assign(case=mine, to=nadia, by=nadia, role=Role.AGENT, held_by=None, now=MORNING)
        assert self.everything(town, pile=Pile.MINE, user_id=nadia.pk) == [mine]
        counts = count_cases(collectivite=town, pile=Pile.OPEN, user_id=nadia.pk)
        assert counts.piles == {Pile.OPEN: 2, Pile.MINE: 1, Pile.CLOSED: 0}
        assert counts.kinds == {Kind.CONTRADICTION: 1, Kind.AMBIGUOUS_LINE: 1}
        assert other.assigned_to is None

    @pytest.mark.parametrize("cursor", ["x", "0-1", "2-1-1", "0-1-" + "9" * 30, "0-١-1", "\x00"])
    def test_take_a_cursor_that_cannot_be_read_for_the_beginning(self, town, cursor):
        open_one(town)
        assert len(self.page(town, cursor=cursor).cases) == 1


class TestProcedures:
    """`docs/anomalies.md` and the bureau say the same words."""

    def test_are_drawn_from_the_words_of_the_bureau(self):
        """If this fails: regal shell --no-imports -c "from regal.cases import drawing; drawing.write()"."""
        assert drawing.DOCUMENT.read_text(encoding="utf-8") == drawing.draw()

    @pytest.mark.parametrize("kind", list(Kind))
    def test_have_a_section_for_each_kind(self, kind):
        _, section = drawing.DOCUMENT.read_text(encoding="utf-8").split(f'<a id="{kind.value}"></a>')
        section = section.partition("<a id=")[0]
        explanation = explanation_of(kind)
        said = (explanation.what, explanation.how, explanation.to_do, *explanation.steps, explanation.whom)
        for sentence in (*said, explanation.ending, explanation.never, *(one.label for one in DECISIONS[kind])):
            assert str(sentence) in section
        assert len(explanation.steps) >= 2
