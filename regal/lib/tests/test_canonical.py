"""One value, one sequence of bytes, for ever."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.canonical import NotCanonical, canonical_bytes, digest, sha256_hex
from regal.lib.money import Money


class Colour(StrEnum):
    RED = "red"


class Rung(IntEnum):
    TWO = 2


class TestCanonicalBytes:
    def test_are_these_for_this_value(self) -> None:
        value = {"titre": "Élève", "cents": 3840, "live": True, "none": None, "lines": [1, "a"], "Z": {"b": 1, "a": 2}}
        expected = '{"Z":{"a":2,"b":1},"cents":3840,"lines":[1,"a"],"live":true,"none":null,"titre":"Élève"}'
        assert canonical_bytes(value) == expected.encode()

    def test_do_not_depend_on_the_order_of_keys(self) -> None:
        assert canonical_bytes({"a": 1, "b": 2}) == canonical_bytes({"b": 2, "a": 1})

    def test_depend_on_the_order_of_a_list(self) -> None:
        assert canonical_bytes([1, 2]) != canonical_bytes([2, 1])

    def test_tell_a_number_from_its_text(self) -> None:
        assert canonical_bytes(1) != canonical_bytes("1")
        assert canonical_bytes(1) != canonical_bytes(True)

    def test_write_days_and_instants_as_iso(self) -> None:
        assert canonical_bytes(date(2026, 11, 24)) == b'"2026-11-24"'
        assert canonical_bytes(datetime(2026, 11, 24, 13, 5, tzinfo=UTC)) == b'"2026-11-24T13:05:00.000000Z"'

    def test_write_one_instant_one_way_in_every_zone(self) -> None:
        paris = datetime(2026, 11, 24, 14, 5, tzinfo=timezone(timedelta(hours=1)))
        assert canonical_bytes(paris) == canonical_bytes(datetime(2026, 11, 24, 13, 5, tzinfo=UTC))

    def test_write_tuples_as_lists_and_members_as_their_values(self) -> None:
        assert canonical_bytes((Colour.RED, Rung.TWO)) == b'["red",2]'

    @pytest.mark.parametrize(
        "value",
        [
            1.0,
            float("nan"),
            Decimal(1),
            Money(1),
            b"a",
            {1},
            object(),
            {1: "a"},
            {Colour.RED: 1},
            "\ud800",
            datetime(2026, 11, 24, 13, 5),  # noqa: DTZ001
            [{"deep": 0.1}],
        ],
    )
    def test_are_refused_for_what_has_several_spellings(self, value: object) -> None:
        with pytest.raises(NotCanonical):
            canonical_bytes(value)

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text('aé\n"\\'), st.lists, max_leaves=10))
    def test_are_the_same_each_time(self, value: object) -> None:
        assert canonical_bytes(value) == canonical_bytes(value)


class TestDigest:
    def test_is_the_sha256_of_the_bytes(self) -> None:
        assert digest({"a": 1}) == sha256_hex(b'{"a":1}')
        assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
