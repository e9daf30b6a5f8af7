"""What TIPI tells us: stored, answered, counted when it is not for us."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regal.config.bounds import LONGEST_BODY, NOTIFICATIONS
from regal.lib import throttle, tokens
from regal.lib.tenancy import tenant
from regal.payments import queries
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage, Settlement
from regal.payments.operations import digest_of
from tests import cast, notices
from tests.door import Body, guichet_door

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
KB_64 = 64 * 1024


@pytest.fixture
def door():
    with guichet_door() as door:
        yield door


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


@pytest.fixture
def started(saint_aubin):
    return cast.start(saint_aubin, now=datetime.now(UTC))


@pytest.fixture
def address(started):
    """The path that PayFiP was given for Mme Leroy's attempt."""
    sent = parse_qs(urlsplit(started.hand_off.url).query)
    return urlsplit(sent["urlcl"][0]).path


def inbox(town):
    with tenant(town.collectivite):
        return [
            (bytes(message.body or b""), bytes(message.query or b""), message.is_cut)
            for message in InboxMessage.objects.of(town.collectivite).order_by("pk")
        ]


def judged(town):
    """What a worker makes of what came: the verdict and its reason, or the outcome."""
    notices.run_due(datetime.now(UTC))
    with tenant(town.collectivite):
        return [
            (evidence.verdict, evidence.facts.get("why", evidence.outcome))
            for evidence in Evidence.objects.of(town.collectivite).order_by("pk")
        ]


class TestNotification:
    def test_is_stored_as_it_came_and_answered_with_nothing(self, door, saint_aubin, address):
        answer = door.knock(address, b"resultrans=P&b=\xe9", query=b"a=%E9")
        assert (answer.status, answer.body) == (200, b"")
        assert inbox(saint_aubin) == [(b"resultrans=P&b=\xe9", b"a=%E9", False)]

    def test_to_an_address_that_is_not_ours_leaves_a_number_and_nothing_else(self, door, saint_aubin, address):
        before = throttle.strays(day=datetime.now(UTC))
        strays = (f"/s/n/{saint_aubin.collectivite.pk}/{tokens.new_token()}", f"/s/n/{10**30}/x")
        for stray in strays:
            assert door.knock(stray, b"resultrans=P").status == 404
            assert door.knock(stray, method="GET", query=b"resultrans=P").status == 404
        assert door.knock(strays[0], b"x" * (2 * KB_64)).status == 404
        assert throttle.strays(day=datetime.now(UTC)) == before + 5
        assert inbox(saint_aubin) == []

    def test_is_refused_without_a_row_beyond_what_any_gateway_sends(self, door, saint_aubin, address, monkeypatch):
        monkeypatch.setattr(queries, "MOST_MESSAGES", 3)
        assert [door.knock(address, b"n=%d" % n).status for n in range(5)] == [200, 200, 200, 429, 429]
        assert len(inbox(saint_aubin)) == 3

    @pytest.mark.parametrize("where", ["body", "query", "both", "get", "get with a body"])
    def test_is_heard_wherever_its_fields_are(self, door, saint_aubin, started, address, where):
        fields = notices.form(saint_aubin, started.attempt)
        half = fields.index(b"&saisie")
        body, query = {
            "body": (fields, b""),
            "query": (b"", fields),
            "both": (fields[:half], fields[half + 1 :]),
            "get": (b"", fields),
            "get with a body": (fields, b""),
        }[where]
        method = "GET" if where.startswith("get") else "POST"
        assert door.knock(address, body, query=query, method=method).status == 200
        assert inbox(saint_aubin) == [(body, query, False)]
        assert judged(saint_aubin) == [("fits", "paid")]

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
    def test_comes_by_post_or_get_only(self, door, saint_aubin, address, method):
        assert door.knock(address, b"resultrans=P", method=method).status == 405
        assert inbox(saint_aubin) == []

    def test_is_kept_even_if_its_content_type_cannot_be_written(self, door, saint_aubin, address):
        for content_type in ("a\0b", "\udce9", "é" * 500, "text/plain; charset=hex"):
            assert door.knock(address, b"a=b", content_type=content_type).status == 200
        with tenant(saint_aubin.collectivite):
            kept = InboxMessage.objects.order_by("pk").values_list("content_type", flat=True)
            assert list(kept) == ["ab", "?", "é" * 120, "text/plain; charset=hex"]


