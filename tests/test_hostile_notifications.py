"""Thousands of messages from people who wish us ill, through the guichet's own door.

Each is made from an honest one by a seeded generator. Whatever they say: no status moves, nothing settles, no answer is
a server's error, and what was answered 2xx was stored, byte for byte, its first 64 KB. `REGAL_HOSTILE_LETTERS` says how
many are sent, in thousands; `make test-hostile` sends a hundred thousand.
"""

import os
import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import pytest

from regal.agenda.models import Effect
from regal.cases.models import Case
from regal.gateways.base import Message
from regal.journal.models import Entry
from regal.lib import tokens
from regal.lib.tenancy import tenant
from regal.payments import queries
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage, Settlement
from regal.payments.operations import JUDGE_MESSAGE, digest_of
from tests import cast, notices, proof
from tests.at_once import at_once
from tests.cast import Town
from tests.door import Door, guichet_door

KB_64 = 64 * 1024
LETTERS = 1_000  # for each seed
ALL_LETTERS = int(os.environ.get("REGAL_HOSTILE_LETTERS") or 5_000)
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, -(-ALL_LETTERS // LETTERS)))]
AT_ONCE = 5  # as many at a time as connections


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One HTTP request to the guichet."""

    method: str = "POST"
    tenant_id: object
    token: str
    body: bytes = b""
    query: bytes = b""
    content_type: str = notices.FORM

    @property
    def path(self) -> str:
        return f"/s/n/{self.tenant_id}/{self.token}"

    @property
    def digest(self) -> str:
        message = notices.message(self.body[:KB_64], query=self.query[:KB_64])
        return digest_of(Message(**{**message.__dict__, "method": self.method}))


@dataclass(frozen=True, kw_only=True)
class Target:
    town: Town
    attempt: Attempt
    token: str


def target(town: Town, number: int) -> Target:
    started = cast.start(town, debt_reference=f"2026{number:08d}000001", now=datetime.now(UTC))
    url = started.hand_off.url
    token = url.partition("%2Fs%2Fn%2F")[2].partition("%2F")[2][: tokens.TOKEN_LENGTH]
    return Target(town=town, attempt=started.attempt, token=token)


@pytest.fixture(autouse=True)
def without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few attempts get all the letters here: more each than the guichet takes."""
    monkeypatch.setattr(queries, "MOST_MESSAGES", 10**6)


@pytest.fixture
def door() -> Iterator[Door]:
    with guichet_door() as door:
        yield door


def post(door: Door, letter: Letter) -> int:
    return door.knock(
        letter.path, letter.body, method=letter.method, query=letter.query, content_type=letter.content_type
    ).status


class Hostility:
    """Makes hostile letters out of honest ones."""

    def __init__(self, seed: int, targets: list[Target]) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the same letters every time
        self.targets = targets
        self.ways: list[Callable[[Target], Letter]] = [
            self.one_field_altered,
            self.one_field_altered,
            self.several_fields_altered,
            self.one_field_missing,
            self.one_field_repeated,
            self.about_another_attempt,
            self.about_the_next_town,
            self.body_against_query,
            self.junk,
            self.bytes_flipped,
            self.not_text,
            self.a_zero,
            self.long_query,
            self.endless_query,
            self.endless_body,
            self.by_get,
            self.other_method,
            self.other_content_type,
            self.other_tenant,
            self.invented_token,
            self.honest_again,
        ]

    def letter(self) -> Letter:
        return self.random.choice(self.ways)(self.random.choice(self.targets))

    def honest(self, to: Target, *, about: Target | None = None) -> Letter:
        about = about or to
        fields = self.fields(about)
        return Letter(tenant_id=to.town.collectivite.pk, token=to.token, body=urlencode(fields).encode())

    def fields(self, about: Target) -> dict[str, str]:
        return notices.fields(about.town, about.attempt, self.random.choice("PPPRAVZ"))

    def with_fields(self, to: Target, fields: list[tuple[str, str]]) -> Letter:
        return replace(self.honest(to), body=urlencode(fields).encode())

    def other_value(self, value: str) -> str:
        kind = self.random.randrange(5)
        if kind == 0 and value:
            place = self.random.randrange(len(value))
            return value[:place] + self.random.choice(string.digits) + value[place + 1 :]
        if kind == 1:
            return value + self.random.choice("0123456789 \t,.-é€'\"<")
        if kind == 2:
            return value[:-1]
        if kind == 3:
            return "".join(self.random.choices(string.printable, k=self.random.randrange(40)))
        return self.random.choice(["", "0", "-1", "1e9", "12,50", "９", "P", "paid", "NaN", "9" * 30, "W", "null"])

    def one_field_altered(self, to: Target) -> Letter:
        fields = self.fields(to)
        name = self.random.choice(list(fields))
        return self.with_fields(to, [*(fields | {name: self.other_value(fields[name])}).items()])

    def several_fields_altered(self, to: Target) -> Letter:
        fields = self.fields(to)
        for name in self.random.sample(list(fields), k=self.random.randrange(2, 6)):
            fields[name] = self.other_value(fields[name])
        return self.with_fields(to, [*fields.items()])

    def one_field_missing(self, to: Target) -> Letter:
        fields = self.fields(to)
        del fields[self.random.choice(list(fields))]
        return self.with_fields(to, [*fields.items()])

    def one_field_repeated(self, to: Target) -> Letter:
        fields = [*self.fields(to).items()]
        name, value = self.random.choice(fields)
        again = (self.random.choice([name, name.upper()]), self.random.choice([value, self.other_value(value)]))
        fields.insert(self.random.randrange(len(fields) + 1), again)
        return self.with_fields(to, fields)

    def about_another_attempt(self, to: Target) -> Letter:
        return self.honest(to, about=self.random.choice([other for other in self.targets if other is not to]))

    def about_the_next_town(self, to: Target) -> Letter:
        return self.honest(to, about=self.random.choice([other for other in self.targets if other.town is not to.town]))

    def body_against_query(self, to: Target) -> Letter:
        fields = self.fields(to)
        name = self.random.choice(list(fields))
        contrary = urlencode({name: self.other_value(fields[name])}).encode()
        return replace(self.honest(to), query=contrary)

    def junk(self, to: Target) -> Letter:
        return replace(self.honest(to), body=self.random.randbytes(self.random.randrange(400)))

    def bytes_flipped(self, to: Target) -> Letter:
        body = bytearray(self.honest(to).body)
        for _ in range(self.random.randrange(1, 4)):
            body[self.random.randrange(len(body))] = self.random.randrange(256)
        return replace(self.honest(to), body=bytes(body))

    def not_text(self, to: Target) -> Letter:
        honest = self.honest(to)
        broken = self.random.choice([b"&x=%ff%fe", b"&x=\xc3\x28", b"&x=%ed%a0%80", b"&%80=1", b"&x=%u0041", b"&x=%"])
        return replace(honest, body=honest.body + broken)

    def a_zero(self, to: Target) -> Letter:
        honest = self.honest(to)
        zero = self.random.choice([b"\x00", b"&objet=%00", b"&x=\x00", b"%00"])
        if self.random.random() < 0.3:
            return replace(honest, content_type=f"{notices.FORM}\x00{honest.token}")
        return replace(honest, body=honest.body + zero)

    def long_query(self, to: Target) -> Letter:
        return replace(self.honest(to), query=b"x=" + b"y" * self.random.randrange(7_000, 60_000))

    def endless_query(self, to: Target) -> Letter:
        return replace(self.honest(to), query=b"x=" + b"y" * KB_64)

    def endless_body(self, to: Target) -> Letter:
        honest = self.honest(to)
        return replace(honest, body=honest.body + b"&x=" + b"y" * KB_64)

    def by_get(self, to: Target) -> Letter:
        letter = self.random.choice([self.one_field_altered, self.junk, self.not_text])(to)
        return replace(letter, method="GET", query=letter.body, body=self.random.choice([b"", letter.body]))

    def other_method(self, to: Target) -> Letter:
        method = self.random.choice(["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
        honest = self.honest(to)
        return replace(honest, method=method, query=honest.body)

    def other_content_type(self, to: Target) -> Letter:
        kind = [
            "",
            "text/xml",
            "application/json",
            "multipart/form-data; boundary=x",
            "é/è",
            "a" * 5000,
            "text/plain;;;",
        ]
        return replace(self.honest(to), content_type=self.random.choice(kind))

    def other_tenant(self, to: Target) -> Letter:
        others = [other.town.collectivite.pk for other in self.targets if other.town is not to.town]
        strange = [0, 2**31, 2**63 - 1, 2**63, 10**40, "1" + "0" * 5000, "-1", "१", *others]
        return replace(self.honest(to), tenant_id=self.random.choice(strange))

    def invented_token(self, to: Target) -> Letter:
        token = self.random.choice(
            [
                tokens.new_token(self.random.randbytes),
                to.token[:-1],
                to.token + "A",
                to.token.swapcase(),
                tokens.digest(to.token),
                "%00" + to.token[3:],
                "é" * 43,
                "..%2f" + to.token,
            ]
        )
        return replace(self.honest(to), token=token)

    def honest_again(self, to: Target) -> Letter:
        return self.honest(to)


class TestHostileNotifications:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_move_nothing_break_nothing_and_are_kept(self, committed_db, door, seed):
        saint_aubin, next_town = cast.make_saint_aubin(), cast.make_next_town()
        targets = [target(saint_aubin, 1), target(saint_aubin, 2), target(next_town, 3)]
        hostility = Hostility(seed, targets)
        answers: Counter[int] = Counter()
        kept: Counter[tuple[object, str]] = Counter()
        for _ in range(LETTERS):
            letter = hostility.letter()
            status = post(door, letter)
            answers[status] += 1
            if 200 <= status < 300:
                kept[letter.tenant_id, letter.digest] += 1
        assert set(answers) == {200, 404, 405}, answers
        assert answers[200] > LETTERS // 2
        now = a_moment_later()
        assert notices.judge_all(now) == kept.total()

        heard = dict.fromkeys(Evidence.Verdict, 0)
        stored: Counter[tuple[object, str]] = Counter()
        for town in (saint_aubin, next_town):
            with tenant(town.collectivite):
                stored.update(
                    (town.collectivite.pk, digest) for digest in InboxMessage.objects.values_list("digest", flat=True)
                )
                assert InboxMessage.objects.count() == Evidence.objects.count()
                assert set(Attempt.objects.values_list("status", flat=True)) == {"handed_off"}
                assert not Settlement.objects.exists()
                assert not Entry.objects.exists()
                assert cases_of(town) == differing(town)
                events = AttemptEvent.objects.filter(number__gt=2)
                assert set(events.values_list("event", "evidence__verdict")) <= {("announced", "fits")}
                for fitting in Evidence.objects.filter(verdict="fits").select_related("attempt", "account"):
                    assert fitting.facts["amount_cents"] == f"{fitting.attempt.amount.cents}"
                    assert fitting.facts["debt_reference"] == fitting.attempt.debt_reference
                    assert fitting.facts["account_identifier"] == town.account.identifier
                    assert fitting.facts["environment"] == "test"
                for verdict in heard:
                    heard[verdict] += Evidence.objects.filter(verdict=verdict).count()
        assert stored == kept
        assert min(heard.values()) > 20, heard  # every kind of judgement was passed
        assert proof.broken(now) == ()


def cases_of(town: Town) -> list[tuple[str, int]]:
    """The cases of a town, to be called inside its tenant."""
    return sorted(Case.objects.of(town.collectivite).values_list("kind", "subject_id"))


def differing(town: Town) -> list[tuple[str, int]]:
    """One case for each attempt about which something came that speaks of another payment."""
    told = Evidence.objects.of(town.collectivite).filter(verdict="differs").values_list("attempt_id", flat=True)
    return sorted({("other_payment", attempt_id) for attempt_id in told if attempt_id is not None})


def a_moment_later() -> datetime:
    """The guichet reads the real clock, so these tests do too."""
    return datetime.now(UTC) + timedelta(seconds=1)


@pytest.mark.slow
class TestThousandsAtOnce:
    def test_are_all_kept_and_judged_and_make_one_case_each(self, committed_db, door):
        town = cast.make_saint_aubin()
        targets = [target(town, number) for number in range(1, 5)]
        fields = [notices.fields(town, to.attempt) for to in targets]
        letters = [
            Letter(tenant_id=town.collectivite.pk, token=to.token, body=urlencode(said | change).encode())
            for number in range(50)
            for to, said in zip(targets, fields, strict=True)
            for change in ({}, {"montant": f"{number}"}, {"resultrans": "R"}, {"mel": f"{number}"}, {"": "", "a": "b"})
        ] * 2
        random.Random(0).shuffle(letters)  # noqa: S311 - the same order every time
        assert len(letters) >= 2_000
        senders = [partial(send_all, door, letters[start::AT_ONCE]) for start in range(AT_ONCE)]
        assert at_once(*senders) == [[200] * (len(letters) // AT_ONCE)] * AT_ONCE
        now = a_moment_later()
        assert Effect.objects.filter(kind=JUDGE_MESSAGE).count() == len(letters)
        notices.run_due(now)
        with tenant(town.collectivite):
            assert Counter(InboxMessage.objects.values_list("digest", flat=True)) == Counter(
                letter.digest for letter in letters
            )
            assert Evidence.objects.count() == len(letters)
            assert set(Attempt.objects.values_list("status", "announced")) == {("handed_off", "paid")}
            assert cases_of(town) == sorted(("other_payment", to.attempt.pk) for to in targets)
        assert proof.broken(now) == ()


def send_all(door: Door, letters: list[Letter]) -> list[int]:
    return [post(door, letter) for letter in letters]


class TestAddress:
    @pytest.fixture
    def to(self, committed_db):
        return target(cast.make_saint_aubin(), 1)

    def test_of_ours_stores_and_answers_with_an_empty_page(self, to, door):
        letter = Letter(tenant_id=to.town.collectivite.pk, token=to.token, body=notices.form(to.town, to.attempt))
        answer = door.knock(letter.path, letter.body)
        assert (answer.status, answer.body) == (200, b"")
        assert "Set-Cookie" not in answer.headers
        with tenant(to.town.collectivite):
            assert InboxMessage.objects.get().digest == letter.digest

    def test_of_nobody_stores_nothing(self, to, door):
        for tenant_id, token in [
            (to.town.collectivite.pk, tokens.new_token()),
            (to.town.collectivite.pk + 1, to.token),
        ]:
            assert post(door, Letter(tenant_id=tenant_id, token=token, body=b"a=b")) == 404
        with tenant(to.town.collectivite):
            assert not InboxMessage.objects.exists()

    def test_still_stores_when_the_account_can_no_longer_be_opened(self, to, door):
        with tenant(to.town.collectivite):
            to.town.account.options = {"unheard_of": 1}
            to.town.account.save(update_fields=["options"])
        assert post(door, Letter(tenant_id=to.town.collectivite.pk, token=to.token, body=b"a=b")) == 200
        with tenant(to.town.collectivite):
            assert InboxMessage.objects.count() == 1

    def test_takes_fields_in_the_query_string_as_in_august_2024(self, to, door):
        letter = Letter(tenant_id=to.town.collectivite.pk, token=to.token, query=notices.form(to.town, to.attempt))
        assert post(door, letter) == 200
        notices.run_due(a_moment_later())
        with tenant(to.town.collectivite):
            assert Attempt.objects.get().announced == "paid"
