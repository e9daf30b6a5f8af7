"""kill -9 of any part in the middle of a payment: after it is back, nothing is lost and the books are proved."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import Notice
from tests.demo import Demo, until
from tests.journeys import payer

pytestmark = [pytest.mark.browser, pytest.mark.crash]

PARTS = {"guichet": "serve guichet", "worker": "regal.config.cli worker", "database": "postgres -D"}


def kill(demo: Demo, part: str) -> None:
    """kill -9 every process of a part."""
    for pid, command in demo.processes().items():
        if PARTS[part] in command and "watch" not in command:
            os.kill(pid, signal.SIGKILL)


def is_back(demo: Demo) -> bool:
    return until(demo.is_ready, seconds=300)


def all_news_was_taken(demo: Demo) -> bool:
    """PayFiP's copy has told everything, and had a 200 for it."""
    told = httpx.get(f"http://127.0.0.1:{demo.ports.sandbox_control}/notifications").json()["notifications"]
    return all(notification["state"] == "answered" for notification in told)


def verify(demo: Demo) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REGAL_"))}
    environment |= {"REGAL_VAR": str(demo.var), "REGAL_PORT": str(demo.ports.guichet)}
    return subprocess.run(
        [sys.executable, "-m", "regal.config.cli", "verify"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("part", PARTS)
def test_killed_at_each_step_the_payment_still_arrives(
    demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice], part: str
) -> None:
    page = open_page(scripts=False)
    frame = payer.frame_on_town_site(page, demo)
    payer.to_recap(frame, next(payable))

    kill(demo, part)
    assert is_back(demo), demo.output
    payfip = payer.leave(page, frame)

    kill(demo, part)  # the payer is at PayFiP's, who knows nothing of it
    assert is_back(demo), demo.output
    payer.decide(payfip, "payer")
    expect(payfip.locator("main[data-outcome=P]")).to_be_visible()

    payer.follow(frame, scripts=False)
    assert until(lambda: all_news_was_taken(demo), seconds=300)
    kill(demo, part)  # what we said we had taken may not be judged yet
    assert is_back(demo), demo.output
    frame = payer.frame_on_town_site(page, demo) if frame.locator("[data-regal-situation]").count() == 0 else frame
    payer.refresh_until(page, frame, "announced_paid")

    proof = verify(demo)
    assert proof.returncode == 0, proof.stdout + proof.stderr
