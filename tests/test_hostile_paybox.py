"""Thousands of messages about payments at Paybox that nobody made, through the three addresses that take any.

Some are truly signed, by the very key that REGAL believes, and speak of something else: another shop's order, the
public test account's, another attempt, another town. The others are alterations of what Paybox really said. None moves
anything; all are stored as they came; afterwards what Paybox really says is still believed. What is chosen is drawn
from a seed. `REGAL_HOSTILE_LETTERS` says how many are sent; `make test-hostile` sends a hundred thousand.
"""

import random
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import quote, unquote_to_bytes

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from regal.agenda.models import Watch
from regal.checkout import notifications, pages
from regal.collectivites.models import Product
from regal.gateways.base import Environment, PostForm
from regal.journal.models import Entry
from regal.lib import paris, tokens
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage, Settlement
from regal.titres.models import Titre
from tests import cast, notices, paybox, proof
from tests.cast import Town
from tests.door import Door, guichet_door
from tests.inquiries import Clock
from tests.paybox import FORM, FakePaybox, make_paybox_product
from tests.test_hostile_notifications import KB_64, LETTERS, SEEDS

PUBLIC_TEST_ACCOUNT = "1999888-32-107904482"
LONGEST_READ = 4096

Fields: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Target:
    """An attempt, and the three addresses at which anything may be said of it."""

    town: Town
    product: Product
    attempt: Attempt
    token: str
    account_token: str
    handle: str

    @property
    def is_test(self) -> bool:
        return self.attempt.environment == Environment.TEST

    def address(self, via: str) -> str:
        return {
            "attempt": f"/s/n/{self.town.collectivite.pk}/{self.token}",
            "account": f"/s/p/{self.town.collectivite.pk}/{self.account_token}",
            "return": f"/{self.town.collectivite.slug}/suivi/{self.handle}/retour/",
        }[via]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One HTTP request to the guichet."""

    way: str
    via: str
    to: Target
    path: str
    method: str = "POST"
    body: bytes = b""
    query: bytes = b""
    content_type: str = FORM

    @property
    def said(self) -> bytes:
        return self.body or self.query

    @property
    def stored(self) -> tuple[int, str, bytes, bytes]:
        """The row that must stand in the inbox."""
        body = b"" if self.via == "return" else self.body[:KB_64]
        return self.to.town.collectivite.pk, self.method, self.query[:KB_64], body


def is_truly_signed(text: bytes) -> bool:
    """Whether the believed key signed all that stands before the signature: computed here, as Paybox documents it."""
    before, _, signature = text.rpartition(b"&Sign=")
    try:
        paybox.key().public_key().verify(b64decode(unquote_to_bytes(signature)), before, PKCS1v15(), SHA1())  # noqa: S303
    except (InvalidSignature, ValueError):
        return False
    return True


class People:
    """Two towns, five contracts; payers on Paybox's page, one who left it long ago, and one who has paid."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._numbers = iter(range(100, 1_000))
        saint_aubin, next_town = cast.make_saint_aubin(), cast.make_next_town()
        self._account_tokens: dict[int, str] = {}
        pool = make_paybox_product(saint_aubin)
        museum = make_paybox_product(saint_aubin, identifier="2718281-02-314159267", slug="musee")
        school = make_paybox_product(saint_aubin, identifier="2718283-01-314159268", slug="ecole", direct=True)
        trial = make_paybox_product(
            saint_aubin, identifier=PUBLIC_TEST_ACCOUNT, slug="essai", environment=Environment.TEST
        )
        theirs = make_paybox_product(next_town, identifier="2718282-01-314159266")
        self.towns = (saint_aubin, next_town)
        self.old = self._leave(saint_aubin, pool)
        clock.pass_(hours=3)
        self.paid = self._leave(saint_aubin, pool)
        self.genuine = paybox.signed(paybox.said(self.paid.attempt, clock.now))
        self.number = paybox.ipn(self.paid.attempt, clock, self.genuine).facts["transaction"]
        self.open = [
            *(self._leave(saint_aubin, pool) for _ in range(3)),
            *(self._leave(saint_aubin, museum) for _ in range(2)),
            *(self._leave(saint_aubin, school) for _ in range(2)),
            *(self._leave(saint_aubin, trial) for _ in range(2)),
            *(self._leave(next_town, theirs) for _ in range(2)),
        ]

    @property
    def everybody(self) -> list[Target]:
        return [*self.open, self.old, self.paid]

    def _leave(self, town: Town, product: Product) -> Target:
        number = next(self._numbers)
        with tenant(product.collectivite_id):
            titre = cast.make_titre(product, reference=f"FC2026000{number}")
        handle = tokens.new_token()
        left = paybox.departs(product, titre, self.clock, handle=handle)
        assert isinstance(left.hand_off, PostForm)
        if product.account_id not in self._account_tokens:
            self._account_tokens[product.account_id] = paybox.give_address(product.account)
        return Target(
            town=town,
            product=product,
            attempt=left.attempt,
            token=left.hand_off.fields["PBX_REPONDRE_A"].rpartition("/")[2],
            account_token=self._account_tokens[product.account_id],
            handle=handle,
        )


