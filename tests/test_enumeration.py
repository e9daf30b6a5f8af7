"""Thousands of guesses at invoices of a régie: they reveal nothing and are slowed, while payers get through.

The real pages over the real base. Nothing here is measured by the clock: what an answer says, its headers, and every
question that it puts to PostgreSQL are the same whatever is wrong, so that its time is too.
"""

import html
import logging
import os
import random
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from regal.checkout import look_ups, pages
from regal.gateways.base import DebtKind
from regal.lib.references import InvoiceReference
from regal.lib.tenancy import tenant
from regal.titres.models import Titre
from regal.titres.payment_keys import payment_key, printed
from regal.titres.states import State
from tests import cast
from tests.inquiries import Clock

pytestmark = pytest.mark.usefixtures("committed_db")

FORM = "/saint-aubin/restaurant/"
TOWN_HALL, HOME = "192.0.2.1", "198.51.100.7"
RIGHT = {"invoice": "FC2026-000042", "amount": "84,70", "email": cast.MME_LEROY}
NOISE = re.compile(r'(value|content)="[^"]*"')
GUESSES = int(os.environ.get("REGAL_GUESSES", "1000"))  # from one address


@pytest.fixture
def base(committed_db, guichet, monkeypatch):
    return Base(guichet, monkeypatch)


class Base:
    """Two towns whose invoices have every state, and who knocks at their guichet."""

    def __init__(self, guichet, monkeypatch):
        self.guichet, self.clock = guichet, Clock()
        monkeypatch.setattr(pages, "clock", self.clock)
        self.town = cast.make_saint_aubin()
        self.product = cast.make_canteen(self.town)
        self.titre = cast.make_titre(self.product)
        self.draft = cast.make_titre(self.product, reference="FC2026000050")
        music = cast.make_product(self.town, DebtKind.REGIE, slug="musique", numcli="350006", gateway="payfip_ws")
        self.of_music = cast.make_titre(music, reference="FC2026000051")
        theirs = cast.make_canteen(cast.make_next_town(), numcli="350007")
        self.of_the_next_town = cast.make_titre(theirs, reference="FC2026000052")
        with tenant(self.town.collectivite):
            Titre.objects.filter(pk=self.draft.pk).update(status=State.DRAFT)

    def send(self, *, source=TOWN_HALL, **typed):
        return self.guichet.post(FORM, RIGHT | typed, REMOTE_ADDR=source)

    def by_key(self, titre=None, *, key="", source=TOWN_HALL, **typed):
        key = key or printed(payment_key(titre or self.titre))
        return self.send(source=source, amount="", key=key, **typed)

    def wrong(self):
        """Every way to be wrong, each with what is right beside it."""
        return {
            "no such reference": lambda source: self.send(source=source, invoice="FC2026-999999"),
            "wrong amount": lambda source: self.send(source=source, amount="84,71"),
            "draft": lambda source: self.send(source=source, invoice="FC2026-000050"),
            "other product": lambda source: self.send(source=source, invoice="FC2026-000051"),
            "other town": lambda source: self.send(source=source, invoice="FC2026-000052"),
        }

    def wrong_keys(self):
        return {
            "no such reference": lambda source: self.by_key(source=source, invoice="FC2026-999999"),
            "wrong key": lambda source: self.by_key(source=source, key="00000-00000"),
            "draft": lambda source: self.by_key(self.draft, source=source, invoice="FC2026-000050"),
            "other product": lambda source: self.by_key(self.of_music, source=source, invoice="FC2026-000051"),
            "other town": lambda source: self.by_key(self.of_the_next_town, source=source, invoice="FC2026-000052"),
            "another's key": lambda source: self.by_key(self.of_music, source=source),
        }


def seen(answer):
    """All that an attacker sees of an answer, less what he typed himself."""
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
    return answer.status_code, headers, NOISE.sub("", html.unescape(answer.content.decode()))


