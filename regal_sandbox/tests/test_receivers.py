"""Receivers as they are in the world: slow, cut, redirecting; and the order in which notifications reach them."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from regal_sandbox import NotificationRequest, Sandbox, create
from regal_sandbox.notifications import Forbidden, build_request, is_same_listener, send_over_http
from regal_sandbox.tests.cast import CONFIG, TEST_REFDET, Control, Listener, Payer, Time

Reply = Callable[[socket.socket], None]


class Receiver:
    """One connection on the loopback, and what a program does with it."""

    def __init__(self, reply: Reply, *, reads_first: bool = True) -> None:
        self._reads_first = reads_first
        self.heard = b""
        self.callers: list[str] = []
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/notif?jeton=a"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, caller = self._listener.accept()
            except OSError:
                return
            with connection:
                self.callers.append(caller[0])
                connection.settimeout(5)
                try:
                    self.heard += connection.recv(65536) if self._reads_first else b""
                    self._reply(connection)
                except OSError:
                    pass  # the caller left first

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextmanager
def receiver(reply: Reply, *, reads_first: bool = True) -> Iterator[Receiver]:
    made = Receiver(reply, reads_first=reads_first)
    try:
        yield made
    finally:
        made.close()


def says(text: str) -> Reply:
    return lambda connection: connection.sendall(text.encode())


def until_the_caller_leaves(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def drips(connection: socket.socket) -> None:
    """A byte of headers now and then: each read succeeds, the answer never comes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    connection.settimeout(0.02)
    while True:
        try:
            if not connection.recv(65536):
                return
        except TimeoutError:
            connection.sendall(b"x")


def request_to(address: str, *, timeout_seconds: float = 5, **told: Any) -> NotificationRequest:
    return build_request(address, {"resultrans": "P"}, transport="body", timeout_seconds=timeout_seconds, **told)


