"""One demonstration and one browser for all the journeys."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from regal.demo.cast import TOWNS, DemoTown, Notice, notices
from regal.gateways.base import DebtKind
from regal.lib import paris
from tests.demo import Demo, free_first_port, start, until

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WITHOUT_WINDOWS = shutil.which("chromium-headless-shell") or CHROMIUM  # the same pages, for half of the work
PATIENCE_MS = 30_000  # nothing is measured here: a busy machine may take its time
START_SECONDS = 600  # the same
expect.set_options(timeout=PATIENCE_MS)
AT_ONCE = 20  # screens that one worker takes
LAST_WORDS = 40  # lines of each log, after a journey that failed


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What one worker does in a go: a file of journeys, or a few screens; what looks at all screens comes last."""
    count = 0
    for item in items:
        if item.path.parent != HERE:
            continue
        group = item.path.stem
        if item.get_closest_marker("screens"):
            group = f"screens {count // AT_ONCE}" if "screen" in getattr(item, "fixturenames", ()) else "all screens"
            count += 1
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a journey that failed, what its demonstration said meanwhile."""
    report = yield
    demo = getattr(item, "funcargs", {}).get("demo")
    if report.failed and isinstance(demo, Demo):
        for log in (demo.var / "terminal", *sorted((demo.var / "log").glob("*.log"))):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_WORDS:]
            report.sections.append((f"{log.stem} of the demonstration", "\n".join(lines)))
    return report


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`regal demo`, ready."""
    demo = start(tmp_path_factory.mktemp("journeys"), free_first_port())
    try:
        until(lambda: "REGAL est prêt" in demo.output or demo.process.poll() is not None, seconds=START_SECONDS)
        assert "REGAL est prêt" in demo.output, demo.output
        yield demo
    finally:
        demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(timeout=180)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, ended with the journeys: its event loop must not outlive them.

    Without it the journeys are skipped, except in CI, where that is a failure.
    """
    if not os.path.exists(CHROMIUM):
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: apt install chromium")
        pytest.skip("Chromium is missing: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=WITHOUT_WINDOWS,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page in a browser of its own; `width` in CSS pixels, `scripts` on or off."""
    contexts = []

    def open_(*, width: int = 1280, scripts: bool = True, **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, locale="fr-FR", **options
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context.new_page()

    yield open_
    for context in contexts:
        context.close()


def _due(town: DemoTown, kind: DebtKind) -> Iterator[Notice]:
    """What a town's residents may still pay, of one kind: its first product of that kind."""
    numcli = next(product.numcli for product in town.products if product.kind is kind)
    today = paris.today(datetime.now(UTC))
    return (
        notice
        for notice in notices(town, today)
        if notice.numcli == numcli and notice.state == "due" and notice.taken_in_charge_on < today
    )


@pytest.fixture(scope="package")
def due() -> Callable[..., Notice]:
    """`due(kind, town=0)`: a payable document of a town, each given once."""
    left: dict[tuple[int, DebtKind], Iterator[Notice]] = {}

    def give(kind: DebtKind, *, town: int = 0) -> Notice:
        return next(left.setdefault((town, kind), _due(TOWNS[town], kind)))

    return give


@pytest.fixture(scope="package")
def payable(due: Callable[..., Notice]) -> Iterator[Notice]:
    """Payable titres of Saint-Aubin, each given once: `next(payable)`."""
    return (due(DebtKind.TITRE) for _ in itertools.count())
