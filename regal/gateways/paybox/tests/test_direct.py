"""Paybox Direct: what we ask and order, and what we make of the answers."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from regal.gateways.base import (
    AskableGateway,
    Claims,
    Environment,
    Misconfigured,
    Notice,
    Outcome,
    Question,
    Rank,
    Refused,
    ReversibleGateway,
    Timing,
    Transaction,
    Unreachable,
    Unreadable,
)
from regal.gateways.paybox.direct import read_reply
from regal.gateways.paybox.gateway import Paybox, PayboxDirect
from regal.gateways.paybox.tests import letters, test_paybox
from regal.gateways.paybox.tests.letters import REFERENCE
from regal.gateways.paybox.tests.test_paybox import AT, CANTEEN, CONFIG, SANDBOX, account
from regal.gateways.tests.contract import claims_of
from regal.lib.money import Money
from regal.lib.vault import Secret

PASSWORD = "s3cret+&=%"
MAIN, BACKUP = "ppps.paybox.com", "ppps1.paybox.com"
NUMBER = 1_393_586

TRANSACTION = Transaction(number="5329117", call="10244812")
SIGNED = Claims(
    account_identifier=None,
    debt_reference="CANT2026000412",
    exercice=None,
    amount=Money(3840),
    environment=None,
)
PAID_AT = datetime(2026, 11, 24, 13, 5, 20, tzinfo=UTC)
NAMED = Question(reference=REFERENCE, transaction=TRANSACTION, claims=SIGNED, occurred_at=PAID_AT, number=NUMBER)
BY_REFERENCE = Question(reference=REFERENCE, number=NUMBER)

CAPTURED = {  # as recorded, and un-encoded
    "NUMTRANS": "0005329117",
    "NUMAPPEL": "0010244812",
    "NUMQUESTION": "0001393586",
    "SITE": "2718281",
    "RANG": "01",
    "AUTORISATION": "581204",
    "CODEREPONSE": "00000",
    "COMMENTAIRE": "Demande traitée avec succès",
    "REFABONNE": "",
    "PORTEUR": "",
    "STATUS": "Capturé",
    "REMISE": "",
}
NO_SUCH = {
    "NUMTRANS": "0000000000",
    "NUMAPPEL": "0000000000",
    "AUTORISATION": "",
    "CODEREPONSE": "00018",
    "COMMENTAIRE": "PAYBOX : Transaction non trouvée",
    "STATUS": None,
    "REMISE": None,
}


def line(**changes: str | None) -> bytes:
    """An answer; None leaves a field out."""
    fields = {name: value for name, value in (CAPTURED | changes).items() if value is not None}
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode("latin-1")


def direct(http: httpx.Client | None = None, **changes: Any) -> PayboxDirect:
    secrets = {**CONFIG.secrets, "direct": Secret.of_text(changes.pop("password", PASSWORD))}
    config = dataclasses.replace(CONFIG, **{"secrets": secrets, **changes})
    gateway = Paybox.configure(config, http or letters.nobody(), lambda: AT)
    assert isinstance(gateway, PayboxDirect)
    return gateway


def answering(*bodies: bytes | Exception | httpx.Response) -> tuple[PayboxDirect, list[httpx.Request]]:
    """A gateway whose questions are answered one after the other, and the questions."""
    asked: list[httpx.Request] = []
    left = list(bodies)

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        said = left.pop(0)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, httpx.Response) else httpx.Response(200, content=said)

    return direct(letters.hearing(handle)), asked


def ask(body: bytes, question: Question = NAMED) -> Notice:
    gateway, _ = answering(body)
    return gateway.ask(question)


def fields_of(request: httpx.Request) -> list[tuple[str, str]]:
    return parse_qsl(request.content.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def cancel(gateway: PayboxDirect) -> object:
    return gateway.cancel(transaction=TRANSACTION, amount=Money(3840), number=NUMBER)


def refund(gateway: PayboxDirect) -> object:
    return gateway.refund(transaction=TRANSACTION, amount=Money(1000), number=NUMBER)


ORDERS = pytest.mark.parametrize("order", [cancel, refund])
Order = Callable[[PayboxDirect], object]


class TestPayboxDirectContract(test_paybox.TestPayboxContract):
    """All that the page promises, it promises with Direct too."""

    def gateway(self) -> Paybox:
        secrets = {**CONFIG.secrets, "direct": Secret.of_text(PASSWORD)}
        return account(secrets=secrets)


class TestTheAccount:
    def test_can_be_asked_where_its_contract_has_direct_and_nowhere_else(self) -> None:
        assert isinstance(direct(), AskableGateway)
        assert isinstance(direct(), ReversibleGateway)
        assert not isinstance(account(), AskableGateway | ReversibleGateway)

    def test_stays_the_same_at_the_host_that_is_awake(self) -> None:
        pages = {"tpeweb1.paybox.com": httpx.Response(200, content=letters.LOAD)}
        awake = direct(letters.hosts_saying(pages)).awake()
        assert isinstance(awake, PayboxDirect)
        assert awake.service_url == "https://tpeweb1.paybox.com/"

    @pytest.mark.parametrize("password", ["", "12345678901", "mot de", "clé", "a\n"])
    def test_refuses_a_password_that_direct_cannot_have(self, password: str) -> None:
        with pytest.raises(Misconfigured) as failure:
            direct(password=password)
        assert (failure.value.field, failure.value.code) == ("direct", "malformed")

    def test_refuses_the_published_password_where_money_moves(self) -> None:
        with pytest.raises(Misconfigured) as failure:
            direct(password="1999888I")
        assert (failure.value.field, failure.value.code) == ("direct", "published")
        assert direct(password="1999888I", environment=Environment.TEST)

    def test_waits_for_the_page_to_close_and_a_while_more(self) -> None:
        assert direct(options={"display_seconds": 600}).timing == Timing(
            opening=timedelta(minutes=10), outcome=timedelta(minutes=55), gives_up=timedelta(days=7)
        )

    def test_shows_its_password_to_nobody(self) -> None:
        assert PASSWORD not in repr(direct())


class TestTheQuestion:
    def test_about_a_transaction_is_one_form(self) -> None:
        gateway, asked = answering(line())
        gateway.ask(NAMED)
        (question,) = asked
        assert (question.method, str(question.url)) == ("POST", f"https://{MAIN}/PPPS.php")
        assert question.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert fields_of(question) == [
            ("VERSION", "00103"),
            ("TYPE", "00017"),
            ("SITE", "2718281"),
            ("RANG", "01"),
            ("CLE", PASSWORD),
            ("NUMQUESTION", "0001393586"),
            ("DATEQ", "24112026140000"),
            ("NUMAPPEL", "0010244812"),
            ("NUMTRANS", "0005329117"),
        ]

    def test_about_a_reference_is_one_form(self) -> None:
        gateway, asked = answering(line(STATUS=None, REMISE=None))
        gateway.ask(BY_REFERENCE)
        (question,) = asked
        assert fields_of(question)[1] == ("TYPE", "00011")
        assert fields_of(question)[7:] == [("REFERENCE", REFERENCE)]

    @pytest.mark.parametrize("number", [0, -1, 2_147_483_648])
    def test_always_has_a_number_of_its_own(self, number: int) -> None:
        gateway, asked = answering()
        with pytest.raises(ValueError, match="number"):
            gateway.ask(dataclasses.replace(NAMED, number=number))
        assert asked == []

    def test_goes_to_the_platform_of_the_account(self) -> None:
        for options, environment, host in (
            ({"platform": "up2pay"}, Environment.PRODUCTION, "ppps.e-transactions.fr"),
            ({"platform": "up2pay"}, Environment.TEST, "preprod-ppps.e-transactions.fr"),
            ({}, Environment.TEST, "preprod-ppps.paybox.com"),
            ({}, Environment.ACTIVATION, MAIN),
        ):
            pages = {host: httpx.Response(200, content=line())}
            gateway = direct(letters.hosts_saying(pages), options=options, environment=environment)
            assert gateway.ask(NAMED).outcome is Outcome.PAID

    def test_goes_to_a_sandbox_with_the_page(self) -> None:
        pages = {"paybox.invalid": httpx.Response(200, content=line())}
        assert direct(letters.hosts_saying(pages), **SANDBOX).ask(NAMED).outcome is Outcome.PAID


class TestWhatDirectSaysOfATransaction:
    @pytest.mark.parametrize("status", ["Capturé", "Autorisé"])
    def test_settles_what_was_signed(self, status: str) -> None:
        body = line(STATUS=status)
        notice = ask(body)
        assert (notice.rank, notice.outcome, notice.outcome_code) == (Rank.ASKED, Outcome.PAID, status)
        assert notice.contradicts == ()
        assert notice.claims.name(claims_of(direct(), CANTEEN))
        assert (notice.reference, notice.transaction, notice.call) == (REFERENCE, "5329117", "10244812")
        assert notice.occurred_at == PAID_AT
        assert notice.digest == read_reply(body).digest_of_content
        assert notice.facts == {
            "exists": "yes",
            "account_identifier": "2718281-01-314159265",
            "debt_reference": "CANT2026000412",
            "amount_cents": "3840",
            "environment": "production",
            "outcome": "paid",
            "outcome_code": status,
            "transaction": "5329117",
            "call": "10244812",
            "occurred_at": "2026-11-24T13:05:20+00:00",
        }

    def test_names_neither_amount_nor_debt_by_itself(self) -> None:
        """Without a signed message it settles nothing: what it says could be any payment of ours."""
        notice = ask(line(), dataclasses.replace(NAMED, claims=None))
        assert (notice.claims.amount, notice.claims.debt_reference) == (None, None)
        assert not notice.claims.name(claims_of(direct(), CANTEEN))

    def test_keeps_what_was_signed_of_the_test_platform(self) -> None:
        signed = dataclasses.replace(SIGNED, environment=Environment.TEST)
        claims = ask(line(), dataclasses.replace(NAMED, claims=signed)).claims
        assert claims.differences_from(claims_of(direct(), CANTEEN)) == ("environment",)

    def test_is_of_the_test_platform_where_nobody_authorised_it(self) -> None:
        claims = ask(line(AUTORISATION="XXXXXX")).claims
        assert claims.differences_from(claims_of(direct(), CANTEEN)) == ("environment",)

    def test_tells_in_which_remise_it_was_collected(self) -> None:
        assert ask(line(REMISE="000000042")).facts["remise"] == "42"
        assert ask(line(REMISE="R42")).outcome is Outcome.PAID

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            ("Refusé", Outcome.REFUSED),
            ("Annulé", Outcome.UNKNOWN),
            ("Remboursé", Outcome.UNKNOWN),
            ("Crédit", Outcome.UNKNOWN),
            ("Rejet support", Outcome.UNKNOWN),
            ("Demande de solde (Carte cadeaux)", Outcome.UNKNOWN),
            ("Capture", Outcome.PAID),
            ("AUTORISÉ", Outcome.PAID),
            ("Non autorisé", Outcome.UNKNOWN),
            ("Capturé partiellement", Outcome.UNKNOWN),
        ],
    )
    def test_is_paid_by_two_words_and_no_other(self, status: str, outcome: Outcome) -> None:
        notice = ask(line(STATUS=status))
        assert (notice.outcome, notice.outcome_code) == (outcome, status)

    def test_is_read_in_utf_8_too(self) -> None:
        assert ask(line().decode("latin-1").encode("utf-8")).outcome is Outcome.PAID

    def test_may_come_without_zeros_in_front(self) -> None:
        short = line(NUMTRANS="5329117", NUMAPPEL="10244812", NUMQUESTION="1393586", RANG="1")
        assert (ask(short).outcome, ask(short).contradicts) == (Outcome.PAID, ())

    @pytest.mark.parametrize(
        ("changes", "contradicts"),
        [
            ({"SITE": "2718282"}, ("account_identifier",)),
            ({"RANG": "02"}, ("account_identifier",)),
            ({"NUMTRANS": "0005329118"}, ("transaction",)),
            ({"NUMAPPEL": "0010244813"}, ("call",)),
            ({"NUMTRANS": "0010244812", "NUMAPPEL": "0005329117"}, ("transaction", "call")),
        ],
    )
    def test_of_another_payment_contradicts(self, changes: dict[str, str], contradicts: tuple[str, ...]) -> None:
        assert ask(line(**changes)).contradicts == contradicts

    @pytest.mark.parametrize("body", [line(**NO_SUCH), b"NUMQUESTION=1393586&CODEREPONSE=00018&COMMENTAIRE=x"])
    def test_that_it_does_not_know_concludes_nothing(self, body: bytes) -> None:
        notice = ask(body)
        assert (notice.outcome, notice.outcome_code, notice.rank) == (Outcome.PENDING, "00018", Rank.ASKED)
        assert notice.facts["exists"] == "no"
        assert (notice.transaction, notice.contradicts) == ("5329117", ())

    def test_that_it_does_not_know_may_be_said_in_two_words(self) -> None:
        assert ask(b"CODEREPONSE=00018&COMMENTAIRE=PAYBOX : Transaction non trouv\xe9e").facts["exists"] == "no"


class TestWhatDirectSaysOfAReference:
    def test_is_only_that_something_exists(self) -> None:
        """It settles nothing, however it is called: neither amount nor outcome is said."""
        notice = ask(line(), BY_REFERENCE)
        assert (notice.rank, notice.outcome, notice.outcome_code) == (Rank.ASKED, Outcome.PENDING, "00000")
        assert (notice.transaction, notice.call) == ("5329117", "10244812")
        assert notice.facts == {
            "exists": "yes",
            "outcome": "pending",
            "outcome_code": "00000",
            "transaction": "5329117",
            "call": "10244812",
            "reference": BY_REFERENCE.reference,
        }
        assert not notice.claims.name(claims_of(direct(), CANTEEN))

    def test_may_leave_its_numbers_out(self) -> None:
        notice = ask(line(NUMTRANS=None, NUMAPPEL="0000000000", STATUS=None, REMISE=None), BY_REFERENCE)
        assert (notice.facts["exists"], notice.transaction, notice.call) == ("yes", None, None)

    def test_is_that_nothing_exists_yet(self) -> None:
        notice = ask(line(**NO_SUCH), BY_REFERENCE)
        assert (notice.outcome, notice.outcome_code) == (Outcome.PENDING, "00018")
        assert notice.facts == {
            "exists": "no",
            "outcome": "pending",
            "outcome_code": "00018",
            "reference": BY_REFERENCE.reference,
        }

    def test_of_another_account_contradicts(self) -> None:
        assert ask(line(SITE="2718282"), BY_REFERENCE).contradicts == ("account_identifier",)


class TestAnAnswerThatIsNone:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "empty"),
            (b" \r\n", "empty"),
            (b"<html><body>Maintenance</body></html>", "not_a_frame"),
            (b"<html><a href='?CODEREPONSE=00000'></html>", "not_a_frame"),
            (line(CODEREPONSE=None), "not_a_frame"),
            (b"x" * 20_000, "too_long"),
        ],
    )
    def test_leaves_everything_unknown(self, body: bytes, code: str) -> None:
        gateway, _ = answering(body)
        with pytest.raises(Unreachable) as failure:
            gateway.ask(NAMED)
        assert (failure.value.code, failure.value.sent) == (code, True)

    @pytest.mark.parametrize("status", [302, 403, 500, 503])
    def test_is_that_of_a_server_in_trouble(self, status: int) -> None:
        gateway, _ = answering(httpx.Response(status, content=line(), headers={"Location": "https://e.invalid/"}))
        with pytest.raises(Unreachable) as failure:
            gateway.ask(NAMED)
        assert failure.value.code == f"http_{status}"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (line(NUMQUESTION="0001393587"), "another_question"),
            (line(NUMQUESTION="0000000000"), "another_question"),
            (line(NUMQUESTION=None), "another_question"),
            (line(**{**NO_SUCH, "NUMQUESTION": "0001393587"}), "another_question"),
            (line(NUMQUESTION="x"), "malformed_field"),
            (line() + b"&CODEREPONSE=00000", "repeated_field"),
            (line() + b"&STATUS=Autoris\xe9", "repeated_field"),
            (line(CODEREPONSE="0"), "malformed_field"),
            (line(CODEREPONSE=""), "malformed_field"),
            (line(STATUS=None), "missing_field"),
            (line(STATUS=""), "missing_field"),
            (line(NUMTRANS=None), "missing_field"),
            (line(NUMAPPEL="0000000000"), "missing_field"),
            (line(SITE=None), "missing_field"),
            (line(NUMTRANS="53x"), "malformed_field"),
        ],
    )
    def test_that_cannot_be_meant_is_not_read(self, body: bytes, code: str) -> None:
        with pytest.raises(Unreadable) as failure:
            ask(body)
        assert failure.value.code == code

    @pytest.mark.parametrize("code", ["00001", "00003", "00005", "00039", "00097", "00098", "00099"])
    def test_is_one_of_trouble(self, code: str) -> None:
        gateway, _ = answering(line(**{**NO_SUCH, "CODEREPONSE": code}), line(**{**NO_SUCH, "CODEREPONSE": code}))
        with pytest.raises(Unreachable) as failure:
            gateway.ask(NAMED)
        assert failure.value.code == f"direct_{code}"

    @pytest.mark.parametrize("code", ["00002", "00006", "00007", "00013", "00014", "00017", "00777", "00105"])
    def test_says_that_the_question_was_wrong(self, code: str) -> None:
        gateway, _ = answering(line(**{**NO_SUCH, "CODEREPONSE": code}))
        with pytest.raises(Refused) as failure:
            gateway.ask(NAMED)
        assert failure.value.code == f"direct_{code}"

    def test_keeps_an_and_sign_in_its_comment_for_itself(self) -> None:
        assert ask(line(COMMENTAIRE="Banque & fils")).outcome is Outcome.PAID

    def test_tells_nobody_the_password(self) -> None:
        gateway, _ = answering(httpx.ReadTimeout("late"))
        with pytest.raises(Unreachable) as failure:
            gateway.ask(NAMED)
        assert PASSWORD not in repr(failure.value) + str(failure.value.__cause__) + str(failure.value.__context__)


class TestTheBackupOfDirect:
    def hosts(self, asked: list[httpx.Request]) -> list[str]:
        return [request.url.host for request in asked]

    @pytest.mark.parametrize(
        "main",
        [httpx.ConnectError("no"), httpx.ConnectTimeout("late"), *(b"CODEREPONSE=0000" + c for c in (b"1", b"3"))],
    )
    def test_is_asked_where_the_main_host_heard_nothing_or_cannot_answer(self, main: bytes | Exception) -> None:
        gateway, asked = answering(main, line())
        assert gateway.ask(NAMED).outcome is Outcome.PAID
        assert self.hosts(asked) == [MAIN, BACKUP]
        assert asked[0].content == asked[1].content

    @pytest.mark.parametrize("main", [httpx.ReadTimeout("late"), b"CODEREPONSE=00006", b"CODEREPONSE=00099", b"<html>"])
    def test_is_not_asked_otherwise(self, main: bytes | Exception) -> None:
        gateway, asked = answering(main)
        with pytest.raises((Unreachable, Refused)):
            gateway.ask(NAMED)
        assert self.hosts(asked) == [MAIN]

    @ORDERS
    def test_is_given_an_order_that_certainly_never_left(self, order: Order) -> None:
        gateway, asked = answering(httpx.ConnectError("no"), line())
        order(gateway)
        assert self.hosts(asked) == [MAIN, BACKUP]

    @ORDERS
    @pytest.mark.parametrize(
        "main",
        [
            httpx.ReadTimeout("late"),
            httpx.ReadError("cut"),
            httpx.WriteTimeout("late"),
            httpx.Response(502),
            *(
                b"CODEREPONSE=" + code
                for code in (b"00001", b"00003", b"00097", b"00098", b"00099", b"00005", b"00039")
            ),
        ],
    )
    def test_is_never_given_an_order_that_may_have_been_heard(
        self, order: Order, main: bytes | Exception | httpx.Response
    ) -> None:
        gateway, asked = answering(main, line())
        with pytest.raises(Unreachable) as failure:
            order(gateway)
        assert failure.value.sent
        assert self.hosts(asked) == [MAIN]


class TestOrders:
    def test_cancel_before_the_night_s_settlement(self) -> None:
        body = line(STATUS=None, REMISE=None)
        gateway, asked = answering(body)
        reversal = gateway.cancel(transaction=TRANSACTION, amount=Money(3840), number=NUMBER)
        assert fields_of(asked[0])[1] == ("TYPE", "00005")
        assert fields_of(asked[0])[5:] == [
            ("NUMQUESTION", "0001393586"),
            ("DATEQ", "24112026140000"),
            ("MONTANT", "0000003840"),
            ("DEVISE", "978"),
            ("NUMAPPEL", "0010244812"),
            ("NUMTRANS", "0005329117"),
        ]
        assert (reversal.transaction, reversal.code) == (TRANSACTION, "00000")
        assert reversal.digest == sha256(body).hexdigest()

    def test_refund_a_part_under_a_number_of_its_own(self) -> None:
        gateway, asked = answering(line(NUMTRANS="0005329120", STATUS=None, REMISE=None))
        reversal = gateway.refund(transaction=TRANSACTION, amount=Money(1000), number=NUMBER)
        assert fields_of(asked[0])[1] == ("TYPE", "00014")
        assert ("MONTANT", "0000001000") in fields_of(asked[0])
        assert reversal.transaction == Transaction(number="5329120", call="10244812")

    @ORDERS
    @pytest.mark.parametrize("code", ["00002", "00006", "00011", "00014", "00015", "00018", "00105"])
    def test_that_are_refused_were_certainly_not_carried_out(self, order: Order, code: str) -> None:
        gateway, _ = answering(line(**{**NO_SUCH, "CODEREPONSE": code}))
        with pytest.raises(Refused) as failure:
            order(gateway)
        assert failure.value.code == f"direct_{code}"

    @ORDERS
    @pytest.mark.parametrize(
        "body",
        [
            b"CODEREPONSE=00000&COMMENTAIRE=",
            line(NUMQUESTION="0001393587"),
            line(SITE="2718282"),
            line(RANG="02"),
            line(SITE=None),
            line() + b"&SITE=2718281",
        ],
    )
    def test_whose_answer_makes_no_sense_may_have_been_carried_out(self, order: Order, body: bytes) -> None:
        gateway, asked = answering(body)
        with pytest.raises(Unreachable) as failure:
            order(gateway)
        assert (failure.value.code, failure.value.sent) == ("unreadable_answer", True)
        assert len(asked) == 1

    def test_refund_without_a_number_may_have_been_carried_out(self) -> None:
        gateway, _ = answering(line(NUMTRANS="0000000000"))
        with pytest.raises(Unreachable):
            refund(gateway)

    @ORDERS
    def test_that_nobody_hears_are_known_not_to_have_left(self, order: Order) -> None:
        gateway, asked = answering(httpx.ConnectError("no"), httpx.ConnectError("no"))
        with pytest.raises(Unreachable) as failure:
            order(gateway)
        assert (failure.value.code, failure.value.sent, len(asked)) == ("connect", False, 2)

    @pytest.mark.parametrize("cents", [0, -1])
    def test_of_nothing_are_not_given(self, cents: int) -> None:
        gateway, asked = answering()
        with pytest.raises(Refused):
            gateway.refund(transaction=TRANSACTION, amount=Money(cents), number=NUMBER)
        assert asked == []
