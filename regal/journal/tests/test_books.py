"""The books as little ledgers: what was entered, in which order, and that nothing is ever taken back."""

from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, transaction

from regal.journal.chain import GENESIS, hash_of
from regal.journal.models import Entry, Head
from regal.journal.operations import record_settlement, seal_day
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from tests import cast
from tests.cast import MORNING, later


@pytest.fixture
def town(db):
    return cast.make_saint_aubin()


def settle(town, attempt_id, cents, *, occurred_at=MORNING):
    with tenant(town.collectivite):
        return record_settlement(
            collectivite_id=town.collectivite.pk,
            account_id=town.account.pk,
            environment="test",
            attempt_id=attempt_id,
            debt_reference=cast.REFDET,
            exercice=2026,
            amount=Money(cents),
            occurred_at=occurred_at,
            digests=["b" * 64, "a" * 64],
            now=MORNING,
        )


def seal(town, day, *digests):
    with tenant(town.collectivite):
        return seal_day(collectivite_id=town.collectivite.pk, day=day, digests=digests, now=MORNING)


def ledger(town):
    """number kind day amount"""
    with tenant(town.collectivite):
        entries = Entry.objects.of(town.collectivite).order_by("number")
        return [
            f"{entry.number} {entry.kind} {entry.accounting_day} {entry.amount.cents if entry.amount else '-'}"
            for entry in entries
        ]


class TestLedger:
    def test_is_empty_at_first(self, town):
        assert ledger(town) == []

    def test_numbers_its_entries_as_they_come(self, town):
        settle(town, 1, 12_550)
        settle(town, 2, 9_900, occurred_at=datetime(2026, 11, 24, 23, 0, tzinfo=UTC))
        seal(town, date(2026, 11, 24), "a" * 64)
        settle(town, 3, 100, occurred_at=later(days=-400))
        assert ledger(town) == [
            "1 settlement 2026-11-24 12550",
            "2 settlement 2026-11-25 9900",
            "3 seal 2026-11-24 -",
            "4 settlement 2025-10-20 100",
        ]

    def test_is_each_town_s_own(self, town):
        next_town = cast.make_next_town()
        settle(town, 1, 12_550)
        settle(next_town, 1, 700)
        settle(town, 2, 1)
        assert ledger(town) == ["1 settlement 2026-11-24 12550", "2 settlement 2026-11-24 1"]
        assert ledger(next_town) == ["1 settlement 2026-11-24 700"]

    def test_keeps_no_number_for_what_was_undone(self, town):
        settle(town, 1, 100)
        with transaction.atomic():
            settle(town, 2, 200)
            transaction.set_rollback(True)
        settle(town, 3, 300)
        assert ledger(town) == ["1 settlement 2026-11-24 100", "2 settlement 2026-11-24 300"]

    def test_takes_one_settlement_of_an_attempt(self, town):
        settle(town, 1, 100)
        with pytest.raises(DatabaseError), transaction.atomic():
            settle(town, 1, 100)
        assert len(ledger(town)) == 1

    @pytest.mark.parametrize("cents", [0, -1])
    def test_takes_no_amount_of_nothing(self, town, cents):
        with pytest.raises(DatabaseError), transaction.atomic():
            settle(town, 1, cents)

    def test_names_the_evidence_in_order(self, town):
        assert settle(town, 1, 100).digests == ["a" * 64, "b" * 64]
        assert seal(town, date(2026, 11, 24), "f" * 64, "0" * 64).digests == ["0" * 64, "f" * 64]

    def test_seals_a_day_at_its_end_in_paris(self, town):
        sealed = seal(town, date(2026, 11, 24))
        assert sealed.occurred_at == datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
        assert sealed.accounting_day == date(2026, 11, 24)
        assert (sealed.amount, sealed.attempt_id) == (None, None)


OTHER_VALUES = {
    "collectivite_id": 0,
    "number": 2,
    "kind": "seal",
    "account_id": 0,
    "environment": "production",
    "attempt_id": 2,
    "debt_reference": "x",
    "exercice": 2025,
    "amount": Money(101),
    "occurred_at": later(seconds=1),
    "accounting_day": date(2026, 11, 23),
    "recorded_at": later(seconds=1),
    "digests": [],
    "corrects_id": 1,
    "author": "x",
    "reason": "x",
    "regie_id": 1,
    "receipt_id": 1,
    "means": "cash",
    "previous_hash": "1" * 64,
}


class TestChain:
    def test_begins_with_nothing_and_goes_on_from_the_entry_before(self, town):
        first, second = settle(town, 1, 100), seal(town, date(2026, 11, 24))
        assert first.previous_hash == GENESIS == "0" * 64
        assert second.previous_hash == first.hash
        with tenant(town.collectivite):
            head = Head.objects.get()
        assert (head.number, head.hash) == (2, second.hash)

    def test_is_the_same_when_read_back(self, town):
        settle(town, 1, 100, occurred_at=datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC))
        with tenant(town.collectivite):
            entry = Entry.objects.get()
        assert hash_of(entry) == entry.hash

    @pytest.mark.parametrize(("column", "value"), OTHER_VALUES.items())
    def test_covers(self, town, column, value):
        entry = settle(town, 1, 100)
        setattr(entry, column, value)
        assert hash_of(entry) != entry.hash

    def test_covers_every_column_but_the_hash_and_the_row_s_own_number(self):
        assert set(OTHER_VALUES) == {field.attname for field in Entry._meta.local_fields} - {"id", "hash"}

    def test_of_one_known_entry_never_changes(self):
        entry = Entry(
            collectivite_id=1,
            number=1,
            kind="settlement",
            account_id=2,
            environment="test",
            attempt_id=3,
            debt_reference="202600000412000001",
            exercice=2026,
            amount=Money(12_550),
            occurred_at=MORNING,
            accounting_day=date(2026, 11, 24),
            recorded_at=MORNING,
            digests=["a" * 64],
            previous_hash=GENESIS,
        )
        assert hash_of(entry) == "b2406cced77fe7ea99d329b07574ce34f53b0939a2b11f2b0f35918c6d21e5d1"
