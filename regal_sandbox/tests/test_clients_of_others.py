"""Programs that others wrote for the real server run against this one: zeep, and PHP's SoapClient as Debian ships it.

They read the served WSDL and call over real sockets, on the loopback; nothing of them is changed.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from zeep import Client
from zeep.exceptions import Fault
from zeep.transports import Transport

from regal_sandbox.tests.cast import regie_request
from regal_sandbox.tests.test_program import Program
from regal_sandbox.wsdl import DOCUMENTED_PATH, SERVICE_PATH

NUMCLI = "090912"  # the built-in régie
ASKED = regie_request(numcli=NUMCLI)
ERROR = (
    "{http://securite.service.tpa.cp.finances.gouv.fr/services/mas_securite/contrat_paiement_securise"
    "/PaiementSecuriseService}FonctionnelleErreur"
)
PHP = shutil.which("php")


def lacks_php() -> bool:
    if PHP is None:
        return True
    modules = subprocess.run([PHP, "-m"], capture_output=True, text=True, check=True).stdout.split()
    return "soap" not in modules


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("data"), "--tls", str(authority), "--tls-port", "0")
    yield running
    running.end()


@pytest.fixture
def flavour(program: Program) -> Iterator[Any]:
    """Tell the program which description to serve, for one test."""

    def serve(name: str) -> None:
        httpx.put(f"{program.control}settings", json={"wsdl_flavour": name}, trust_env=False).raise_for_status()

    yield serve
    serve("current")


def pay(program: Program, idop: str) -> None:
    with httpx.Client(base_url=program.pages, follow_redirects=True, trust_env=False) as browser:
        page = browser.get("tpa/paiementws.web", params={"idop": idop})
        for decision in ("continuer", "carte", "payer"):
            page = browser.post(page.url, data={"decision": decision})
        assert 'data-outcome="P"' in page.text


class TestZeep:
    def client(self, wsdl: str, *, verify: str | bool = True) -> Client:
        session = requests.Session()
        session.trust_env = False
        session.verify = verify
        return Client(wsdl, transport=Transport(session=session, timeout=10, operation_timeout=10))

    @pytest.mark.parametrize("path", [SERVICE_PATH, DOCUMENTED_PATH])
    @pytest.mark.parametrize("served", ["current", "2019"])
    def test_creates_a_payment_and_reads_it(self, program: Program, flavour: Any, path: str, served: str) -> None:
        flavour(served)
        payfip = self.client(f"{program.pages.rstrip('/')}{path}?wsdl").service
        idop = payfip.creerPaiementSecurise(arg0=ASKED)
        with pytest.raises(Fault) as raised:
            payfip.recupererDetailPaiementSecurise(arg0={"idOp": idop})
        assert raised.value.message.endswith(".FonctionnelleErreur")
        assert raised.value.detail.findtext(f"{ERROR}/code") == "P5"
        pay(program, idop)
        told = payfip.recupererDetailPaiementSecurise(arg0={"idOp": idop})
        assert (told["resultrans"], told["montant"], told["refdet"]) == ("P", "4850", "CANTINE2026")
        assert (told["idOp"], told["numcli"], len(told["numauto"])) == (idop, NUMCLI, 6)

    def test_reads_a_client_and_a_fault(self, program: Program) -> None:
        payfip = self.client(f"{program.pages.rstrip('/')}{SERVICE_PATH}?wsdl").service
        assert payfip.recupererDetailClient(arg0={"numCli": NUMCLI})["libelleN1"] == "ECOLE DE MUSIQUE"
        with pytest.raises(Fault) as raised:
            payfip.creerPaiementSecurise(arg0=ASKED | {"mel": "x"})
        assert raised.value.detail.findtext(f"{ERROR}/libelle") == "Adresse mél incorrecte. "

    def test_over_https_with_the_local_authority(self, program: Program, authority: Path) -> None:
        wsdl = f"{program.https.rstrip('/')}{SERVICE_PATH}?wsdl"
        payfip = self.client(wsdl, verify=str(authority / "authority.pem")).service
        assert payfip.creerPaiementSecurise(arg0=ASKED)

    def test_cannot_use_the_description_of_the_guide(self, program: Program, flavour: Any) -> None:
        """As with the real one: its schemas are nowhere to be found."""
        flavour("documentation")
        document = httpx.get(f"{program.pages.rstrip('/')}{DOCUMENTED_PATH}?wsdl", trust_env=False).text
        assert 'schemaLocation="http://www.tipi.budget.gouv.fr:80/' in document


CREATES = """
$payfip = new SoapClient($argv[1], json_decode($argv[3], true) + ['cache_wsdl' => WSDL_CACHE_NONE]);
echo $payfip->creerPaiementSecurise(['arg0' => json_decode($argv[2], true)])->return->idOp;
"""
READS = """
$payfip = new SoapClient($argv[1], ['cache_wsdl' => WSDL_CACHE_NONE]);
try { echo json_encode($payfip->recupererDetailPaiementSecurise(['arg0' => ['idOp' => $argv[2]]])->return); }
catch (SoapFault $fault) { echo $fault->detail->FonctionnelleErreur->code; }
"""


class TestPhp:
    @pytest.fixture(autouse=True)
    def needs_php(self) -> None:
        if lacks_php():
            if os.environ.get("CI"):
                pytest.fail("PHP and its SoapClient are missing: apt install php-cli php-soap")
            pytest.skip("PHP and its SoapClient are missing: apt install php-cli php-soap")

    def run(self, script: str, *arguments: str, settings: tuple[str, ...] = ()) -> str:
        told = [one for setting in settings for one in ("-d", setting)]
        command = [PHP or "", *told, "-r", script, "--", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    @pytest.mark.parametrize("path", [SERVICE_PATH, DOCUMENTED_PATH])
    @pytest.mark.parametrize("served", ["current", "2019"])
    def test_creates_a_payment_and_reads_it(self, program: Program, flavour: Any, path: str, served: str) -> None:
        flavour(served)
        wsdl = f"{program.pages.rstrip('/')}{path}?wsdl"
        idop = self.run(CREATES, wsdl, json.dumps(ASKED), "{}")
        assert self.run(READS, wsdl, idop) == "P5"
        pay(program, idop)
        told = json.loads(self.run(READS, wsdl, idop))
        assert (told["resultrans"], told["montant"], told["refdet"]) == ("P", "4850", "CANTINE2026")

    def test_over_https_with_the_local_authority(self, program: Program, authority: Path) -> None:
        wsdl = f"{program.https.rstrip('/')}{SERVICE_PATH}?wsdl"
        settings = (f"openssl.cafile={authority / 'authority.pem'}",)
        assert len(self.run(CREATES, wsdl, json.dumps(ASKED), "{}", settings=settings)) == 36

    def test_with_a_local_description_and_another_address(self, program: Program, tmp_path: Path) -> None:
        """As programs that ship a copy of the WSDL do."""
        base = program.pages.rstrip("/")
        for number in (1, 2, 3):
            schema = httpx.get(f"{base}{SERVICE_PATH}?xsd={number}", trust_env=False).text
            (tmp_path / f"schema{number}.xsd").write_text(_beside(schema, base))
        (tmp_path / "service.wsdl").write_text(
            _beside(httpx.get(f"{base}{SERVICE_PATH}?wsdl", trust_env=False).text, base).replace(
                f'location="{base}{SERVICE_PATH}"', 'location="http://nulle.part.invalid/"'
            )
        )
        options = json.dumps({"location": f"{base}{SERVICE_PATH}"})
        assert len(self.run(CREATES, str(tmp_path / "service.wsdl"), json.dumps(ASKED), options)) == 36


def _beside(document: str, base: str) -> str:
    for number in (1, 2, 3):
        document = document.replace(f"{base}{SERVICE_PATH}?xsd={number}", f"schema{number}.xsd")
    return document
