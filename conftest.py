"""Fixtures that every room's tests may use."""

import gc
import importlib
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import setting_changed
from django.test import override_settings
from django.test.signals import root_urlconf_changed
from django.urls import set_urlconf

from tests.sites import BureauClient, GuichetClient

SAY_WHICH_FILES = (
    *("INSTALLED_APPS", "FORCE_SCRIPT_NAME", "STATIC_URL", "STATIC_ROOT", "STATICFILES_DIRS", "STATICFILES_FINDERS"),
    *("WHITENOISE_MAX_AGE", "WHITENOISE_ALLOW_ALL_ORIGINS", "WHITENOISE_STATIC_PREFIX"),
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Thousands of tests stay to the end: looking for garbage among them takes a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Argon2 is slow on purpose: a quarter of a second for each person whom a test makes up."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def the_usual_word_for_a_debt() -> None:
    """A town's word stays active after a request, as its language does: no test meets the word of the one before."""
    debt_words = importlib.import_module("regal.collectivites.debt_words")  # models need settings
    debt_words.activate("facture")


@pytest.fixture(autouse=True, scope="session")
def routes_learnt_once() -> None:
    """Django's tests forget all routes when a host gives way to the other, at each request of our clients.

    It keeps them by host anyway; to learn them again takes longer than to answer.
    """

    def forget_the_host(*, setting: str, **_: Any) -> None:
        if setting == "ROOT_URLCONF":
            set_urlconf(None)

    setting_changed.disconnect(root_urlconf_changed)
    setting_changed.connect(forget_the_host, weak=False)


@pytest.fixture(autouse=True, scope="session")
def static_files_found_once() -> Iterator[None]:
    """Each client's first request makes the middleware anew, which looks for the static files in every package."""
    middleware = importlib.import_module("whitenoise.middleware").WhiteNoiseMiddleware
    look = middleware.add_files_from_finders
    found: dict[tuple[str, ...], dict[str, Any]] = {}

    def add_what_was_found(self: Any) -> None:
        of_these_settings = tuple(repr(getattr(settings, name, None)) for name in SAY_WHICH_FILES)
        if of_these_settings not in found:
            look(self)
            found[of_these_settings] = dict(self.files)
        self.files.update(found[of_these_settings])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "add_files_from_finders", add_what_was_found)
        yield


@pytest.fixture
def guichet() -> GuichetClient:
    return GuichetClient()


@pytest.fixture
def bureau() -> BureauClient:
    return BureauClient()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many histories were played, and what happened in them."""
    if played := _histories(terminalreporter):
        tally = importlib.import_module("tests.simulation.tally")
        terminalreporter.section("simulated histories")
        for line in tally.lines(tally.total(played)):
            terminalreporter.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """An accident that befell no history of very many is a promise that nobody keeps: the run fails."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and (played := _histories(reporter)):
        tally = importlib.import_module("tests.simulation.tally")
        if tally.missing(tally.total(played)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _histories(reporter: Any) -> list[dict[str, float]]:
    """What each batch counted."""
    passed = reporter.stats.get("passed", ())
    return [counted for report in passed for name, counted in report.user_properties if name == "histories"]
