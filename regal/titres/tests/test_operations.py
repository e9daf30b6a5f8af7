"""What people decide about an invoice: each act, and each refusal."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from regal.audit.models import AuditEntry
from regal.collectivites.models import Product
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import balance_of, paid_of
from regal.titres import operations, refusals
from regal.titres.models import Adjustment, Debtor, Direction, Titre, TitreEvent
from regal.titres.queries import amount_due
from regal.titres.states import Event, State
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 24)
TYPED: dict[str, Any] = {
    "number": "FC2026-000042",
    "label": "Cantine, octobre 2026",
    "debtor": "Mme Leroy",
    "amount": Money(8_470),
    "issued_on": TODAY,
}
DECISIONS: dict[Any, State] = {
    operations.suspend: State.SUSPENDED,
    operations.cancel: State.CANCELLED,
    operations.transfer: State.TRANSFERRED,
    operations.write_off: State.WRITTEN_OFF,
}


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town)


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


@pytest.fixture(autouse=True)
def inside(town):
    with tenant(town.collectivite):
        yield


def nothing(titre):
    return Money.zero


def half(titre):
    return Money(4_000)


def decide(act, titre, **told):
    told = {"reason": "Enfant absent", "now": later(hours=1)} | told
    if act is operations.cancel:
        told = {"paid": nothing} | told
    return act(titre=titre, **told)


def adjust(titre, direction, cents, **told):
    usual: dict[str, Any] = {"reason": "Enfant absent", "paid": nothing, "now": later(hours=1)}
    return operations.adjust(titre=titre, direction=direction, amount=Money(cents), **(usual | told))


def as_kept(titre):
    return Titre.objects.get(collectivite=titre.collectivite_id, pk=titre.pk)


def steps(titre):
    return [
        (step.event, step.from_state, step.to_state)
        for step in TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre).order_by("number")
    ]


def acts(titre):
    entries = AuditEntry.objects.filter(collectivite=titre.collectivite_id, subject=f"titre {titre.pk}")
    return [entry.action for entry in entries.order_by("pk")]


class TestRecording:
    def test_makes_a_draft_of_the_régie_that_nobody_can_pay_yet(self, town, canteen):
        titre = operations.record_titre(product=canteen, **TYPED, now=MORNING, actor_id=town.agent.pk)
        kept = as_kept(titre)
        assert (kept.status, kept.collector, kept.regie_id) == (State.DRAFT, "regie", canteen.account.regie_id)
        assert (kept.number, kept.reference, kept.exercice) == ("FC2026-000042", "FC2026000042", 2026)
        assert amount_due(kept) == Money(8_470)
        assert Debtor.objects.get(collectivite=town.collectivite, titre=titre).name == "Mme Leroy"
        assert steps(titre) == [(Event.RECORDED, "", State.DRAFT)]

    def test_is_written_down_without_a_name(self, town, canteen):
        titre = operations.record_titre(product=canteen, **TYPED, now=MORNING, actor_id=town.agent.pk)
        entry = AuditEntry.objects.get(collectivite=town.collectivite, subject=f"titre {titre.pk}")
        assert (entry.action, entry.actor_id) == ("record_titre", town.agent.pk)
        assert "Leroy" not in str(entry.after)

    @pytest.mark.parametrize(
        ("told", "refusal"),
        [
            ({"number": "42"}, refusals.BadNumber),
            ({"number": ""}, refusals.BadNumber),
            ({"number": "FC2026-00004é"}, refusals.BadNumber),
            ({"label": "  "}, refusals.BadLabel),
            ({"label": "x" * 101}, refusals.BadLabel),
            ({"debtor": ""}, refusals.BadDebtor),
            ({"debtor": "x" * 121}, refusals.BadDebtor),
            ({"debtor": "4111 1111 1111 1111"}, refusals.CardNumber),
            ({"label": "Cantine\u200b"}, refusals.UnreadableText),
            ({"amount": Money(0)}, refusals.BadAmount),
            ({"amount": Money(10_000_000_00)}, refusals.BadAmount),
            ({"amount": Money(99)}, refusals.OutsideLimits),
            ({"amount": Money(60_001)}, refusals.OutsideLimits),
            ({"issued_on": TODAY + timedelta(days=1)}, refusals.BadIssueDay),
            ({"issued_on": date(2024, 12, 31)}, refusals.BadIssueDay),
            ({"due_on": TODAY - timedelta(days=1)}, refusals.BadDays),
            ({"exercice": 2027}, refusals.BadExercice),
            ({"exercice": 2024}, refusals.BadExercice),
        ],
    )
    def test_is_refused_with_what_to_mend(self, canteen, told, refusal):
        with pytest.raises(refusal):
            operations.record_titre(product=canteen, **(TYPED | told), now=MORNING)
        assert not Titre.objects.of(canteen.collectivite).exists()

    def test_may_be_of_last_year_whose_exercice_it_is_then(self, canteen):
        told = TYPED | {"issued_on": date(2025, 1, 1)}
        assert operations.record_titre(product=canteen, **told, now=MORNING).exercice == 2025

    def test_says_between_what_days_it_is_issued(self, canteen):
        told = TYPED | {"issued_on": date(2027, 6, 30)}
        with pytest.raises(refusals.BadIssueDay) as refused:
            operations.record_titre(product=canteen, **told, now=MORNING)
        assert "entre le 1er janvier 2025 et aujourd’hui (24 novembre 2026)." in str(refused.value)

    def test_takes_a_number_once_in_a_régie_however_it_is_written(self, canteen):
        operations.record_titre(product=canteen, **TYPED, now=MORNING)
        with pytest.raises(refusals.NumberTaken):
            operations.record_titre(product=canteen, **(TYPED | {"number": "fc2026 000042"}), now=MORNING)
        assert Titre.objects.of(canteen.collectivite).count() == 1

    def test_is_refused_for_what_the_comptable_collects(self, town):
        with pytest.raises(refusals.NotOfARegie):
            operations.record_titre(product=Product.objects.get(pk=town.product.pk), **TYPED, now=MORNING)


class TestDeciding:
    def test_issues_a_draft(self, canteen):
        titre = operations.record_titre(product=canteen, **TYPED, now=MORNING)
        operations.issue(titre=titre, now=later(hours=1))
        assert as_kept(titre).status == State.OPEN
        assert acts(titre) == ["record_titre", "issue_titre"]

    @pytest.mark.parametrize(("act", "after"), DECISIONS.items(), ids=lambda value: getattr(value, "__name__", value))
    def test_moves_an_open_one_with_its_step_and_its_audit_row(self, town, titre, act, after):
        decide(act, titre, actor_id=town.agent.pk)
        assert as_kept(titre).status == after
        assert steps(titre)[-1] == (after.value, State.OPEN, after)
        last = TitreEvent.objects.of(town.collectivite).latest("number")
        assert (last.reason, last.by_id) == ("Enfant absent", town.agent.pk)
        assert len(acts(titre)) == 3

    @pytest.mark.parametrize("act", DECISIONS)
    @pytest.mark.parametrize("reason", ["", " non ", "x" * 301])
    def test_wants_a_reason(self, titre, act, reason):
        with pytest.raises(refusals.MissingReason):
            decide(act, titre, reason=reason)
        assert as_kept(titre).status == State.OPEN

    def test_resumes_a_suspended_one(self, titre):
        decide(operations.suspend, titre)
        decide(operations.resume, titre)
        assert as_kept(titre).status == State.OPEN

    @pytest.mark.parametrize("final", [operations.cancel, operations.transfer, operations.write_off])
    @pytest.mark.parametrize("act", [*DECISIONS, operations.resume])
    def test_ends_for_good(self, titre, final, act):
        decide(final, titre)
        with pytest.raises(refusals.OtherState) as refused:
            decide(act, titre)
        assert "maintenant" in str(refused.value)

    @pytest.mark.parametrize("act", [operations.suspend, operations.transfer, operations.write_off])
    def test_does_not_suit_a_draft(self, canteen, act):
        titre = operations.record_titre(product=canteen, **TYPED, now=MORNING)
        with pytest.raises(refusals.OtherState):
            decide(act, titre)

    def test_is_refused_to_whoever_read_an_older_page(self, titre):
        decide(operations.suspend, titre, seen=2)
        with pytest.raises(refusals.ChangedMeanwhile):
            decide(operations.cancel, titre, seen=2)
        assert as_kept(titre).status == State.SUSPENDED


class TestAdjusting:
    @pytest.mark.parametrize(("direction", "due"), [(Direction.DECREASE, 7_470), (Direction.INCREASE, 9_470)])
    def test_changes_what_is_due_and_not_what_was_issued(self, titre, direction, due):
        adjust(titre, direction, 1_000)
        kept = as_kept(titre)
        assert (kept.amount, amount_due(kept), balance_of(kept)) == (Money(8_470), Money(due), Money(due))
        assert (kept.status, kept.paid_at) == (State.OPEN, None)
        assert steps(titre)[-1] == (Event.ADJUSTED, State.OPEN, State.OPEN)
        assert acts(titre)[-1] == "adjust_titre"

    def test_names_its_adjustment_in_its_step(self, titre):
        adjust(titre, Direction.DECREASE, 1_000)
        step = TitreEvent.objects.get(collectivite=titre.collectivite_id, titre=titre, number=3)
        assert step.adjustment_id == Adjustment.objects.get(collectivite=titre.collectivite_id).pk

    @pytest.mark.parametrize(
        ("direction", "cents", "refusal"),
        [
            (Direction.DECREASE, 8_470, refusals.NothingLeft),
            (Direction.DECREASE, 9_000, refusals.NothingLeft),
            (Direction.DECREASE, 0, refusals.BadAmount),
            (Direction.INCREASE, 9_999_999_99, refusals.BadAmount),
            (Direction.DECREASE, 8_371, refusals.OutsideLimits),
            (Direction.INCREASE, 51_531, refusals.OutsideLimits),
        ],
    )
    def test_leaves_something_due_and_nothing_absurd(self, titre, direction, cents, refusal):
        with pytest.raises(refusal):
            adjust(titre, direction, cents)
        assert amount_due(as_kept(titre)) == Money(8_470)

    def test_adds_up(self, titre):
        adjust(titre, Direction.DECREASE, 8_000)
        with pytest.raises(refusals.NothingLeft):
            adjust(titre, Direction.DECREASE, 470)
        adjust(titre, Direction.INCREASE, 30)
        assert amount_due(as_kept(titre)) == Money(500)

    def test_leaves_what_can_be_paid_online_once_a_part_was_paid(self, titre):
        with pytest.raises(refusals.OutsideLimits) as refused:
            adjust(titre, Direction.DECREASE, 4_371, paid=half)
        assert str(refused.value).startswith("Ce qui est à payer doit être compris entre 1,00\u00a0€ et 600,00\u00a0€,")
        adjust(titre, Direction.DECREASE, 4_370, paid=half)

    def test_goes_down_to_what_was_paid_and_then_it_is_paid(self, titre):
        with pytest.raises(refusals.BelowPaid):
            adjust(titre, Direction.DECREASE, 4_471, paid=half)
        adjust(titre, Direction.DECREASE, 4_470, paid=half)
        assert as_kept(titre).paid_at == later(hours=1)


class TestWhilePaying:
    """Mme Leroy is on PayFiP's page; her attempt holds the invoice for twenty minutes."""

    @pytest.fixture
    def held(self, titre):
        titre.held_by, titre.held_until = 1, later(hours=1, minutes=20)
        titre.save(update_fields=["held_by", "held_until"])
        return titre

    @pytest.mark.parametrize("act", [operations.cancel, operations.transfer, operations.write_off])
    def test_nothing_is_decided_before_the_hour_that_the_sentence_names(self, held, act):
        with pytest.raises(refusals.BeingPaid) as refused:
            decide(act, held)
        assert "10" in str(refused.value)
        assert "20" in str(refused.value)
        assert as_kept(held).status == State.OPEN
        decide(act, held, now=later(hours=1, minutes=20))

    def test_the_amount_stays(self, held):
        with pytest.raises(refusals.BeingPaid):
            adjust(held, Direction.INCREASE, 100)

    def test_it_may_be_suspended_and_resumed(self, held):
        decide(operations.suspend, held)
        decide(operations.resume, held)
        assert as_kept(held).held_by == 1


