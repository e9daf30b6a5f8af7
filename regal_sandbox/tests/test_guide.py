"""What the vendor's guide tells to type works as it stands; both languages tell the same."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from regal_sandbox.tests.test_clients_of_others import PHP, lacks_php
from regal_sandbox.tests.test_program import ROOT, Program

FRENCH, ENGLISH = ROOT / "docs" / "bac-a-sable.md", ROOT / "docs" / "sandbox-guide.md"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    made = Program(tmp_path_factory.mktemp("data"))
    yield made
    made.end()


@pytest.fixture
def program(running: Program) -> Program:
    httpx.post(f"{running.control}reset", trust_env=False).raise_for_status()
    return running


def snippets(language: str, guide: Path = FRENCH) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", guide.read_text("utf-8"), re.S)


def here(snippet: str, program: Program) -> str:
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


def needs_openssl() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing: apt install openssl")


@needs_curl
class TestShell:
    def test_first_payment_in_form_mode_in_five_lines(self, program: Program) -> None:
        snippet = snippets("sh")[0]
        assert snippet.count("\n") == 5
        told = shell(here(snippet, program))
        assert 'data-outcome="P"' in told
        assert '"resultrans":"P"' in told

    def test_first_payment_by_the_web_service_in_five_lines(self, program: Program) -> None:
        snippet = snippets("sh")[1]
        assert snippet.count("\n") == 5
        assert "<resultrans>P</resultrans>" in shell(here(snippet, program))

    def test_the_night_at_once(self, program: Program) -> None:
        assert '"offset_seconds":86400' in shell(here(snippets("sh")[2], program))

    def test_first_payment_at_paybox_in_five_lines(self, program: Program) -> None:
        needs_openssl()
        snippet = snippets("sh")[3]
        assert snippet.count("\n") == 5
        [payment] = json.loads(shell(here(snippet, program)))["payments"]
        assert payment["state"] == "paid"
        assert payment["messages"][0]["signed"].startswith(f"Mt=4850&Ref={payment['reference']}&Auto=XXXXXX&")

    def test_paybox_direct(self, program: Program) -> None:
        needs_openssl()
        told = shell(here(snippets("sh")[3] + snippets("sh")[4], program)).splitlines()
        assert "CODEREPONSE=00000&COMMENTAIRE=Demande traitée avec succès" in told[1]
        assert re.search("&STATUS=Capturé&REMISE=[0-9]{9}$", told[-1])

    def test_every_fault(self, program: Program) -> None:
        snippet = here(snippets("sh")[5], program)
        told = shell(snippet)
        assert '"error"' not in told
        assert told.count('"id":') == snippet.count("-d '") == 7
        assert httpx.get(f"{program.control}faults", trust_env=False).json() == {"faults": []}

    def test_the_truth(self, program: Program) -> None:
        assert shell(here(snippets("sh")[6], program)).strip() == '{"idops":[]}'

    def test_a_client_that_knows_payfip_s_name_only(self, tmp_path: Path) -> None:
        allowed = ["unshare", "--user", "--map-root-user", "--mount", "--net", "true"]
        if shutil.which("unshare") is None or subprocess.run(allowed, capture_output=True, check=False).returncode:
            pytest.skip("this machine allows no private namespace")
        if shutil.which("ip") is None:
            pytest.skip("ip is missing: apt install iproute2")
        snippet = snippets("sh")[7].replace(".venv/bin/python", sys.executable)
        snippet = snippet.replace(".venv/bin/regal-sandbox ", f"{sys.executable} -m regal_sandbox ")
        told = f"export PYTHONPATH={ROOT}\n{snippet}"
        assert shell(told, folder=tmp_path).splitlines()[-1] == "200"
        assert "www.payfip.gouv.fr" not in Path("/etc/hosts").read_text()


def test_zeep(program: Program) -> None:
    [snippet] = snippets("python")
    address = run([sys.executable, "-c", here(snippet, program)]).strip()
    assert httpx.get(address, trust_env=False).status_code == 303


def test_php(program: Program) -> None:
    if lacks_php():
        if os.environ.get("CI"):
            pytest.fail("PHP and its SoapClient are missing: apt install php-cli php-soap")
        pytest.skip("PHP and its SoapClient are missing: apt install php-cli php-soap")
    snippet = snippets("php")[1]
    assert run([PHP or "", "-r", here(snippet, program)]) == "P5"


def test_paybox_in_php(program: Program) -> None:
    if PHP is None:
        pytest.skip("PHP is missing: apt install php-cli")
    rest = """
    $post = fn ($to, $told) => file_get_contents($to, false, stream_context_create(['http' => [
        'method' => 'POST', 'header' => 'Content-Type: application/x-www-form-urlencoded',
        'content' => http_build_query($told)]]));
    preg_match('/data-session="([^"]+)"/', $post('http://127.0.0.1:8010/php/', $fields), $found);
    foreach (['continuer', 'payer'] as $decision) {
        $post('http://127.0.0.1:8010/cgi/MYtraitetransaction.cgi', ['session' => $found[1], 'decision' => $decision]);
    }
    $payments = json_decode(file_get_contents('http://127.0.0.1:8011/paybox/payments'), true)['payments'];
    $query = $payments[0]['messages'][0]['variables'];
    $pem = file_get_contents('http://127.0.0.1:8010/pubkey.pem');
    echo json_encode([$query, is_signed($query, $pem), is_signed(str_replace('Mt=4850', 'Mt=4851', $query), $pem)]);
    """
    query, good, altered = json.loads(run([PHP, "-r", here(snippets("php")[0] + rest, program)]))
    assert query.startswith("Mt=4850&Ref=PHP-")
    assert (good, altered) == (True, False)


def test_both_languages_tell_the_same() -> None:
    def code(guide: Path) -> list[str]:
        blocks = snippets(r"\w+", guide)
        return [re.sub(r" +# .*", "", block) for block in blocks]

    french, english = map(code, (FRENCH, ENGLISH))
    assert french == english
    assert len(french) == 11


@pytest.mark.parametrize("guide", [FRENCH, ENGLISH], ids=lambda guide: guide.stem)
def test_links_lead_somewhere(guide: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", guide.read_text("utf-8")):
        assert (guide.parent / link).exists(), link