class TestLongNotification:
    @pytest.mark.parametrize("size", [KB_64 - 1, KB_64])
    def test_of_64_kilobytes_is_stored_whole(self, door, saint_aubin, address, size):
        assert door.knock(address, b"x" * size).status == 200
        assert door.knock(address, query=b"x" * size).status == 200
        assert inbox(saint_aubin) == [(b"x" * size, b"", False), (b"", b"x" * size, False)]

    @pytest.mark.parametrize("in_chunks", [False, True])
    @pytest.mark.parametrize("size", [KB_64 + 1, 3 * KB_64])
    def test_beyond_is_cut_there_and_judged_unreadable(self, door, saint_aubin, started, address, size, in_chunks):
        sent = Body(notices.form(saint_aubin, started.attempt).ljust(size, b"x"))
        chunked = {"length": "", "HTTP_TRANSFER_ENCODING": "chunked"} if in_chunks else {}
        answer = door.knock(address, sent, **chunked)
        assert (answer.status, answer.body) == (200, b"")
        assert sent.taken == KB_64 + 1
        assert inbox(saint_aubin) == [(sent.getvalue()[:KB_64], b"", True)]
        assert judged(saint_aubin) == [("unreadable", "cut")]

    def test_with_a_query_string_beyond_is_cut_there_too(self, door, saint_aubin, started, address):
        fields = notices.form(saint_aubin, started.attempt)
        query = b"x=" + b"y" * KB_64
        assert door.knock(address, fields, query=query).status == 200
        assert inbox(saint_aubin) == [(fields, query[:KB_64], True)]
        assert judged(saint_aubin) == [("unreadable", "cut")]

    @pytest.mark.parametrize("length", ["1000", str(10 * KB_64), "9" * 5000])
    @pytest.mark.parametrize("breaks_off", [False, True])
    def test_of_which_less_comes_than_was_announced_is_kept_as_cut(
        self, door, saint_aubin, started, address, length, breaks_off
    ):
        fields = notices.form(saint_aubin, started.attempt)
        assert door.knock(address, Body(fields, breaks_off=breaks_off), length=length).status == 200
        assert inbox(saint_aubin) == [(fields, b"", True)]
        assert judged(saint_aubin) == [("unreadable", "cut")]

    @pytest.mark.parametrize("length", ["-1", "x", "²", "1e3"])
    def test_whose_length_is_no_number_is_kept_as_cut_unread(self, door, saint_aubin, address, length):
        assert door.knock(address, b"a=b", length=length).status == 200
        assert inbox(saint_aubin) == [(b"", b"", True)]

    def test_in_chunks_is_stored_to_its_end(self, door, saint_aubin, address):
        assert door.knock(address, b"a=b", length="", HTTP_TRANSFER_ENCODING="chunked").status == 200
        assert inbox(saint_aubin) == [(b"a=b", b"", False)]

    def test_is_let_in_at_these_addresses_and_no_other(self, door, saint_aubin, address):
        assert reverse("notification", args=[1, "x"], urlconf="regal.config.urls_guichet") == "/s/n/1/x"
        assert NOTIFICATIONS.fullmatch(address)
        for path in ("/", "/saint-aubin/titres/", "/s/n/payer/", f"{address}/", f"/en{address}", f"//{address}"):
            sent = Body(b"x" * (LONGEST_BODY + 1))
            assert door.knock(path, sent).status == 413
            assert sent.taken == 0


def mangled_forms(fields):
    """A notification with names in any case and order, some of them twice, altered, or unheard of."""
    names = st.sampled_from([*fields, "inconnu"]).flatmap(
        lambda name: st.sampled_from([name, name.upper(), name.title(), f"%{ord(name[0]):x}{name[1:]}"])
    )
    values = st.sampled_from([*fields.values(), "", "?", "PP", "%", "%e9", "%00", "é", "1", "9" * 40])
    pairs = st.lists(st.tuples(names, values), max_size=14)
    honest = st.permutations([*fields.items()])
    return st.tuples(honest, pairs).map(
        lambda both: "&".join(f"{name}={value}" for name, value in [*both[0], *both[1]]).encode()
    )


class TestAnyMessage:
    """Whatever is sent, to whom and how: stored before any effect, and nothing moves but announcements."""

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(data=st.data())
    def test_is_stored_exactly_and_moves_nothing(self, data, door, saint_aubin, started, address, monkeypatch):
        monkeypatch.setattr(queries, "MOST_MESSAGES", 10**6)
        attempt = started.attempt
        form = mangled_forms(notices.fields(saint_aubin, attempt))
        long = st.tuples(st.binary(max_size=4), st.sampled_from([KB_64 - 1, KB_64, KB_64 + 1])).map(
            lambda parts: parts[0].ljust(parts[1], b"x")
        )
        some_bytes = st.one_of(st.just(b""), st.binary(max_size=200), form, long)
        method = data.draw(st.sampled_from(["POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "FETCH", ""]))
        query, body = data.draw(some_bytes), data.draw(some_bytes)
        content_type = data.draw(st.one_of(st.just(FORM), st.text(max_size=60)))
        is_ours = data.draw(st.booleans())
        path = address if is_ours else f"/s/n/{saint_aubin.collectivite.pk}/{tokens.new_token()}"

        before = len(inbox(saint_aubin))
        status = door.knock(path, body, query=query, method=method, content_type=content_type).status
        kept = inbox(saint_aubin)[before:]
        if method not in ("GET", "POST"):
            assert (status, kept) == (405, [])
        elif not is_ours:
            assert (status, kept) == (404, [])
        else:
            is_cut = max(len(body), len(query)) > KB_64
            assert (status, kept) == (200, [(body[:KB_64], query[:KB_64], is_cut)])
            with tenant(saint_aubin.collectivite):
                message = InboxMessage.objects.latest("pk")
                assert not Evidence.objects.filter(message=message).exists()  # no effect yet
                sent = notices.message(body[:KB_64], query=query[:KB_64])
                assert message.digest == digest_of(type(sent)(**{**vars(sent), "method": method}))
            notices.run_due(datetime.now(UTC))
            with tenant(saint_aubin.collectivite):
                evidence = Evidence.objects.get(message=message)
                assert not is_cut or (evidence.verdict, evidence.facts) == ("unreadable", {"why": "cut"})
        with tenant(saint_aubin.collectivite):
            assert Attempt.objects.get(pk=attempt.pk).status == attempt.status
            assert not Settlement.objects.exists()
            assert set(AttemptEvent.objects.filter(number__gt=2).values_list("event", flat=True)) <= {"announced"}