class TestOncePaid:
    @pytest.fixture
    def paid(self, titre):
        titre.paid_at = MORNING
        titre.save(update_fields=["paid_at"])
        return titre

    @pytest.mark.parametrize("act", DECISIONS)
    def test_nothing_is_decided_any_more(self, paid, act):
        with pytest.raises(refusals.AlreadyPaid):
            decide(act, paid)

    @pytest.mark.parametrize("direction", Direction)
    def test_nothing_is_adjusted_any_more(self, paid, direction):
        with pytest.raises(refusals.AlreadyPaid):
            adjust(paid, direction, 100)

    def test_in_part_it_is_not_cancelled(self, titre):
        with pytest.raises(refusals.PaidInPart):
            decide(operations.cancel, titre, paid=half)

    def test_nothing_was_paid_of_one_without_allocations(self, titre):
        assert paid_of(titre) == Money.zero


class TestMendingADraft:
    @pytest.fixture
    def draft(self, canteen):
        return operations.record_titre(product=canteen, **TYPED, now=MORNING)

    def edit(self, draft, canteen, **changed):
        return operations.edit_draft(titre=draft, product=canteen, **(TYPED | changed), now=later(hours=1))

    def test_changes_it_and_keeps_what_was_there(self, draft, canteen):
        self.edit(draft, canteen, number="FC2026-000043", amount=Money(4_000), label="Cantine, novembre 2026")
        kept = as_kept(draft)
        assert (kept.number, kept.reference, kept.label) == ("FC2026-000043", "FC2026000043", "Cantine, novembre 2026")
        assert (amount_due(kept), kept.status) == (Money(4_000), State.DRAFT)
        edited = TitreEvent.objects.get(collectivite=draft.collectivite_id, titre=draft, event=Event.EDITED)
        assert edited.changes == {
            "number": ["FC2026-000042", "FC2026-000043"],
            "reference": ["FC2026000042", "FC2026000043"],
            "label": ["Cantine, octobre 2026", "Cantine, novembre 2026"],
            "amount_cents": [8_470, 4_000],
        }
        assert acts(draft) == ["record_titre", "edit_titre"]

    def test_keeps_that_a_name_changed_and_neither_name(self, draft, canteen):
        self.edit(draft, canteen, debtor="M. Petit")
        assert Debtor.objects.get(collectivite=draft.collectivite_id, titre=draft).name == "M. Petit"
        edited = TitreEvent.objects.get(collectivite=draft.collectivite_id, titre=draft, event=Event.EDITED)
        entry = AuditEntry.objects.get(collectivite=draft.collectivite_id, action="edit_titre")
        assert edited.changes == {"debtor": None}
        assert "Leroy" not in str([entry.before, entry.after])

    def test_moves_it_to_the_exercice_of_its_new_day(self, draft, canteen):
        self.edit(draft, canteen, issued_on=date(2025, 12, 31))
        assert as_kept(draft).exercice == 2025

    def test_moves_it_to_another_product_and_its_régie(self, town, draft):
        pool = cast.make_canteen(town, numcli="350099", slug="piscine")
        self.edit(draft, pool)
        assert (as_kept(draft).product_id, as_kept(draft).regie_id) == (pool.pk, pool.account.regie_id)

    @pytest.mark.parametrize(
        ("changed", "refusal"),
        [
            ({}, refusals.NothingChanged),
            ({"number": "42"}, refusals.BadNumber),
            ({"label": ""}, refusals.BadLabel),
            ({"debtor": ""}, refusals.BadDebtor),
            ({"amount": Money(99)}, refusals.OutsideLimits),
            ({"issued_on": TODAY + timedelta(days=1)}, refusals.BadIssueDay),
            ({"due_on": TODAY - timedelta(days=1)}, refusals.BadDays),
        ],
    )
    def test_is_refused_as_a_new_one_is(self, draft, canteen, changed, refusal):
        with pytest.raises(refusal):
            self.edit(draft, canteen, **changed)
        assert as_kept(draft).number == "FC2026-000042"
        assert steps(draft) == [(Event.RECORDED, "", State.DRAFT)]

    def test_is_refused_a_number_that_the_régie_has(self, draft, canteen):
        cast.make_titre(canteen, reference="FC2026000043")
        with pytest.raises(refusals.NumberTaken):
            self.edit(draft, canteen, number="FC2026-000043")
        assert as_kept(draft).number == "FC2026-000042"

    def test_is_refused_once_it_is_published(self, titre, canteen):
        with pytest.raises(refusals.OtherState):
            self.edit(titre, canteen)

    @pytest.mark.parametrize(
        "changed", [{"number": "FC2026-000099"}, {"amount_cents": 1}, {"exercice": 2025}, {"reference": "FC2026000099"}]
    )
    def test_is_refused_by_postgresql_itself_once_it_is_published(self, titre, changed):
        (name, value), *_ = changed.items()
        with pytest.raises(DatabaseError, match="stays what it is"), transaction.atomic():
            connection.cursor().execute(f"UPDATE titres_titre SET {name} = %s WHERE id = %s", [value, titre.pk])


