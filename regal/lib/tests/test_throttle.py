"""Counters that every process shares."""

from datetime import UTC, datetime, timedelta

import pytest

from regal.lib import throttle

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 8, 0, 30, tzinfo=UTC)


class TestThrottle:
    def test_counts_each_source_and_each_class_apart(self):
        assert not throttle.is_too_often(rate="start", source="192.0.2.1", limit=1, now=NOW)
        assert throttle.is_too_often(rate="start", source="192.0.2.1", limit=1, now=NOW)
        assert not throttle.is_too_often(rate="start", source="192.0.2.2", limit=1, now=NOW)
        assert not throttle.is_too_often(rate="other", source="192.0.2.1", limit=1, now=NOW)

    def test_forgets_with_the_minute(self):
        throttle.is_too_often(rate="start", source="192.0.2.1", limit=1, now=NOW)
        assert not throttle.is_too_often(rate="start", source="192.0.2.1", limit=1, now=NOW + timedelta(minutes=1))


class TestStrays:
    def test_are_a_number_a_day(self):
        for _ in range(3):
            throttle.count_stray(now=NOW)
        assert throttle.strays(day=NOW) == 3
        assert throttle.strays(day=NOW + timedelta(days=1)) == 0
