"""Fixtures that every room's tests may use."""

import pytest

from tests.sites import BureauClient, GuichetClient


@pytest.fixture
def guichet() -> GuichetClient:
    return GuichetClient()


@pytest.fixture
def bureau() -> BureauClient:
    return BureauClient()