class TestCorrecting:
    def correct(self, titre, **changed):
        usual: dict[str, Any] = {"label": titre.label, "debtor": "Mme Leroy", "due_on": titre.due_on}
        told = usual | {"reason": "Erreur de saisie", "now": later(hours=1)} | changed
        return operations.correct(titre=titre, **told)

    def test_changes_its_words_and_keeps_what_was_there(self, titre):
        before = titre.label
        self.correct(titre, label="Garderie", due_on=date(2026, 12, 31))
        assert (as_kept(titre).label, as_kept(titre).due_on) == ("Garderie", date(2026, 12, 31))
        corrected = TitreEvent.objects.get(collectivite=titre.collectivite_id, titre=titre, event=Event.CORRECTED)
        assert corrected.changes["label"] == [before, "Garderie"]
        assert corrected.changes["due_on"][1] == "2026-12-31"
        assert corrected.reason == "Erreur de saisie"
        assert acts(titre)[-1] == "correct_titre"

    def test_leaves_a_name_that_was_purged(self, titre):
        Debtor.objects.filter(collectivite=titre.collectivite_id).delete()
        self.correct(titre, label="Garderie", debtor="")
        assert not Debtor.objects.filter(collectivite=titre.collectivite_id).exists()

    def test_is_refused_while_somebody_pays(self, titre):
        cast.leave_with(titre, now=later(minutes=59))
        with pytest.raises(refusals.BeingPaid):
            self.correct(as_kept(titre), label="Garderie")

    def test_is_refused_once_it_is_paid_or_over(self, town, titre):
        decide(operations.cancel, titre)
        with pytest.raises(refusals.OtherState):
            self.correct(titre, label="Garderie")
        with pytest.raises(DatabaseError, match="stays as it reads"), transaction.atomic():
            connection.cursor().execute("UPDATE titres_titre SET label = 'x' WHERE id = %s", [titre.pk])

    @pytest.mark.parametrize(
        ("changed", "refusal"),
        [
            ({}, refusals.NothingChanged),
            ({"label": ""}, refusals.BadLabel),
            ({"debtor": ""}, refusals.BadDebtor),
            ({"due_on": date(2020, 1, 1)}, refusals.BadDays),
            ({"label": "Garderie", "reason": "?"}, refusals.MissingReason),
        ],
    )
    def test_refuses_what_cannot_be_read(self, titre, changed, refusal):
        with pytest.raises(refusal):
            self.correct(titre, **changed)


