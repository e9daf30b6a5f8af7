"""The panel of faults in a real demonstration: pressed, and watched until nothing is lost and nothing unexplained."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from regal.demo.faults import PAYBOX, PAYFIP, Fault
from regal.demo.panel import PATH
from tests.demo import Demo, free_first_port, start, until

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads the processes in /proc"),
]

PATIENCE = 900  # seconds; nothing is measured here: a busy machine may take its time
PRESSED = [
    (Fault.LOST, PAYFIP),
    (Fault.LOST, PAYBOX),
    (Fault.ALL_LOST, PAYFIP),
    (Fault.FIFTY, PAYFIP),
    (Fault.FIFTY, PAYBOX),
    (Fault.WRONG_AMOUNT, PAYBOX),
    (Fault.CLOSED_TAB, PAYBOX),
    (Fault.SILENT, PAYFIP),
    (Fault.GUICHET, PAYFIP),
    (Fault.GUICHET, PAYBOX),
    (Fault.WORKER, PAYFIP),
    (Fault.DATABASE, PAYBOX),
    (Fault.MAIL, PAYFIP),
]
KILLS = 4
AT_REST = frozenset({"repaired", "lost", "not_played"})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = start(tmp_path_factory.mktemp("pannes"), free_first_port())
    try:
        until(lambda: "REGAL est prêt" in demo.output or demo.process.poll() is not None, seconds=PATIENCE)
        assert "REGAL est prêt" in demo.output, demo.output
        yield demo
    finally:
        demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(timeout=PATIENCE)


def address(demo: Demo) -> str:
    return f"http://127.0.0.1:{demo.ports.guichet}/{PATH}"


def look(demo: Demo) -> str:
    """The panel; nothing while the guichet is being killed."""
    try:
        answer = httpx.get(address(demo), timeout=30)
    except httpx.TransportError:
        return ""
    return answer.text if answer.status_code == 200 else ""


def numbers(page: str) -> dict[str, int]:
    return {name: int(said) for name, said in re.findall(r'data-tally="(\w+)">(\d+)', page)}


def standings(page: str) -> dict[tuple[str, str], str]:
    found = re.findall(r'data-standing="(\w+)" data-fault="(\w+)" data-gateway="(\w+)"', page)
    return {(fault, gateway): standing for standing, fault, gateway in found}


def test_whatever_is_pressed_is_repaired_and_the_counts_say_so(demo: Demo) -> None:
    before = look(demo)
    assert numbers(before) == {"injected": 0, "taken": 0, "repairing": 0, "lost": 0, "unexplained": 0}
    token = re.search(r'name="token" value="([^"]+)"', before)
    assert token is not None
    for fault, gateway in PRESSED:
        answer = httpx.post(address(demo), data={"token": token[1], "essai": f"{fault}:{gateway}"}, timeout=60)
        assert answer.status_code == 302

    def is_at_rest() -> bool:
        told = standings(look(demo))
        return len(told) == len(PRESSED) and set(told.values()) <= AT_REST

    until(is_at_rest, seconds=PATIENCE)
    page = look(demo)
    assert set(standings(page).values()) == {"repaired"}, (standings(page), demo.output)
    told = numbers(page)
    assert (told["lost"], told["unexplained"], told["repairing"]) == (0, 0, 0)
    assert told["taken"] == len(PRESSED)
    assert told["injected"] >= len(PRESSED)
    assert demo.output.count("pour un essai de panne") == KILLS


def test_the_six_steps_of_the_start_page_lead_somewhere(demo: Demo) -> None:
    guichet = f"http://127.0.0.1:{demo.ports.guichet}/"
    page = httpx.get(guichet, timeout=60).text
    six = page[page.index('<ol class="six">') : page.index('<section class="break"')]
    for link in re.findall(r'href="([^"]+)"', six):
        answer = httpx.get(httpx.URL(guichet).join(link), follow_redirects=True, timeout=60)
        assert answer.status_code == 200, link
