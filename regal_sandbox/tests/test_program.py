"""`regal-sandbox` as a program: real processes and sockets, on the loopback, on ports the system chose."""

import json
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from regal_sandbox.tests.shop import signed

ROOT = Path(__file__).parents[2]


class Program:
    """The running program and its addresses."""

    def __init__(self, data: Path, *options: str) -> None:
        ports = ["--port", "0", "--control-port", "0", "--smtp-port", "0", "--town-port", "0", "--town-port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "regal_sandbox", *ports, "--data", str(data), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert self.line.startswith("regal-sandbox prêt"), self.process.communicate()[1]
        found = dict(re.findall(r"(pages|commande|courrier|commune \d|https) (\w+://[^ \n]+)", self.line))
        self.pages, self.control, self.smtp = found["pages"], found["commande"], found["courrier"]
        self.https = found.get("https", "")
        self.towns = [found["commune 1"], found["commune 2"]]

    def pay(self, urlcl: str) -> None:
        told = {
            "numcli": "090909",
            "exer": "9999",
            "refdet": "999900000000999999",
            "montant": "1250",
            "mel": "leroy@exemple.fr",
            "saisie": "T",
            "urlcl": urlcl,
        }
        with httpx.Client(base_url=self.pages, follow_redirects=False, trust_env=False) as browser:
            address = browser.get("tpa/paiement.web", params=told).headers["Location"]
            browser.post(address, data={"decision": "continuer"})
            browser.post(address, data={"decision": "payer"})

    def pay_by_card(self, notified: str) -> httpx.Response:
        """At Paybox: what the browser is answered when the payer presses the button."""
        form = signed(PBX_REPONDRE_A=notified, PBX_RUF1="POST")
        with httpx.Client(base_url=self.pages, trust_env=False, timeout=30) as browser:
            found = re.search(r'data-session="(\w+)"', browser.post("php/", data=form).text)
            assert found is not None
            told = {"session": found[1]}
            browser.post("cgi/MYpagepaiement.cgi", data=told | {"decision": "continuer"})
            return browser.post("cgi/MYtraitetransaction.cgi", data=told | {"decision": "payer"})

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def eventually(question: Callable[[], bool], *, seconds: float = 10) -> bool:
    """Ask until the answer is yes; another process answers, so there is nothing to hook on."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if question():
            return True
        threading.Event().wait(0.02)
    return False


def suppressed(problem: type[Exception]) -> Callable[["Program", str], None]:
    """A payer whose connection may be lost."""

    def pay(program: "Program", address: str) -> None:
        with suppress(problem):
            program.pay_by_card(address)

    return pay


@contextmanager
def silent_site() -> Iterator[str]:
    """The address of a site that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


class Site(HTTPServer):
    """A client's site on a port of its own."""

    def __init__(self) -> None:
        self.heard: list[dict[str, list[str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                site.heard.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}/notif"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    made.end()


class TestProgram:
    def test_answers_on_every_port_once_it_says_so(self, program: Program) -> None:
        for address in (program.pages, program.control, *program.towns):
            assert httpx.get(address, trust_env=False).status_code == 200

    def test_notifies_and_sends_the_ticket_by_itself(self, program: Program, site: Site) -> None:
        program.pay(site.address)
        assert eventually(lambda: bool(site.heard))
        assert site.heard[0]["resultrans"] == ["P"]
        assert eventually(lambda: bool(httpx.get(f"{program.control}mails", trust_env=False).json()["mails"]))

    def test_calls_a_merchant_s_site_before_its_payer_may_go_back(self, program: Program, site: Site) -> None:
        assert program.pay_by_card(site.address).status_code == 303
        assert [one["Erreur"] for one in site.heard] == [["00000"]]

    def test_writes_the_key_that_it_publishes(self, program: Program, tmp_path: Path) -> None:
        published = httpx.get(f"{program.pages}pubkey.pem", trust_env=False).text
        assert published == (tmp_path / "paybox-pubkey.pem").read_text()

    def test_is_not_commanded_by_the_address_that_a_payer_has_notified(self, program: Program) -> None:
        program.pay(f"{program.control}reset")

        def attempts() -> list[dict[str, str]]:
            [paid] = httpx.get(f"{program.control}transactions", trust_env=False).json()["transactions"]
            told = httpx.get(f"{program.control}transactions/{paid['id']}", trust_env=False).json()
            return list(told["notifications"][0]["attempts"])

        assert eventually(lambda: bool(attempts()))
        assert "control port" in attempts()[0]["error"]

    @pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
    def test_obeys_the_examples_of_the_readme(self, program: Program) -> None:
        readme = (ROOT / "regal_sandbox" / "README.md").read_text("utf-8")
        [example] = re.findall(r"```sh\n(.*?)```", readme, re.S)
        for usual, here in (("8010", program.pages), ("8011", program.control)):
            example = example.replace(f"http://127.0.0.1:{usual}", here.rstrip("/"))
        ended = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", example], capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert re.findall(r'data-outcome="(.)"', ended.stdout) == ["P", "V"]
        assert ended.stdout.count('"cause":"duplicate"') == 1

    def test_cuts_the_connection_of_a_payer_when_told(self, program: Program) -> None:
        httpx.post(f"{program.control}faults", json={"page": "cut", "next": 1}, trust_env=False)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{program.pages}tpa/paiement.web", trust_env=False)
        assert httpx.get(f"{program.pages}tpa/paiement.web", trust_env=False).status_code == 200
        program.process.terminate()
        assert program.process.communicate()[1] == ""

    def test_leads_from_its_home_page_to_the_control_page(self, program: Program) -> None:
        home = httpx.get(program.pages, trust_env=False).text
        assert f'href="{program.control}tableau/"' in home
        assert f'href="{program.pages}"' in httpx.get(f"{program.control}tableau/", trust_env=False).text

    def test_keeps_any_mail_it_is_given(self, program: Program) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "regal@exemple.fr", "nadia@exemple.fr", "Été"
        message.set_content(".point\n")
        host, port = program.smtp.removeprefix("smtp://").rstrip("/").split(":")
        with smtplib.SMTP(host, int(port)) as connection:
            connection.send_message(message)
        [mail] = httpx.get(f"{program.control}mails", trust_env=False).json()["mails"]
        assert mail["subject"] == "Été"
        assert mail["recipients"] == ["nadia@exemple.fr"]
        assert httpx.get(f"{program.control}mails/1", trust_env=False).json()["text"].strip() == ".point"

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_stops_cleanly_when_asked(self, program: Program, number: signal.Signals) -> None:
        begun = time.monotonic()
        program.process.send_signal(number)
        assert program.process.wait(5) == 0
        assert time.monotonic() - begun < 2
        _, errors = program.process.communicate()
        assert errors == ""

    def test_stops_in_time_even_while_a_client_keeps_it_waiting(self, program: Program) -> None:
        with silent_site() as address:
            program.pay(address)
            begun = time.monotonic()
            program.process.terminate()
            assert program.process.wait(5) == 0
            assert time.monotonic() - begun < 2

    def test_stops_in_time_even_while_a_merchant_keeps_his_payer_waiting(self, program: Program) -> None:
        with silent_site() as address:
            payer = threading.Thread(target=suppressed(httpx.HTTPError), args=(program, address), daemon=True)
            payer.start()
            paid = f"{program.control}paybox/payments"
            assert eventually(
                lambda: "captured" in httpx.get(paid, trust_env=False).text,
            )
            begun = time.monotonic()
            program.process.terminate()
            assert program.process.wait(5) == 0
            assert time.monotonic() - begun < 2

    def test_killed_after_a_payment_notifies_when_it_comes_back(self, tmp_path: Path, site: Site) -> None:
        first = Program(tmp_path)
        httpx.post(f"{first.control}faults", json={"delay_seconds": 3600}, trust_env=False)
        first.pay(site.address)
        os.kill(first.process.pid, signal.SIGKILL)
        first.end()
        second = Program(tmp_path)
        try:
            httpx.post(f"{second.control}clock/advance", json={"seconds": 3600}, trust_env=False)
            assert eventually(lambda: bool(site.heard))
        finally:
            second.end()


class TestAddress:
    def test_is_the_one_to_bind_for_people_s_pages_too(self, tmp_path: Path) -> None:
        program = Program(tmp_path, "--bind", "127.0.0.2")
        try:
            assert program.pages.startswith("http://127.0.0.2:")
            assert httpx.get(f"{program.pages}boite/", trust_env=False).status_code == 200
            other = {"Host": "127.0.0.3"}
            assert httpx.get(f"{program.pages}boite/", headers=other, trust_env=False).status_code == 403
        finally:
            program.end()


class TestStart:
    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        ports = ["--port", "0", "--control-port", "0", "--smtp-port", "0", "--town-port", "0"]
        return subprocess.run(
            [sys.executable, "-m", "regal_sandbox", *ports, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    @pytest.mark.parametrize("option", ["--port", "--control-port", "--smtp-port", "--town-port"])
    def test_says_which_port_is_busy(self, site: Site, option: str) -> None:
        ended = self.run(option, str(site.server_port))
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert ended.stderr.count("\n") == 1
        assert str(site.server_port) in ended.stderr

    @pytest.mark.parametrize("option", ["--port", "--control-port", "--smtp-port", "--town-port"])
    @pytest.mark.parametrize("port", ["99999", "-1"])
    def test_says_that_a_port_cannot_be(self, option: str, port: str) -> None:
        ended = self.run(f"{option}={port}")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.count("\n") == 1
        assert port in ended.stderr

    @pytest.mark.parametrize("inside", [False, True])
    def test_says_that_the_data_folder_is_of_no_use(self, tmp_path: Path, inside: bool) -> None:
        (tmp_path / "sandbox.sqlite3").write_text("Ce fichier n’est pas une base de données." * 100)
        ended = self.run("--data", str(tmp_path if inside else tmp_path / "sandbox.sqlite3"))
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.count("\n") == 1
        assert str(tmp_path) in ended.stderr

    def test_says_that_its_key_is_of_no_use(self, tmp_path: Path) -> None:
        (tmp_path / "paybox-key.pem").write_text("Ce n’est pas une clé.")
        ended = self.run("--data", str(tmp_path))
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.count("\n") == 1
        assert "paybox-key.pem" in ended.stderr

    def test_says_what_is_wrong_with_the_configuration(self, tmp_path: Path) -> None:
        file = tmp_path / "config.json"
        file.write_text(json.dumps({"clients": [{"numcli": "1"}]}))
        ended = self.run("--config", str(file))
        assert ended.returncode == 2
        assert "client.numcli" in ended.stderr
        assert ended.stderr.count("\n") == 1

    def test_says_that_the_configuration_is_missing(self, tmp_path: Path) -> None:
        assert self.run("--config", str(tmp_path / "absent.json")).returncode == 2