class TestRestoring:
    @pytest.mark.parametrize("act", [operations.cancel, operations.transfer, operations.write_off])
    def test_takes_back_what_ended_it(self, titre, act):
        decide(act, titre)
        operations.restore(titre=as_kept(titre), reason="Annulée par erreur", waiting=nothing, now=later(hours=2))
        assert as_kept(titre).status == State.OPEN
        assert steps(titre)[-1][0] == Event.RESTORED
        assert acts(titre)[-1] == "restore_titre"

    def test_makes_of_what_was_a_draft_a_draft_again(self, canteen):
        draft = operations.record_titre(product=canteen, **TYPED, now=MORNING)
        decide(operations.cancel, draft)
        operations.restore(titre=as_kept(draft), reason="Annulée par erreur", waiting=nothing, now=later(hours=2))
        assert as_kept(draft).status == State.DRAFT
        assert steps(draft)[-1] == (Event.REDRAFTED, State.CANCELLED, State.DRAFT)

    def test_never_makes_a_draft_of_what_was_published_whoever_calls(self, titre):
        decide(operations.cancel, titre)
        cancelled = as_kept(titre)
        with connection.cursor() as cursor:  # as a caller that opened no tenant
            cursor.execute("SELECT set_config('regal.tenant', '', true)")
        operations.restore(titre=cancelled, reason="Annulée par erreur", waiting=nothing, now=later(hours=2))
        with tenant(titre.collectivite_id):
            assert as_kept(titre).status == State.OPEN

    def test_finds_its_number_kept_for_it(self, titre, canteen):
        decide(operations.cancel, titre)
        with pytest.raises(refusals.NumberTaken):
            operations.record_titre(product=canteen, **(TYPED | {"number": titre.number}), now=later(hours=1))

    def test_is_refused_while_what_was_paid_since_waits(self, titre):
        decide(operations.cancel, titre)
        with pytest.raises(refusals.ExcessWaits, match="84,70"):
            operations.restore(
                titre=as_kept(titre), reason="Erreur de saisie", waiting=lambda _: Money(8_470), now=later(hours=2)
            )

    @pytest.mark.parametrize("act", [None, operations.suspend])
    def test_is_refused_of_what_nothing_ended(self, titre, act):
        if act is not None:
            decide(act, titre)
        with pytest.raises(refusals.OtherState):
            operations.restore(titre=as_kept(titre), reason="Erreur de saisie", waiting=nothing, now=later(hours=2))

    def test_needs_a_reason(self, titre):
        decide(operations.cancel, titre)
        with pytest.raises(refusals.MissingReason):
            operations.restore(titre=as_kept(titre), reason="", waiting=nothing, now=later(hours=2))


class TestWhatThePayerReads:
    @pytest.mark.parametrize("act", DECISIONS)
    def test_is_kept_beside_the_reason(self, titre, act):
        decide(act, titre, payer_note="  Réglez cette facture à la trésorerie.  ")
        event = TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre).latest("number")
        assert (event.reason, event.payer_note) == ("Enfant absent", "Réglez cette facture à la trésorerie.")

    @pytest.mark.parametrize(
        ("note", "refusal"),
        [
            ("x" * 201, refusals.BadPayerNote),
            ("Carte 4111 1111 1111 1111", refusals.CardNumber),
            ("Voyez \u200b la mairie", refusals.UnreadableText),
            ("Madame Leroy a déménagé", refusals.NamesDebtor),
            ("LEROY a déménagé", refusals.NamesDebtor),
            ("La famille Leroy a déménagé", refusals.NamesDebtor),
        ],
    )
    def test_is_short_and_names_nobody(self, titre, note, refusal):
        with pytest.raises(refusal):
            decide(operations.suspend, titre, payer_note=note)
        assert as_kept(titre).status == State.OPEN
