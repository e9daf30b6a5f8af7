"""What the vendor's guide tells to type works as it stands, in both languages."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from regal_sandbox.tests.test_clients_of_others import PHP, lacks_php
from regal_sandbox.tests.test_program import ROOT, Program, program, site  # noqa: F401 - fixtures

GUIDES = [ROOT / "docs" / "bac-a-sable.md", ROOT / "docs" / "sandbox-guide.md"]
each_guide = pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")


def snippets(guide: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", guide.read_text("utf-8"), re.S)


def here(snippet: str, program: Program) -> str:  # noqa: F811 - the fixture's value
    """The snippet with the ports of this program."""
    for usual, found in (("8010", program.pages), ("8011", program.control)):
        snippet = snippet.replace(f"http://127.0.0.1:{usual}", found.rstrip("/"))
    return snippet


def run(command: list[str], *, folder: Path | None = None) -> str:
    """What it printed. It is ended with all that it started, however it goes."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True
    ) as running:
        try:
            out, problems = running.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 0, out + problems
    return out


def shell(snippet: str, *, folder: Path | None = None) -> str:
    return run(["bash", "-eu", "-o", "pipefail", "-c", snippet], folder=folder)


@needs_curl
@each_guide
class TestShell:
    def test_first_payment_in_form_mode_in_five_lines(self, guide: Path, program: Program) -> None:  # noqa: F811
        snippet = snippets(guide, "sh")[0]
        assert snippet.count("\n") == 5
        told = shell(here(snippet, program))
        assert 'data-outcome="P"' in told
        assert '"resultrans":"P"' in told

    def test_first_payment_by_the_web_service_in_five_lines(self, guide: Path, program: Program) -> None:  # noqa: F811
        snippet = snippets(guide, "sh")[1]
        assert snippet.count("\n") == 5
        assert "<resultrans>P</resultrans>" in shell(here(snippet, program))

    def test_the_night_at_once(self, guide: Path, program: Program) -> None:  # noqa: F811
        assert '"offset_seconds":86400' in shell(here(snippets(guide, "sh")[2], program))

    def test_every_fault(self, guide: Path, program: Program) -> None:  # noqa: F811
        snippet = here(snippets(guide, "sh")[3], program)
        told = shell(snippet)
        assert '"error"' not in told
        assert told.count('"id":') == snippet.count("-d '") == 7
        assert httpx.get(f"{program.control}faults", trust_env=False).json() == {"faults": []}

    def test_the_truth(self, guide: Path, program: Program) -> None:  # noqa: F811
        assert shell(here(snippets(guide, "sh")[4], program)).strip() == '{"idops":[]}'

    def test_a_client_that_knows_payfip_s_name_only(self, guide: Path, tmp_path: Path) -> None:
        allowed = ["unshare", "--user", "--map-root-user", "--mount", "--net", "true"]
        if shutil.which("unshare") is None or subprocess.run(allowed, capture_output=True, check=False).returncode:
            pytest.skip("this machine allows no private namespace")
        if shutil.which("ip") is None:
            pytest.skip("ip is missing: apt install iproute2")
        snippet = snippets(guide, "sh")[5].replace(".venv/bin/python", sys.executable)
        snippet = snippet.replace(".venv/bin/regal-sandbox ", f"{sys.executable} -m regal_sandbox ")
        told = f"export PYTHONPATH={ROOT}\n{snippet}"
        assert shell(told, folder=tmp_path).splitlines()[-1] == "200"
        assert "www.payfip.gouv.fr" not in Path("/etc/hosts").read_text()


@each_guide
def test_zeep(guide: Path, program: Program) -> None:  # noqa: F811
    [snippet] = snippets(guide, "python")
    address = run([sys.executable, "-c", here(snippet, program)]).strip()
    assert httpx.get(address, trust_env=False).status_code == 303


@each_guide
def test_php(guide: Path, program: Program) -> None:  # noqa: F811
    if lacks_php():
        if os.environ.get("CI"):
            pytest.fail("PHP and its SoapClient are missing: apt install php-cli php-soap")
        pytest.skip("PHP and its SoapClient are missing: apt install php-cli php-soap")
    [snippet] = snippets(guide, "php")
    assert run([PHP or "", "-r", here(snippet, program)]) == "P5"


def test_both_languages_tell_the_same() -> None:
    def code(guide: Path) -> list[str]:
        blocks = snippets(guide, r"\w+")
        return [re.sub(r" +# .*", "", block) for block in blocks]

    french, english = map(code, GUIDES)
    assert french == english
    assert len(french) == 8


@each_guide
def test_links_lead_somewhere(guide: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", guide.read_text("utf-8")):
        assert (guide.parent / link).exists(), link