def cost(ask):
    """The questions that one answer puts to PostgreSQL, less the values in them."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    return [re.sub(r"'[^']*'|\b\d+\b", "?", query["sql"]) for query in queries]


@pytest.mark.parametrize("kind", ["wrong", "wrong_keys"])
class TestWhateverIsWrong:
    def test_the_page_its_status_and_its_headers_are_the_same(self, base, kind):
        answers = {name: seen(ask(HOME)) for name, ask in getattr(base, kind)().items()}
        first, *others = answers.values()
        assert first[0] == 422
        for other in others:
            assert other == first

    def test_the_questions_to_the_base_are_the_same(self, base, kind):
        ways = getattr(base, kind)()
        for ask in ways.values():  # each counter's first row of the hour is there
            ask(HOME)
        costs = {name: cost(lambda ask=ask: ask(HOME)) for name, ask in ways.items()}
        first, *others = costs.values()
        for other in others:
            assert other == first

    def test_nothing_of_it_is_logged(self, base, kind, caplog):
        caplog.set_level(logging.INFO)
        typed = {"FC2026-999999", "FC2026999999", "FC2026-000042", "FC2026000042", cast.MME_LEROY}
        for ask in getattr(base, kind)().values():
            ask(HOME)
        assert not [one for one in typed if one in caplog.text]
        assert printed(payment_key(base.titre)) not in caplog.text


class Attacker:
    """Draws references and amounts, or keys; never what Mme Leroy has."""

    def __init__(self, base):
        self.base, self.random = base, random.Random(8)  # noqa: S311

    def guess(self, *, source):
        number = self.random.randrange(100, 10**6)
        return self.base.send(
            source=source,
            invoice=InvoiceReference(f"FC2026{number:06d}").printed,
            amount=f"{self.random.randrange(1, 400)},{self.random.randrange(100):02d}",
        )

    def guess_key(self, *, source):
        alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
        return self.base.by_key(source=source, key="".join(self.random.choices(alphabet, k=10)))


class TestFromOneAddress:
    def test_thousands_of_guesses_are_slowed_and_its_payers_get_through(self, base):
        """The attacker sits in the town hall, and so does Mme Leroy."""
        attacker = Attacker(base)
        answers = [attacker.guess(source=TOWN_HALL) for _ in range(pages.MOST_FORMS - look_ups.MOST_BEYOND)]
        codes = [answer.status_code for answer in answers]
        assert codes[: look_ups.MOST_WRONG] == [422] * look_ups.MOST_WRONG
        assert set(codes[look_ups.MOST_WRONG :]) == {429}
        assert "Trop de demandes d’affilée" in html.unescape(answers[-1].content.decode())

        assert base.send().status_code == 200  # by the amount
        assert base.by_key().status_code == 200
        assert base.send(source=HOME).status_code == 200

        codes = [attacker.guess(source=TOWN_HALL).status_code for _ in range(GUESSES - len(answers))]
        assert set(codes) == {429}
        assert base.by_key().status_code == 200  # whatever the flood, whoever has a key is heard
        base.clock.pass_(minutes=1)
        assert base.send().status_code == 200

    def test_guessed_keys_are_slowed_and_who_has_one_is_heard(self, base):
        attacker = Attacker(base)
        codes = [attacker.guess_key(source=TOWN_HALL).status_code for _ in range(GUESSES // 2)]
        most = look_ups.MOST_WRONG_KEYS
        assert codes == [422] * most + [429] * (GUESSES // 2 - most)
        assert base.by_key().status_code == 200
        assert base.send().status_code == 200  # keys use up no budget of amounts

    def test_no_more_than_a_few_right_amounts_are_heard_beyond_the_budget(self, base):
        """Somebody who tries one likely amount on many references finds few of them."""
        invoices = [cast.make_titre(base.product, reference=f"FC2026{200 + place:06d}") for place in range(12)]
        attacker = Attacker(base)
        for _ in range(look_ups.MOST_WRONG):
            attacker.guess(source=TOWN_HALL)
        codes = [base.send(invoice=one.reference).status_code for one in invoices]
        assert codes.count(200) == look_ups.MOST_BEYOND

    def test_one_invoice_hears_few_wrong_amounts_from_one_address(self, base):
        codes = [base.send(amount=f"{place},00").status_code for place in range(1, 8)]
        most = look_ups.MOST_OF_ONE
        assert codes == [422] * most + [429] * (7 - most)
        assert base.send().status_code == 429  # even the right one, for the hour
        assert base.by_key().status_code == 200
        assert base.send(source=HOME).status_code == 200
        base.clock.pass_(minutes=60)
        assert base.send().status_code == 200

    def test_that_an_invoice_exists_changes_nothing_of_it(self, base):
        def answers(invoice, source):
            return [seen(base.send(source=source, invoice=invoice, amount="1,00")) for _ in range(5)]

        assert answers("FC2026-000042", HOME) == answers("FC2026-999999", "198.51.100.8")

    def test_it_closes_no_invoice_to_anybody_else(self, base):
        """Neither within its budget nor beyond."""
        invoices = [cast.make_titre(base.product, reference=f"FC2026{200 + place:06d}") for place in range(18)]
        for one in invoices:
            for place in range(look_ups.MOST_AMOUNTS):
                base.send(invoice=one.reference, amount=f"{place + 1},00")
        assert {base.send(source=HOME, invoice=one.reference).status_code for one in invoices} == {200}

    def test_a_whole_town_hall_pays_without_ever_waiting(self, base):
        codes = {base.send().status_code for _ in range(60)}
        assert codes == {200}


class TestFromManyAddresses:
    def test_the_amounts_of_one_reference_cannot_be_tried(self, base):
        codes = []
        for place in range(200):
            codes.append(base.send(source=f"203.0.113.{place}", amount=f"{place + 1},00").status_code)
        most = look_ups.MOST_AMOUNTS
        assert codes == [422] * most + [429] * (200 - most)
        assert base.send(source=HOME).status_code == 429  # even the right one, for the hour
        assert base.by_key(source=HOME).status_code == 200
        base.clock.pass_(minutes=30)
        assert base.send(source=HOME).status_code == 429
        base.clock.pass_(minutes=30)
        assert base.send(source=HOME).status_code == 200

    def test_it_takes_four_to_close_one_invoice(self, base):
        def press_on(places):
            for place in places:
                for amount in range(1, 11):
                    base.send(source=f"203.0.113.{place}", amount=f"{amount},00")

        press_on(range(3))
        assert base.send(source=HOME).status_code == 200
        press_on([3])
        assert base.send(source=HOME).status_code == 429

    def test_those_that_used_their_budget_up_try_few_amounts_and_close_it_to_nobody_else(self, base):
        attacker = Attacker(base)
        for place in range(12):
            source = f"203.0.113.{place}"
            for _ in range(look_ups.MOST_WRONG):
                attacker.guess(source=source)
            for amount in range(1, 4):
                base.send(source=source, amount=f"{amount},00")
        assert base.send(source=HOME).status_code == 200
        for _ in range(look_ups.MOST_WRONG):
            attacker.guess(source=TOWN_HALL)
        assert base.send().status_code == 429  # what they all tried counts against each of them

    def test_a_debt_of_the_comptable_hears_no_more_for_being_written_in_many_ways(self, base):
        cast.make_comptable_titre(base.town)
        numbers, lines = ["0" * place + "412" for place in range(6)], ("1", "01", "001", "0001")
        written = [f"2026-{number}-{line}" for number in numbers for line in lines]
        codes = [
            base.send(source=f"203.0.113.{place}", invoice=invoice, amount="1,00").status_code
            for place, invoice in enumerate(written)
        ]
        most = look_ups.MOST_AMOUNTS
        assert codes == [422] * most + [429] * (len(written) - most)
        for invoice in ("2026-412-1", "2026.0000412.0001", "202600000412000001"):
            assert base.send(source=HOME, invoice=invoice, amount="125,50").status_code == 429

    def test_nor_does_one_that_does_not_exist(self, base):
        def codes(number):
            return [
                base.send(source=f"203.0.113.{place}", invoice=f"2026-{'0' * (place % 4)}{number}-1", amount="1,00")
                for place in range(12)
            ]

        cast.make_comptable_titre(base.town)
        assert [seen(one) for one in codes(412)] == [seen(one) for one in codes(413)]

    def test_unknown_references_are_closed_alike(self, base):
        def codes(invoice):
            return [
                base.send(source=f"203.0.113.{host}", invoice=invoice, amount="1,00").status_code for host in range(15)
            ]

        assert codes("FC2026-000042") == codes("FC2026-999999")

    def test_an_attacked_town_goes_on_hearing_who_makes_no_mistake(self, base, monkeypatch):
        monkeypatch.setattr(look_ups, "MOST_WRONG_IN_TOWN", 300)
        attacker = Attacker(base)
        codes = []
        for place in range(400):
            codes.append(attacker.guess(source=f"10.{place // 250}.{place % 250}.1").status_code)
        assert codes.count(422) == look_ups.MOST_WRONG_IN_TOWN
        assert set(codes[look_ups.MOST_WRONG_IN_TOWN :]) == {429}
        assert base.send(source=HOME).status_code == 200
        assert base.by_key(source=HOME).status_code == 200
        assert base.send(source="10.0.0.1").status_code == 429  # an address that has guessed wrong this minute
        base.clock.pass_(minutes=1)
        assert base.send(source="10.0.0.1").status_code == 200

    def test_the_next_town_is_not_slowed_by_it(self, base, monkeypatch):
        monkeypatch.setattr(look_ups, "MOST_WRONG_IN_TOWN", 1)
        for place in range(3):
            base.send(source=f"10.0.0.{place}", amount="1,11")
        typed = RIGHT | {"invoice": "FC2026-000052"}
        answer = base.guichet.post("/val-de-l-orne/restaurant/", typed, REMOTE_ADDR="10.0.0.1")
        assert answer.status_code == 200
