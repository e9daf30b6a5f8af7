"""What is asked of other machines ends in time, however slowly they answer. No socket; the clock stands still."""

from typing import Any

import httpcore
import httpx
import pytest

from regal.lib import http

URL = "http://payfip.example/"


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class DripBackend(httpcore.NetworkBackend):
    """A machine whose answer comes by pieces, each so many seconds after the last."""

    def __init__(self, clock, pieces, *, pause):
        self.clock, self.pieces, self.pause = clock, list(pieces), pause
        self.timeouts = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.timeouts.append(timeout)
        return DripStream(self)


class DripStream(httpcore.NetworkStream):
    def __init__(self, machine):
        self.machine = machine

    def read(self, max_bytes, timeout=None):
        machine = self.machine
        machine.timeouts.append(timeout)
        if machine.pause > timeout:
            machine.clock.now += timeout
            raise httpcore.ReadTimeout
        machine.clock.now += machine.pause
        return machine.pieces.pop(0) if machine.pieces else b""

    def write(self, buffer, timeout=None):
        self.machine.timeouts.append(timeout)

    def close(self):
        pass

    def get_extra_info(self, info):
        return None


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(http, "monotonic", clock)
    return clock


def ask(machine):
    with httpx.Client(timeout=httpx.Timeout(http.TIMEOUT_SECONDS, connect=http.CONNECT_SECONDS)) as client:
        transport: Any = client._transport
        transport._pool._network_backend = machine
        return http.post(http.make_punctual(client), URL, content=b"?", headers={}, largest=100)


ANSWER = [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 3\r\n", b"\r\n", b"oui"]


class TestDeadline:
    def test_lets_a_slow_answer_come_whole(self, clock):
        assert ask(DripBackend(clock, ANSWER, pause=3)) == http.Answer(status=200, body=b"oui")

    @pytest.mark.parametrize("pause", [1, 4, 14])
    def test_holds_while_headers_come_drop_by_drop(self, clock, pause):
        drops = [ANSWER[0], *(b"X-%d: a\r\n" % number for number in range(60))]
        with pytest.raises(http.NoAnswer, match="timeout") as failure:
            ask(DripBackend(clock, drops, pause=pause))
        assert (failure.value.sent, clock.now) == (True, 1_000 + http.TIMEOUT_SECONDS)

    def test_holds_while_the_body_comes_drop_by_drop(self, clock):
        drops = [b"".join(ANSWER[:1]), b"Content-Length: 60\r\n\r\n", *[b"o"] * 60]
        with pytest.raises(http.NoAnswer, match="timeout"):
            ask(DripBackend(clock, drops, pause=2))
        assert clock.now <= 1_000 + http.TIMEOUT_SECONDS + 2

    def test_leaves_each_step_its_own_shorter_limit(self, clock):
        machine = DripBackend(clock, ANSWER, pause=0)
        ask(machine)
        assert machine.timeouts[0] == http.CONNECT_SECONDS
        assert max(machine.timeouts) == http.TIMEOUT_SECONDS

    def test_is_of_one_question_only(self, clock):
        ask(DripBackend(clock, ANSWER, pause=3))
        clock.now += 100
        assert ask(DripBackend(clock, ANSWER, pause=3)).body == b"oui"

    def test_is_kept_by_the_client_of_the_process_and_through_its_proxy(self, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        http._client_of.cache_clear()
        client = http.outbound()
        transports: list[Any] = [client._transport, *filter(None, client._mounts.values())]
        assert len(transports) > 1
        assert {type(one._pool._network_backend) for one in transports} == {http._PunctualBackend}
        http._client_of.cache_clear()
