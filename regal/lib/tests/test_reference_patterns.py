"""Patterns of invoice numbers, as agents write them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.reference_patterns import BadPattern, ReferencePattern


@pytest.mark.parametrize(
    ("pattern", "number", "fitted"),
    [
        ("FA2026-######", "FA2026000412", "FA2026000412"),
        ("FA2026-######", "fa2026000412", "FA2026000412"),
        ("FA2026-#{6}", "FA2026000412", "FA2026000412"),
        ("@@ *{2} #{4-6}", "ABC71234", "ABC71234"),
        ("@@ *{2} #{4-6}", "ABC7123456", "ABC7123456"),
        ("#{6}", "00041", None),
        ("#{6}", "0004123", None),
        ("#{6}", "00O412", None),
        ("@#{6}", "É000412", None),
        ("#{6}", "٠٠٠٤١٢", None),
        ("FA#{6}", "FB000412", None),
    ],
)
def test_a_number_fits_or_not(pattern, number, fitted):
    assert ReferencePattern.parse(pattern).fit(number) == fitted


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        ("", 0),
        ("--", 0),
        ("fa######", 0),
        ("FA.##", 2),
        ("#{0}", 0),
        ("#{6-4}", 0),
        ("#{31}", 0),
        ("#{20}@{11}", 5),
        ("#{1-2}@{1-2}", 6),
        ("(a+)+", 0),
        ("#{", 1),
        ("#" * 81, 80),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_place(pattern, place):
    with pytest.raises(BadPattern) as bad:
        ReferencePattern.parse(pattern)
    assert bad.value.place == place


items = st.tuples(st.sampled_from("#@*AZ09"), st.integers(1, 5)).map(lambda item: f"{item[0]}{{{item[1]}}}")


@given(parts=st.lists(items, min_size=1, max_size=6))
def test_the_example_always_fits_and_has_the_least_length(parts):
    pattern = ReferencePattern.parse("-".join(parts))
    assert pattern.fit(pattern.example) == pattern.example
    assert len(pattern.example) == pattern.least == pattern.most


@given(text=st.text(max_size=90), number=st.text(max_size=40))
def test_no_text_makes_it_fail_otherwise(text, number):
    with suppress(BadPattern):
        pattern = ReferencePattern.parse(text)
        assert pattern.fit(number) is None or pattern.least <= len(number) <= pattern.most
