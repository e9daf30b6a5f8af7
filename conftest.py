"""Fixtures that every room's tests may use."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.sites import BureauClient, GuichetClient


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Argon2 is slow on purpose: a quarter of a second for each person whom a test makes up."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def guichet() -> GuichetClient:
    return GuichetClient()


@pytest.fixture
def bureau() -> BureauClient:
    return BureauClient()
