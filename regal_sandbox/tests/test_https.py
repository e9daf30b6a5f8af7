"""https under PayFiP's and Paybox's own names, with an authority of this machine. Real sockets, on the loopback."""

import re
import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from regal_sandbox.authority import HOSTS, prepare
from regal_sandbox.tests.cast import regie_call
from regal_sandbox.tests.test_program import Program

SERVICE = "tpa/services/securite"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("data"), "--tls", str(authority), "--tls-port", "0")
    yield running
    running.end()


@pytest.fixture
def client(program: Program, authority: Path) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=str(authority / "authority.pem"))
    with httpx.Client(base_url=program.https, verify=context, trust_env=False, timeout=10) as made:
        yield made


def create(client: httpx.Client) -> httpx.Response:
    return client.post(SERVICE, content=regie_call(numcli="090912"), headers={"Content-Type": "text/xml"})


class TestHttps:
    @pytest.mark.parametrize("host", HOSTS)
    def test_is_trusted_under_each_name(self, client: httpx.Client, host: str) -> None:
        told = {"Host": host}
        answer = client.get(f"{SERVICE}?wsdl", headers=told, extensions={"sni_hostname": host})
        assert f'<soap:address location="https://{host}/tpa/services/securite"' in answer.text

    def test_is_not_trusted_under_another(self, client: httpx.Client) -> None:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get(f"{SERVICE}?wsdl", extensions={"sni_hostname": "www.impots.gouv.fr"})

    def test_is_not_trusted_by_who_does_not_know_the_authority(self, program: Program) -> None:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(program.https, trust_env=False)

    def test_takes_a_payment_from_its_creation_to_its_ticket(self, client: httpx.Client) -> None:
        found = re.search("<idOp>(.+)</idOp>", create(client).text)
        assert found is not None
        page = client.get("tpa/paiementws.web", params={"idop": found[1]}, follow_redirects=True)
        assert page.url.scheme == "https"
        for decision in ("continuer", "carte", "payer"):
            page = client.post(page.url, data={"decision": decision}, follow_redirects=True)
        assert 'data-outcome="P"' in page.text

    @pytest.mark.parametrize(
        ("service", "error"),
        [("cut", httpx.RemoteProtocolError), ("partial", httpx.RemoteProtocolError), ("reset", httpx.ReadError)],
    )
    def test_fails_as_http_does(
        self, program: Program, client: httpx.Client, service: str, error: type[Exception]
    ) -> None:
        for door in (client, httpx.Client(base_url=program.pages, trust_env=False)):
            told = {"service": service, "next": 1}
            httpx.post(f"{program.control}faults", json=told, trust_env=False).raise_for_status()
            expected = (error, httpx.RemoteProtocolError) if door is client else error  # Python hides resets under TLS
            with pytest.raises(expected):
                create(door)
            assert create(door).status_code == 200

    def test_goes_on_while_somebody_says_nothing(self, program: Program, client: httpx.Client) -> None:
        address = httpx.URL(program.https)
        with socket.create_connection((address.host, address.port or 0)):
            assert create(client).status_code == 200

    def test_takes_a_whole_form(self, client: httpx.Client) -> None:
        answer = client.post("tpa/paiement.web", data={"objet": "a" * 60_000})
        assert answer.status_code == 200
        assert "data-refusal" in answer.text


class TestAuthority:
    def test_is_made_once_and_kept(self, tmp_path: Path) -> None:
        now = datetime(2026, 3, 16, tzinfo=UTC)
        first = prepare(tmp_path, now=now).read_bytes()
        known = (tmp_path / "authority.pem").read_bytes()
        assert prepare(tmp_path, now=now).read_bytes() != first
        assert (tmp_path / "authority.pem").read_bytes() == known

    def test_keeps_its_keys_to_itself(self, tmp_path: Path) -> None:
        prepare(tmp_path, now=datetime(2026, 3, 16, tzinfo=UTC))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        assert modes == {"authority.pem": 0o644, "authority-key.pem": 0o600, "server.pem": 0o600}

    def test_vouches_for_these_names_alone(self, tmp_path: Path) -> None:
        prepare(tmp_path, now=datetime(2026, 3, 16, tzinfo=UTC))
        known = x509.load_pem_x509_certificate((tmp_path / "authority.pem").read_bytes())
        allowed = known.extensions.get_extension_for_class(x509.NameConstraints)
        assert allowed.critical
        assert {one.value for one in allowed.value.permitted_subtrees or [] if isinstance(one, x509.DNSName)} == {
            *HOSTS
        }

    def test_made_before_paybox_goes_on_for_its_own_names(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = datetime(2026, 3, 16, tzinfo=UTC)
        with monkeypatch.context() as earlier:
            earlier.setattr("regal_sandbox.authority.HOSTS", HOSTS[:4])
            prepare(tmp_path, now=now)
        served = x509.load_pem_x509_certificate(prepare(tmp_path, now=now).read_bytes())
        names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [*HOSTS[:4]]

    def test_may_vouch_for_a_certificate_that_expired(self, tmp_path: Path, authority: Path) -> None:
        program = Program(tmp_path, "--tls", str(authority), "--tls-port", "0", "--tls-expired")
        try:
            context = ssl.create_default_context(cafile=str(authority / "authority.pem"))
            with pytest.raises(httpx.ConnectError, match="expired"):
                httpx.get(program.https, verify=context, trust_env=False)
        finally:
            program.end()

    def test_that_is_not_one_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "authority-key.pem").write_text("autre chose")
        (tmp_path / "authority.pem").write_text("autre chose")
        with pytest.raises(AssertionError, match="autorité inutilisable"):
            Program(tmp_path / "data", "--tls", str(tmp_path), "--tls-port", "0")