class TestReceiver:
    def test_hears_a_form_posted_at_the_address_and_its_query_string(self) -> None:
        with receiver(says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmerci")) as site:
            answer = send_over_http(request_to(site.address))
            assert (answer.status, answer.body) == (200, b"merci")
        head, _, body = site.heard.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /notif?jeton=a HTTP/1.1\r\n")
        assert b"Content-Type: application/x-www-form-urlencoded" in head
        assert body in (b"resultrans=P", b"")  # the body may travel in a packet of its own

    def test_hears_a_get_when_told(self) -> None:
        with receiver(says("HTTP/1.1 204 No Content\r\n\r\n")) as site:
            assert send_over_http(request_to(site.address, method="GET")).status == 204
        assert site.heard.startswith(b"GET /notif?jeton=a&resultrans=P HTTP/1.1\r\n")

    def test_that_redirects_is_not_followed(self) -> None:
        with receiver(says("HTTP/1.1 302 Found\r\nLocation: /ailleurs\r\nContent-Length: 0\r\n\r\n")) as site:
            assert send_over_http(request_to(site.address)).status == 302
            assert len(site.callers) == 1

    def test_that_answers_at_length_is_read_no_further_than_useful(self) -> None:
        with receiver(says("HTTP/1.1 200 OK\r\n\r\n" + "x" * 5000)) as site:
            assert send_over_http(request_to(site.address)).body == b"x" * 500

    @pytest.mark.parametrize("reply", [until_the_caller_leaves, drips])
    def test_that_hangs_is_left_at_the_time_out(self, reply: Reply) -> None:
        with receiver(reply) as site, pytest.raises(TimeoutError):
            send_over_http(request_to(site.address, timeout_seconds=0.2))

    @pytest.mark.parametrize("told", ["", "HTTP/1.1 2", "pas du HTTP\r\n\r\n"])
    def test_that_cuts_or_babbles_has_not_answered(self, told: str) -> None:
        with receiver(says(told)) as site, pytest.raises((OSError, HTTPException)):
            send_over_http(request_to(site.address))

    def test_that_does_not_listen_has_not_answered(self) -> None:
        with receiver(says("")) as site:
            address = site.address
        with pytest.raises(OSError, match=r"."):
            send_over_http(request_to(address))

    def test_is_called_from_the_address_of_the_settings(self) -> None:
        with receiver(says("HTTP/1.1 200 OK\r\n\r\n")) as site:
            send_over_http(request_to(site.address, source_address="127.0.0.7"))
            assert site.callers == ["127.0.0.7"]


class TestControlPort:
    """No payer may command the sandbox by naming its control port as the address to notify."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0", "[::ffff:127.0.0.1]", "2130706433"])
    def test_hears_no_notification(self, host: str) -> None:
        with receiver(says("HTTP/1.1 200 OK\r\n\r\n")) as site:
            port = int(site.address.split(":")[2].split("/")[0])
            asked = request_to(f"http://{host}:{port}/reset", never_to=("127.0.0.1", port))
            with pytest.raises(Forbidden):
                send_over_http(asked)
        assert site.heard == b""

    def test_is_told_from_the_other_ports(self) -> None:
        assert not is_same_listener(("127.0.0.1", 8010), ("127.0.0.1", 8011))
        assert not is_same_listener(("192.0.2.1", 8011), ("127.0.0.1", 8011))
        assert is_same_listener(("::1", 8011, 0, 0), ("127.0.0.1", 8011))
        assert is_same_listener(("::", 8011, 0, 0), ("127.0.0.1", 8011))

    def test_refusal_is_noted_as_the_error_of_the_attempt(self, time: Time) -> None:
        with receiver(says("HTTP/1.1 200 OK\r\n\r\n")) as site:
            sandbox = create(config=CONFIG, clock=time)
            sandbox.world.control_address = site.address.split("/notif")[0] + "/"
            Payer(sandbox.pages.test_client()).pay(urlcl=site.address)
            sandbox.deliver_due()
            [told] = Control(sandbox)("GET", "/notifications")["notifications"]
            sandbox.close()
        assert site.heard == b""
        assert told["state"] == "failed"
        assert "control port" in told["attempts"][0]["error"]


class TestCertificate:
    @pytest.fixture
    def self_signed(self, tmp_path: Path) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "localhost.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def answers(self, context: ssl.SSLContext) -> Reply:
        def reply(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65536)
                secured.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        return reply

    def test_of_a_receiver_is_checked_unless_told(self, self_signed: ssl.SSLContext) -> None:
        with receiver(self.answers(self_signed), reads_first=False) as site:
            address = site.address.replace("http:", "https:")
            with pytest.raises(ssl.SSLCertVerificationError):
                send_over_http(request_to(address))
            assert send_over_http(request_to(address, verify_tls=False)).status == 200

    def test_is_checked_as_the_settings_say(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        payer.pay()
        sandbox.deliver_due()
        control("PUT", "/settings", {"notification_verify_tls": False})
        payer.pay(exer="9999", refdet=TEST_REFDET)
        sandbox.deliver_due()
        assert [one.verify_tls for one in listener.heard] == [True, False]


class TestSettings:
    def test_choose_the_method_and_the_source(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("PUT", "/settings", {"notification_method": "GET", "notification_source_address": "127.0.0.7"})
        payer.pay()
        sandbox.deliver_due()
        [heard] = listener.heard
        assert (heard.method, heard.source_address, heard.body) == ("GET", "127.0.0.7", b"")
        assert listener.queries[0]["resultrans"] == "P"
        assert listener.queries[0]["jeton"] == "abc"

    @pytest.mark.parametrize(
        "told",
        [
            {"notification_method": "PUT"},
            {"notification_source_address": "145.242.11.3"},
            {"notification_source_address": "ici"},
        ],
    )
    def test_take_no_other_ones(self, control: Control, told: object) -> None:
        control("PUT", "/settings", told, status=400)


class TestOrder:
    def letters(self, listener: Listener) -> list[str]:
        return [one["resultrans"] for one in listener.bodies]

    def abandon_then_pay(self, payer: Payer) -> None:
        payer.open()
        payer.press("abandonner")
        payer.pay()

    def test_is_changed_by_holding_one_back_until_a_later_one(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        payer.open()
        payer.press("abandonner")
        sandbox.deliver_due()
        assert listener.heard == []
        payer.pay()
        sandbox.deliver_due()
        assert self.letters(listener) == ["P", "A"]

    def test_is_changed_even_when_the_later_one_is_not_received(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        def refuse(request: NotificationRequest) -> None:
            raise ConnectionError

        control("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        listener.reply = refuse  # type: ignore[assignment]
        self.abandon_then_pay(payer)
        sandbox.deliver_due()
        assert self.letters(listener) == ["P", "A"]

    def test_is_not_changed_by_one_that_is_dropped(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        payer.open()
        payer.press("abandonner")
        control("POST", "/faults", {"drop": True, "next": 1}, status=201)
        payer.pay()
        sandbox.deliver_due()
        assert listener.heard == []

    def test_may_have_a_limit_in_time(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control, time: Time
    ) -> None:
        control("POST", "/faults", {"reorder": True, "delay_seconds": 60}, status=201)
        payer.pay()
        time.pass_by(seconds=60)
        sandbox.deliver_due()
        assert self.letters(listener) == ["P"]


class TestWaiting:
    @pytest.fixture(autouse=True)
    def one_is_waiting(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"delay_seconds": 3600, "next": 1}, status=201)
        payer.pay()

    def test_may_be_sent_at_once(self, sandbox: Sandbox, listener: Listener, control: Control) -> None:
        control("POST", "/notifications/1/send")
        sandbox.deliver_due()
        assert len(listener.heard) == 1

    def test_may_be_dropped(self, sandbox: Sandbox, listener: Listener, control: Control, time: Time) -> None:
        assert control("POST", "/notifications/1/drop")["state"] == "dropped"
        time.pass_by(days=1)
        sandbox.deliver_due()
        assert listener.heard == []

    def test_may_be_doubled(self, sandbox: Sandbox, listener: Listener, control: Control, time: Time) -> None:
        control("POST", "/notifications/1/duplicate")
        time.pass_by(hours=1)
        sandbox.deliver_due()
        assert len({one.body for one in listener.heard}) == 1
        assert len(listener.heard) == 2

    def test_may_be_put_off(self, sandbox: Sandbox, listener: Listener, control: Control, time: Time) -> None:
        control("POST", "/notifications/1/delay", {"seconds": 7200})
        time.pass_by(hours=1)
        sandbox.deliver_due()
        assert listener.heard == []
        time.pass_by(hours=1)
        sandbox.deliver_due()
        assert len(listener.heard) == 1

    @pytest.mark.parametrize("verb", ["send", "drop", "duplicate"])
    def test_is_over_once_sent(self, sandbox: Sandbox, control: Control, verb: str) -> None:
        control("POST", "/notifications/1/send")
        sandbox.deliver_due()
        control("POST", f"/notifications/1/{verb}", status=404)
        control("POST", f"/notifications/99/{verb}", status=404)

    def test_is_put_off_by_a_number_of_seconds(self, control: Control) -> None:
        control("POST", "/notifications/1/delay", {"seconds": "demain"}, status=400)


def test_the_clock_goes_to_the_same_hour_of_the_next_working_day(control: Control) -> None:
    control("PUT", "/clock", {"now": "2026-03-27T12:30:00+01:00"})  # a Friday, before summer time
    assert control("POST", "/clock/next-working-day")["now"] == "2026-03-30T10:30:00.000000+00:00"
    control("DELETE", "/clock")
    told = control("POST", "/clock/next-working-day")
    assert (told["stopped"], told["offset_seconds"]) == (False, 86400)