class Hostility:
    """Makes hostile letters out of what Paybox would say."""

    def __init__(self, seed: int, people: People) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the same letters every time
        self.people = people
        self.stranger = generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
        self.signed_ways: list[Callable[[], Letter]] = [
            self.of_another_shop,
            self.of_another_shop_with_our_fields,
            self.of_the_public_test_account,
            self.of_the_public_test_account,
            self.of_another_amount,
            self.of_another_amount,
            self.of_another_attempt,
            self.of_another_account,
            self.of_another_town,
            self.of_another_environment,
            self.of_a_reference_of_nobody,
            self.of_long_ago,
            self.of_a_number_already_used,
            self.of_the_same_attempt_paid_twice,
            self.replayed,
            self.replayed_elsewhere,
            self.signed_in_another_order,
            self.signed_with_a_name_twice,
            self.signed_with_one_more_field,
            self.signed_with_one_field_less,
            self.signed_in_another_encoding,
            self.signed_over_a_signature,
        ]
        self.other_ways: list[Callable[[], Letter]] = [
            self.one_byte_altered,
            self.one_byte_altered,
            self.some_bytes_altered,
            self.one_value_altered,
            self.reordered,
            self.refusal_made_a_payment,
            self.refusal_s_signature_on_a_payment,
            self.re_encoded,
            self.signature_re_encoded,
            self.repeated,
            self.added_before_the_signature,
            self.added_after_the_signature,
            self.signed_twice,
            self.signature_first,
            self.truncated,
            self.unsigned,
            self.signed_by_a_stranger,
            self.signed_with_another_hash,
            self.signed_as_another_product,
            self.with_zeros,
            self.longer_than_is_read,
            self.endless,
            self.junk,
            self.of_another_content_type,
            self.by_get_with_a_body,
            self.by_post_with_a_query,
            self.at_an_invented_address,
        ]

    def letter(self) -> Letter:
        way = self.random.choice(self.signed_ways if self.random.random() < 0.4 else self.other_ways)
        return replace(way(), way=way.__name__)

    # What Paybox would say.

    def fields(self, about: Target, **changes: str) -> Fields:
        """Paid, word for word: what a signature makes dangerous."""
        local = paris.to_paris(self.people.clock.now)
        usual = {
            "Mt": f"{about.attempt.amount.cents}",
            "Ref": about.attempt.reference,
            "Auto": "XXXXXX" if about.is_test else f"{self.random.randrange(100_000, 1_000_000)}",
            "Erreur": "00000",
            "Trans": f"{self.random.randrange(10**6, 10**9)}",
            "Appel": f"{self.random.randrange(10**6, 10**9)}",
            "Date": f"{local:%d%m%Y}",
            "Heure": f"{local:%H}%3A{local:%M}%3A{local:%S}",
        }
        return [*(usual | changes).items()]

    def text(self, about: Target, **changes: str) -> bytes:
        return wire(self.fields(about, **changes))

    def refusal(self, about: Target) -> Fields:
        fields = self.fields(about, Erreur=f"001{self.random.randrange(1, 100):02d}")
        return [(name, value) for name, value in fields if name != "Auto"]

    def put(self, said: bytes, *, to: Target, via: str | None = None) -> Letter:
        """Bring it to one of the three addresses, as it is brought there."""
        via = via or self.random.choice(["attempt", "attempt", "account", "return"])
        letter = Letter(way="", via=via, to=to, path=to.address(via))
        if via == "return":
            return replace(letter, method="GET", query=said, content_type="")
        return replace(letter, body=said)

    def anybody(self) -> Target:
        return self.random.choice(self.people.everybody)

    def on_the_page(self) -> Target:
        return self.random.choice(self.people.open)

    def another(self, than: Target, differs: Callable[[Target], bool]) -> Target:
        return self.random.choice([one for one in self.people.everybody if one is not than and differs(one)])

    def not_at_the_account_s(self) -> str:
        """There, what Paybox says of any attempt of the account is no lie."""
        return self.random.choice(["attempt", "return"])

    # Truly signed, and about something else.

    def of_another_shop(self) -> Letter:
        """As merchants publish it in their modules' issues: other names, another order number."""
        amount, number = self.random.randrange(100, 100_000), self.random.randrange(10**9)
        authorisation = self.random.choice(["XXXXXX", "581204"])
        said = f"Mt={amount}&Ref=CMD{number}&Auto={authorisation}&Erreur=00000"
        other = f"amount={amount}&ref={number}&auto={authorisation}&trans=5329117&error=00000"
        return self.put(paybox.signed(self.random.choice([said, other]).encode()), to=self.anybody())

    def of_another_shop_with_our_fields(self) -> Letter:
        to = self.anybody()
        return self.put(paybox.signed(self.text(to, Ref=f"CMD{self.random.randrange(10**9)}")), to=to)

    def of_the_public_test_account(self) -> Letter:
        """The right reference and amount, typed by the payer into the test platform's form."""
        to = self.random.choice([one for one in self.people.everybody if not one.is_test])
        authorisation = self.random.choice(["XXXXXX", "XXXXXX", "xxxxxx", "X", "XXXXXXXXXXXXXXXX"])
        return self.put(paybox.signed(self.text(to, Auto=authorisation)), to=to)

    def of_another_amount(self) -> Letter:
        to = self.anybody()
        due = to.attempt.amount.cents
        amount = self.random.choice([1, 100, due - 1, due + 1, due * 10, due // 100, 9_999_999_999])
        return self.put(paybox.signed(self.text(to, Mt=f"{amount}")), to=to)

    def of_another_attempt(self) -> Letter:
        to = self.on_the_page()
        about = self.another(to, lambda one: one.attempt.account_id == to.attempt.account_id)
        return self.put(paybox.signed(self.text(about)), to=to, via=self.not_at_the_account_s())

    def of_another_account(self) -> Letter:
        town = self.people.towns[0]
        to = self.random.choice([one for one in self.people.everybody if one.town is town])
        return self._about(to, lambda one: one.town is town and one.attempt.account_id != to.attempt.account_id)

    def of_another_town(self) -> Letter:
        to = self.anybody()
        return self._about(to, lambda one: one.town is not to.town)

    def of_another_environment(self) -> Letter:
        to = self.anybody()
        return self._about(to, lambda one: one.is_test is not to.is_test)

    def _about(self, to: Target, differs: Callable[[Target], bool]) -> Letter:
        return self.put(paybox.signed(self.text(self.another(to, differs))), to=to)

    def of_a_reference_of_nobody(self) -> Letter:
        to = self.anybody()
        ours = to.attempt.reference
        debt, _, chance = ours.partition("-")
        invented = tokens.new_token(self.random.randbytes).replace("-", "a").replace("_", "b")
        other = self.random.choice(
            [
                f"{debt}-{invented[:22]}",
                f"{debt}-{chance.swapcase()}",
                ours[:-1],
                f"{ours}A",
                debt,
                ours.replace("-", "_"),
            ]
        )
        return self.put(paybox.signed(self.text(to, Ref=other)), to=to)

    def of_long_ago(self) -> Letter:
        """All of it right, and hours after Paybox's page was over."""
        return self.put(paybox.signed(self.text(self.people.old)), to=self.people.old)

    def of_a_number_already_used(self) -> Letter:
        paid = self.people.paid
        to = self.random.choice([one for one in self.people.open if one.product.pk == paid.product.pk])
        said = self.text(to, Trans=self.random.choice([self.people.number, self.people.number.zfill(10)]))
        return self.put(paybox.signed(said), to=to)

    def of_the_same_attempt_paid_twice(self) -> Letter:
        return self.put(paybox.signed(self.text(self.people.paid)), to=self.people.paid)

    def replayed(self) -> Letter:
        return self.put(self.people.genuine, to=self.people.paid)

    def replayed_elsewhere(self) -> Letter:
        to = self.another(self.people.paid, lambda one: True)
        is_ours = to.attempt.account_id == self.people.paid.attempt.account_id
        return self.put(self.people.genuine, to=to, via=self.not_at_the_account_s() if is_ours else None)

    def signed_in_another_order(self) -> Letter:
        """Whoever writes a form chooses the order in which he is told."""
        to = self.anybody()
        return self.put(paybox.signed(wire(self.shuffled(self.fields(to)))), to=to)

    def signed_with_a_name_twice(self) -> Letter:
        to = self.anybody()
        fields = self.fields(to)
        name, value = self.random.choice(fields)
        again = (name, self.random.choice([value, "00151", "100"]))
        fields.insert(self.random.randrange(len(fields) + 1), again)
        return self.put(paybox.signed(wire(fields)), to=to)

    def signed_with_one_more_field(self) -> Letter:
        to = self.anybody()
        fields = self.fields(to)
        more = self.random.choice(
            [("Carte", "CB"), ("Pays", "FRA"), ("mt", "1"), ("Mt ", "1"), ("", ""), ("%4Dt", "1")]
        )
        fields.insert(self.random.randrange(len(fields) + 1), more)
        return self.put(paybox.signed(wire(fields)), to=to)

    def signed_with_one_field_less(self) -> Letter:
        """Without Auto it is another matter: nobody authorised it, and the attempt is no longer what it was."""
        to = self.anybody()
        fields = self.fields(to)
        missing = self.random.choice([name for name, _ in fields if name != "Auto"])
        return self.put(paybox.signed(wire([field for field in fields if field[0] != missing])), to=to)

    def signed_in_another_encoding(self) -> Letter:
        to = self.anybody()
        name, value = self.random.choice([one for one in self.fields(to) if one[0] not in ("Auto", "Date", "Heure")])
        strange = self.random.choice(
            ["%E9", "%C3%A9", "\xe9", "%", "%2", "%zz", "+", "%20", "%00", "\x00", "%2531", "=1"]
        )
        said = wire(self.fields(to, **{name: self.random.choice([value + strange, strange + value])}))
        return self.put(paybox.signed(said), to=to)

    def signed_over_a_signature(self) -> Letter:
        to = self.anybody()
        return self.put(paybox.signed(paybox.signed(self.text(to))), to=to)

    # Not what Paybox signed.

    def one_byte_altered(self) -> Letter:
        to = self.anybody()
        return self.put(self.altered(paybox.signed(self.text(to)), 1), to=to)

    def some_bytes_altered(self) -> Letter:
        to = self.anybody()
        return self.put(self.altered(paybox.signed(self.text(to)), self.random.randrange(2, 6)), to=to)

    def altered(self, said: bytes, count: int) -> bytes:
        other = bytearray(said)
        while means_the_same(said, bytes(other)):
            for _ in range(count):
                other[self.random.randrange(len(other))] = self.random.randrange(256)
        return bytes(other)

    def one_value_altered(self) -> Letter:
        to = self.anybody()
        fields = self.fields(to)
        altered, value = self.random.choice(fields)
        other = self.random.choice([one for one in ("", "0", "1", "XXXXXX", f"{value}0", value[:-1]) if one != value])
        said = [(name, other if name == altered else value) for name, value in fields]
        return self.put(wire(said) + signature_of(wire(fields)), to=to)

    def reordered(self) -> Letter:
        to = self.anybody()
        fields = self.fields(to)
        return self.put(wire(self.shuffled(fields)) + signature_of(wire(fields)), to=to)

    def refusal_made_a_payment(self) -> Letter:
        """Paybox signed a refusal; its words are moved about, and the code of a payment put among them."""
        to = self.anybody()
        refusal = self.refusal(to)
        made = [(name, "00000" if name == "Erreur" else value) for name, value in refusal]
        said = self.random.choice([self.shuffled(made), [*made[:2], ("Auto", "581204"), *made[2:]]])
        return self.put(wire(said) + signature_of(wire(refusal)), to=to)

    def refusal_s_signature_on_a_payment(self) -> Letter:
        to = self.anybody()
        return self.put(self.text(to) + signature_of(wire(self.refusal(to))), to=to)

    def re_encoded(self) -> Letter:
        """What a decoder makes of it, and what another encoder makes of that."""
        to = self.anybody()
        said = self.text(to)
        other = self.random.choice(
            [
                said.replace(b"%3A", b"%3a"),
                said.replace(b"%3A", b":"),
                said.replace(b"%3A", b"%253A"),
                said.replace(b"-", b"%2D"),
                said.replace(b"=", b"%3D"),
                said.replace(b"&", b"&amp;"),
                said.replace(b"&", b";"),
                said.replace(b"Mt=", b"M%74="),
                said.replace(b"Auto=", b"Auto=+"),
                said.replace(b"Auto=", b"Auto=\xe9"),
                said.decode().encode("utf-16"),
            ]
        )
        return self.put(other + signature_of(said), to=to)

    def signature_re_encoded(self) -> Letter:
        """Not the one way that a proxy may have: a sign instead of its escape, or an escape in small letters."""
        to = self.anybody()
        said = self.text(to)
        while b"%2B" not in (signature := signature_of(said)):
            said = self.text(to)
        in_base64 = unquote_to_bytes(signature.removeprefix(b"&Sign="))
        other = self.random.choice(
            [
                signature.replace(b"%2B", b" "),
                signature.replace(b"%2B", b"%20"),
                signature.replace(b"%", b"%25"),
                b"&Sign=" + in_base64.translate(bytes.maketrans(b"+/", b"-_")),
                b"&Sign=" + b64decode(in_base64).hex().encode(),
                b"&Sign=" + quote(b64decode(in_base64), safe="").encode(),
                signature.removesuffix(b"%3D"),
                signature.replace(b"&Sign=", b"&sign="),
                signature + b"%0A",
            ]
        )
        return self.put(said + other, to=to)

    def repeated(self) -> Letter:
        to = self.anybody()
        fields = self.fields(to)
        said, again = wire(fields), wire([self.random.choice(fields)])
        other = self.random.choice([again + b"&" + said, said + b"&" + again, said + b"&" + said])
        return self.put(other + signature_of(said), to=to)

    def added_before_the_signature(self) -> Letter:
        to = self.anybody()
        said = self.text(to)
        return self.put(said + self.more() + signature_of(said), to=to)

    def added_after_the_signature(self) -> Letter:
        to = self.anybody()
        return self.put(paybox.signed(self.text(to)) + self.more(), to=to)

    def more(self) -> bytes:
        return self.random.choice(
            [b"&a=b", b"&Mt=1", b"&Erreur=00000", b"&", b"&=", b"&Sign", b"#x", b"\r\n", b"&Auto=1"]
        )

    def signed_twice(self) -> Letter:
        """One text with two signatures: of itself, and of another that Paybox signed too."""
        to = self.anybody()
        said, other = self.text(to), self.text(self.anybody())
        both = [signature_of(said), self.random.choice([signature_of(other), signature_of(said)])]
        return self.put(said + b"".join(self.shuffled(both)), to=to)

    def signature_first(self) -> Letter:
        to = self.anybody()
        said = self.text(to)
        return self.put(signature_of(said).removeprefix(b"&") + b"&" + said, to=to)

    def truncated(self) -> Letter:
        to = self.anybody()
        said = paybox.signed(self.text(to))
        return self.put(said[: self.random.randrange(1, len(said))], to=to)

    def unsigned(self) -> Letter:
        to = self.anybody()
        return self.put(
            self.text(to) + self.random.choice([b"", b"&Sign=", b"&Sign=0", b"&Sign=" + b"A" * 171 + b"="]), to=to
        )

    def signed_by_a_stranger(self) -> Letter:
        to = self.anybody()
        return self.put(paybox.signed(self.text(to), by=self.stranger), to=to)

    def signed_with_another_hash(self) -> Letter:
        to = self.anybody()
        said = self.text(to)
        return self.put(said + on_the_wire(paybox.key().sign(said, PKCS1v15(), SHA256())), to=to)

    def signed_as_another_product(self) -> Letter:
        """RemoteMPI signs what was decoded."""
        to = self.anybody()
        said = self.text(to)
        return self.put(said + signature_of(unquote_to_bytes(said)), to=to)

    def with_zeros(self) -> Letter:
        to = self.anybody()
        said = bytearray(paybox.signed(self.text(to)))
        place = self.random.randrange(len(said) + 1)
        said[place:place] = self.random.choice([b"\x00", b"%00", b"\x00" * 50])
        return self.put(bytes(said), to=to)

    def longer_than_is_read(self) -> Letter:
        """Truly signed, and longer than anything Paybox says."""
        to = self.anybody()
        said = self.text(to) + b"&x=" + b"y" * self.random.randrange(LONGEST_READ, 9_000)
        return self.put(paybox.signed(said), to=to)

    def endless(self) -> Letter:
        to = self.anybody()
        said = paybox.signed(self.text(to)) + b"&x=" + b"y" * KB_64
        return self.put(said, to=to)

    def junk(self) -> Letter:
        return self.put(self.random.randbytes(self.random.randrange(1, 400)), to=self.anybody())

    def of_another_content_type(self) -> Letter:
        to = self.anybody()
        kinds = ["text/plain", "application/json", "multipart/form-data; boundary=x", "text/xml", "a" * 5_000, "é/è"]
        letter = self.put(paybox.signed(self.text(to)), to=to, via=self.random.choice(["attempt", "account"]))
        return replace(letter, content_type=self.random.choice(kinds))

    def by_get_with_a_body(self) -> Letter:
        to = self.anybody()
        letter = self.put(paybox.signed(self.text(to)), to=to, via=self.random.choice(["attempt", "account"]))
        other = self.random.choice([letter.body, b"a=b"])
        return replace(letter, method="GET", query=letter.body, body=other)

    def by_post_with_a_query(self) -> Letter:
        to = self.anybody()
        letter = self.put(paybox.signed(self.text(to)), to=to, via=self.random.choice(["attempt", "account"]))
        said = letter.body
        query, body = self.random.choice([(said, said), (b"a=b", said), (said, b""), (said, b"a=b")])
        return replace(letter, query=query, body=body)

    def at_an_invented_address(self) -> Letter:
        to = self.anybody()
        letter = self.put(paybox.signed(self.text(to)), to=to)
        ours = {"attempt": to.token, "account": to.account_token, "return": to.handle}[letter.via]
        strangers = [to.token, to.account_token, to.handle]
        invented = [
            tokens.new_token(self.random.randbytes),
            ours[:-1],
            f"{ours}A",
            ours.swapcase(),
            tokens.digest(ours),
        ]
        other = self.random.choice([*invented, *(one for one in strangers if one != ours)])
        return replace(letter, path=letter.path.replace(ours, other))

    def shuffled(self, parts: list) -> list:  # type: ignore[type-arg]
        """In another order than they are in, if they are not all alike."""
        other = [*parts]
        while other == parts and any(one != parts[0] for one in parts):
            self.random.shuffle(other)
        return other


def wire(fields: Fields) -> bytes:
    return "&".join(f"{name}={value}" for name, value in fields).encode("latin-1")


def signature_of(text: bytes) -> bytes:
    return paybox.signed(text)[len(text) :]


def on_the_wire(signature: bytes) -> bytes:
    return b"&Sign=" + quote(b64encode(signature), safe="").encode()


def means_the_same(one: bytes, other: bytes) -> bool:
    """The same text under the same signature, whose escapes may be written in two ways."""
    (text, _, signature), (other_text, _, other_signature) = one.rpartition(b"&Sign="), other.rpartition(b"&Sign=")
    return (text, unquote_to_bytes(signature)) == (other_text, unquote_to_bytes(other_signature))


@dataclass(frozen=True)
class Standing:
    """All that a message could have moved."""

    attempts: list[object]
    events: int
    settlements: list[object]
    entries: int
    titres: list[object]
    watches: list[object]

    @classmethod
    def of(cls, people: People) -> "Standing":
        attempts, settlements, titres = [], [], []
        events = entries = 0
        for town in people.towns:
            with tenant(town.collectivite):
                columns = ("pk", "status", "announced", "announced_at", "is_provisional")
                attempts += [*Attempt.objects.order_by("pk").values_list(*columns)]
                settlements += [*Settlement.objects.order_by("pk").values_list("attempt", "transaction", "rank")]
                titres += [
                    *Titre.objects.order_by("pk").values_list("pk", "status", "held_by", "held_until", "paid_at")
                ]
                events += AttemptEvent.objects.count()
                entries += Entry.objects.count()
        watches = [*Watch.objects.order_by("pk").values_list("attempt_id", "due_at", "closed_at")]
        return cls(attempts, events, settlements, entries, titres, watches)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (notifications, pages):
        monkeypatch.setattr(module, "clock", clock)
    return clock


@pytest.fixture
def fake() -> Iterator[FakePaybox]:
    with paybox.speaking_to(FakePaybox()) as fake:
        yield fake


@pytest.fixture
def door() -> Iterator[Door]:
    with guichet_door() as door:
        yield door


@pytest.fixture
def draw_from(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Draw the tokens of this test from a seed: the same references and addresses every time."""

    def draw(seed: int) -> None:
        drawn = random.Random(f"tokens {seed}").randbytes  # noqa: S311
        by_chance = tokens.new_token
        monkeypatch.setattr(tokens, "new_token", lambda randomness=drawn: by_chance(randomness))

    return draw


def post(door: Door, letter: Letter) -> int:
    answer = door.knock(
        letter.path, letter.body, method=letter.method, query=letter.query, content_type=letter.content_type
    )
    return answer.status


def expected_status(letter: Letter, signed_ways: set[str]) -> int:
    if letter.way == "at_an_invented_address":
        return 404
    if letter.via == "return":
        return 303
    return 200 if letter.way in {*signed_ways, "endless"} else 403


@pytest.mark.usefixtures("committed_db")
class TestHostileMessages:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_move_nothing_are_kept_and_leave_the_genuine_ones_believed(self, seed, fake, clock, door, draw_from):
        draw_from(seed)
        people = People(clock)
        hostility = Hostility(seed, people)
        signed_ways = {way.__name__ for way in hostility.signed_ways}
        before = Standing.of(people)
        sent: Counter[str] = Counter()
        stored = stored_messages(people)
        signed = 0
        for _ in range(LETTERS):
            letter = hostility.letter()
            status = post(door, letter)
            assert status == expected_status(letter, signed_ways), letter
            sent[letter.way] += 1
            signed += is_truly_signed(letter.said)
            if status != 404:
                stored[letter.stored] += 1
        assert notices.judge_all(clock.now) == stored.total() - 1  # one had been judged: who paid

        assert signed >= LETTERS / 5
        assert set(sent) == signed_ways | {way.__name__ for way in hostility.other_ways}
        assert stored_messages(people) == stored
        assert Standing.of(people) == before
        assert judgements(people) == {"differs", "repeated", "unreadable", "fits"}
        assert fake.asked == []
        assert proof.broken(clock.now) == ()

        heard_at = {}
        for to in people.open:
            said = paybox.signed(paybox.said(to.attempt, clock.now))
            heard_at[to.attempt.pk] = via = hostility.random.choice(["attempt", "account"])
            assert post(door, hostility.put(said, to=to, via=via)) == 200
        notices.run_due(clock.now)
        for to in people.open:
            with tenant(to.town.collectivite):
                attempt = Attempt.objects.get(pk=to.attempt.pk)
            settles = heard_at[attempt.pk] == "account" and to.product.slug != "ecole"  # whose Direct is asked
            assert attempt.standing == ("provisional" if settles else "announced_paid")
        assert proof.broken(clock.now) == ()


def judgements(people: People) -> set[str]:
    found: set[str] = set()
    for town in people.towns:
        with tenant(town.collectivite):
            found.update(Evidence.objects.values_list("verdict", flat=True))
    return found


def stored_messages(people: People) -> Counter[tuple[int, str, bytes, bytes]]:
    stored: Counter[tuple[int, str, bytes, bytes]] = Counter()
    for town in people.towns:
        with tenant(town.collectivite):
            for method, query, body in InboxMessage.objects.values_list("method", "query", "body"):
                stored[town.collectivite.pk, method, bytes(query or b""), bytes(body or b"")] += 1
    return stored
