"""PayFiP's web service: what we ask, and what we make of the answers."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from regal.gateways.base import (
    AccountConfig,
    AskableGateway,
    Claims,
    ClientDescription,
    DebtKind,
    DescribableGateway,
    Environment,
    Key,
    Means,
    Message,
    Misconfigured,
    Notice,
    Nudge,
    Outcome,
    PaymentRequest,
    Question,
    Rank,
    Refused,
    Timing,
    Unreachable,
    Unreadable,
)
from regal.gateways.payfip_ws.client import SERVICE, SOAP
from regal.gateways.payfip_ws.gateway import PayfipWs, PayfipWsAccount
from regal.gateways.payfip_ws.tests import answers
from regal.gateways.payfip_ws.tests.answers import CLIENT, CREATE, DETAIL, IDOP, LABELS, OTHER_IDOP, detail, saying
from regal.gateways.tests.contract import GatewayContract, claims_of
from regal.lib.money import Money

SERVICE_URL = "https://www.payfip.gouv.fr/tpa/"
FORM = "application/x-www-form-urlencoded"
RECEIVED_AT = datetime(2026, 11, 24, 13, 5, 30, tzinfo=UTC)
WSDL = Path(__file__).parents[1] / "wsdl"

NADIAS_REGIE = PayfipWsAccount(numcli="099042", environment=Environment.PRODUCTION)

CANTEEN = PaymentRequest(
    reference="our-reference",
    amount=Money(3840),
    debt_reference="CANT2026000412",
    exercice=2026,
    label="Cantine d’octobre",
    payer_email="mme.leroy@exemple.invalid",
    environment=Environment.PRODUCTION,
    notification_url="https://guichet.exemple.invalid/n/abcdef",
    return_url="https://guichet.exemple.invalid/r/abcdef",
)


def account(http: httpx.Client | None = None, **changes: Any) -> PayfipWs:
    return PayfipWs(SERVICE_URL, dataclasses.replace(NADIAS_REGIE, **changes), http=http or answers.pretend_payfip())


def request(**changes: Any) -> PaymentRequest:
    return dataclasses.replace(CANTEEN, **changes)


def message(body: bytes = b"", query: bytes = b"", method: str = "POST", content_type: str = FORM) -> Message:
    return Message(method=method, query=query, body=body, content_type=content_type, received_at=RECEIVED_AT)


def about(key: str) -> Question:
    return Question(reference="ours", key=Key(value=key))


def ask(body: bytes, status: int = 200, **changes: Any) -> Notice:
    return account(saying(body, status), **changes).ask(about(IDOP))


def told(**changes: str | None) -> Notice:
    return ask(answers.answer(DETAIL, detail(**changes)))


def unreadable(asked: Message) -> str:
    with pytest.raises(Unreadable) as failure:
        account().read(asked)
    return failure.value.code


def asked_by(gateway_does: Any) -> httpx.Request:
    """The one question that was put."""
    questions: list[httpx.Request] = []

    def hear(question: httpx.Request) -> httpx.Response:
        questions.append(question)
        return httpx.Response(503)

    with pytest.raises(Unreachable):
        gateway_does(account(answers.hearing(hear)))
    (question,) = questions
    return question


class TestPayfipWsContract(GatewayContract):
    def gateway(self) -> PayfipWs:
        return account()

    def request_to_pay(self) -> PaymentRequest:
        return CANTEEN

    def paid(self) -> Message:
        return message(f"idop={IDOP}".encode())

    def altered(self) -> Message:
        return message(f"idop={IDOP[:-1]}5".encode())

    def foreign(self) -> Message:
        return message(f"idop={OTHER_IDOP}".encode())

    def unknown_code(self) -> Message:
        return message(f"idop={IDOP}&resultrans=Q".encode())

    def unreadable(self) -> Sequence[Message]:
        bodies = (
            b"",
            b"{}",
            b"idop=",
            b"idop=1",
            b"resultrans=P&mel=mme.leroy%40exemple.invalid",
            f"idop={IDOP}&idop={IDOP}".encode(),
            f"idop={IDOP}&idOp={IDOP}".encode(),
            f"idop={IDOP}%00".encode(),
            f"idop={IDOP}0".encode(),
            f"idop= {IDOP}".encode(),
            b"idop=mme.leroy%40exemple.invalid",
        )
        return [message(body) for body in bodies]

    # What an answer to our question proves

    def test_knows_that_the_request_was_paid_when_it_asks(self) -> None:
        gateway = self.gateway()
        notice = gateway.ask(about(gateway.open(self.request_to_pay()).value))
        assert (notice.rank, notice.outcome) == (Rank.ASKED, Outcome.PAID)
        assert notice.claims.differences_from(claims_of(gateway, self.request_to_pay())) == ()
        assert not notice.claims.is_of_another_exercice(claims_of(gateway, self.request_to_pay()))
        assert notice.contradicts == ()


class TestAccount:
    def configured(self, kind: DebtKind = DebtKind.REGIE, identifier: str = "099042", **options: object) -> PayfipWs:
        config = AccountConfig(
            service_url=SERVICE_URL,
            identifier=identifier,
            debt_kind=kind,
            environment=Environment.TEST,
            options=options,
        )
        return PayfipWs.configure(config, answers.pretend_payfip())

    def test_is_built_from_a_contract_and_its_options(self) -> None:
        gateway = self.configured(min_amount_cents=500, opening_minutes=10, outcome_minutes=180, give_up_days=3)
        assert gateway.account == PayfipWsAccount(
            numcli="099042",
            environment=Environment.TEST,
            min_amount=Money(500),
            timing=Timing(opening=timedelta(minutes=10), outcome=timedelta(minutes=180), gives_up=timedelta(days=3)),
        )

    def test_may_say_how_its_statements_are_written(self) -> None:
        assert self.configured(statement_amounts="cents").account == self.configured().account

    def test_waits_as_long_as_payfip_may_take(self) -> None:
        assert self.configured().timing == Timing(
            opening=timedelta(minutes=15), outcome=timedelta(hours=2), gives_up=timedelta(days=7)
        )

    def test_can_be_asked_and_tells_whose_it_is(self) -> None:
        assert isinstance(self.configured(), AskableGateway)
        assert isinstance(self.configured(), DescribableGateway)

    @pytest.mark.parametrize("kind", [DebtKind.TITRE, DebtKind.ORMC])
    def test_is_a_regie_s_and_nobody_else_s(self, kind: DebtKind) -> None:
        with pytest.raises(Misconfigured) as wrong:
            self.configured(kind)
        assert (wrong.value.field, wrong.value.code) == ("debt_kind", "not_a_regie")

    @pytest.mark.parametrize(
        ("options", "field", "code"),
        [
            ({"manual_entry": True}, "manual_entry", "unknown_option"),
            ({"min_amount_cents": 1.5}, "min_amount_cents", "wrong_type"),
            ({"min_amount_cents": 0}, "min_amount", "out_of_order"),
            ({"min_reference_length": 31}, "min_reference_length", "out_of_bounds"),
            ({"opening_minutes": 0}, "opening_minutes", "out_of_bounds"),
            ({"opening_minutes": True}, "opening_minutes", "wrong_type"),
            ({"opening_minutes": 10**30}, "opening_minutes", "out_of_bounds"),
            ({"opening_minutes": 121}, "outcome_minutes", "out_of_bounds"),
            ({"outcome_minutes": 3 * 24 * 60, "give_up_days": 2}, "give_up_days", "out_of_bounds"),
            ({"give_up_days": 367}, "give_up_days", "out_of_bounds"),
            ({"statement_amounts": "francs"}, "statement_amounts", "unusable"),
        ],
    )
    def test_refuses_options_that_make_no_sense(self, options: dict[str, Any], field: str, code: str) -> None:
        with pytest.raises(Misconfigured) as wrong:
            self.configured(**options)
        assert (wrong.value.field, wrong.value.code) == (field, code)

    @pytest.mark.parametrize("identifier", ["", "99042", "0990421", "09904A", "١" * 6])
    def test_has_a_number_of_six_digits(self, identifier: str) -> None:
        with pytest.raises(Misconfigured) as wrong:
            self.configured(identifier=identifier)
        assert (wrong.value.field, wrong.value.code) == ("identifier", "not_six_digits")

    @pytest.mark.parametrize("url", ["https://www.payfip.gouv.fr/tpa", "ftp://payfip/", "/tpa/", "https://x/?a=/"])
    def test_speaks_to_a_whole_address(self, url: str) -> None:
        with pytest.raises(Misconfigured):
            PayfipWs(url, NADIAS_REGIE, http=answers.pretend_payfip())


class TestCreation:
    def test_asks_with_all_payfip_needs_in_the_order_of_its_schema(self) -> None:
        question = asked_by(lambda gateway: gateway.open(CANTEEN))
        assert list(answers.arguments_of(question).items()) == [
            ("exer", "2026"),
            ("mel", "mme.leroy@exemple.invalid"),
            ("montant", "3840"),
            ("numcli", "099042"),
            ("objet", "Cantine d octobre"),
            ("refdet", "CANT2026000412"),
            ("saisie", "W"),
            ("urlnotif", "https://guichet.exemple.invalid/n/abcdef"),
            ("urlredirect", "https://guichet.exemple.invalid/r/abcdef"),
        ]

    def test_leaves_out_what_there_is_not(self) -> None:
        without = request(exercice=None, label="…", notification_url=None, return_url=None)
        question = asked_by(lambda gateway: gateway.open(without))
        assert list(answers.arguments_of(question)) == ["mel", "montant", "numcli", "refdet", "saisie"]

    def test_is_one_post_of_soap_to_the_service(self) -> None:
        question = asked_by(lambda gateway: gateway.open(CANTEEN))
        assert (question.method, str(question.url)) == ("POST", f"{SERVICE_URL}services/securite")
        assert question.headers["Content-Type"] == "text/xml; charset=utf-8"
        assert question.headers["SOAPAction"] == '""'
        assert question.headers["Accept-Encoding"] == "identity"

    @pytest.mark.parametrize(
        ("environment", "saisie"),
        [(Environment.TEST, "T"), (Environment.ACTIVATION, "X"), (Environment.PRODUCTION, "W")],
    )
    def test_says_of_which_environment_it_is(self, environment: Environment, saisie: str) -> None:
        asked = request(environment=environment)
        heard: list[httpx.Request] = []

        def hear(question: httpx.Request) -> httpx.Response:
            heard.append(question)
            return httpx.Response(200, content=answers.answer(CREATE, {"idOp": IDOP}))

        account(answers.hearing(hear), environment=environment).open(asked)
        assert answers.arguments_of(heard[0])["saisie"] == saisie

    def test_keeps_an_address_with_everything_xml_dislikes(self) -> None:
        url = "https://guichet.exemple.invalid/n/a?b='1'&c=<2>\"]]>"
        question = asked_by(lambda gateway: gateway.open(request(notification_url=url)))
        assert answers.arguments_of(question)["urlnotif"] == url

    def test_gives_the_key_in_lower_case(self) -> None:
        assert account(answers.pretend_payfip(idop=IDOP.upper())).open(CANTEEN) == Key(value=IDOP)

    def test_sends_the_payer_to_the_page_of_the_key(self) -> None:
        gateway = account()
        assert gateway.hand_off(CANTEEN, Key(value=IDOP)).url == f"{SERVICE_URL}paiementws.web?idop={IDOP}"

    @pytest.mark.parametrize(("key", "code"), [(None, "key_missing"), (Key(value="1&x=2"), "key_malformed")])
    def test_sends_nobody_away_without_a_key(self, key: Key | None, code: str) -> None:
        with pytest.raises(Refused) as refused:
            account().hand_off(CANTEEN, key)
        assert refused.value.code == code

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"environment": Environment.TEST}, "environment_differs"),
            ({"amount": Money(99)}, "amount_out_of_bounds"),
            ({"amount": Money(10_000_000)}, "amount_out_of_bounds"),
            ({"debt_reference": "ABCD"}, "reference_malformed"),
            ({"debt_reference": "CANT-2026-000412"}, "reference_malformed"),
            ({"debt_reference": "A" * 31}, "reference_malformed"),
            ({"exercice": 26}, "exercice_malformed"),
            ({"payer_email": "nobody"}, "email_malformed"),
            ({"notification_url": "https://x/" + "a" * 241}, "notification_url_too_long"),
            ({"notification_url": "javascript:alert(1)"}, "notification_url_malformed"),
            ({"return_url": "https://x/" + "a" * 241}, "return_url_too_long"),
            ({"return_url": "https://x/\x00"}, "return_url_malformed"),
        ],
    )
    def test_refuses_beforehand_what_payfip_would_refuse(self, changes: dict[str, Any], code: str) -> None:
        nobody = answers.failing(AssertionError("nothing may be sent"))
        with pytest.raises(Refused) as refused:
            account(nobody).open(request(**changes))
        assert refused.value.code == code

    @pytest.mark.parametrize("code", ["A1", "A2", "D1", "M1", "M3", "M5", "N1", "R3", "S1", "T1", "T2", "T4", "P5"])
    def test_is_refused_by_payfip_with_its_own_code(self, code: str) -> None:
        with pytest.raises(Refused) as refused:
            account(saying(answers.fault(code), 500)).open(CANTEEN)
        assert refused.value.code == f"payfip_{code}"

    @pytest.mark.parametrize("code", ["", "code inventé", "P" * 40, "<b>P5</b>", "p5"])
    def test_repeats_no_code_that_is_none(self, code: str) -> None:
        with pytest.raises((Refused, Unreachable)) as failure:
            account(saying(answers.fault(code), 500)).open(CANTEEN)
        assert failure.value.code in ("payfip_unknown", "unreadable_answer")

    @pytest.mark.parametrize(
        "fields", [{}, {"idOp": ""}, {"idOp": "1"}, {"idop": IDOP}, {"idOp": f"{IDOP}&x=1"}, {"idOp": IDOP + "0"}]
    )
    def test_knows_nothing_when_the_answer_holds_no_key(self, fields: dict[str, str]) -> None:
        with pytest.raises(Unreachable) as failure:
            account(saying(answers.answer(CREATE, fields))).open(CANTEEN)
        assert (failure.value.code, failure.value.sent) == ("unreadable_answer", True)

    def test_tells_nothing_personal_when_it_fails(self) -> None:
        for body in (answers.fault("A2", libelle=CANTEEN.payer_email), answers.answer(CREATE, {"idOp": "a@b.fr"})):
            with pytest.raises((Refused, Unreachable)) as failure:
                account(saying(body, 200)).open(CANTEEN)
            assert "@" not in repr(failure.value)


class TestNudge:
    @pytest.mark.parametrize(
        "heard",
        [
            message(f"idop={IDOP}".encode()),
            message(f"idOp={IDOP}".encode()),
            message(f"IDOP={IDOP.upper()}".encode()),
            message(query=f"idop={IDOP}".encode()),
            message(query=f"idop={IDOP}".encode(), method="GET", content_type=""),
            message(f"idop={IDOP}".encode(), query=f"idOp={IDOP}".encode()),
            message(f"idop={IDOP}&resultrans=P&montant=1".encode()),
            message(f"&idop={IDOP}&".encode(), content_type=f"{FORM}; charset=ISO-8859-1"),
        ],
    )
    def test_only_names_the_key_to_ask_about(self, heard: Message) -> None:
        assert account().read(heard) == Nudge(key=Key(value=IDOP))

    @pytest.mark.parametrize(
        ("heard", "code"),
        [
            (message(), "empty"),
            (message(b"resultrans=P"), "missing_field"),
            (message(b"idop="), "missing_field"),
            (message(IDOP.encode()), "malformed_pair"),
            (message(f"idop={IDOP[:-1]}".encode()), "malformed_field"),
            (message(f"idop={IDOP}%20".encode()), "malformed_field"),
            (message(f"idop={IDOP}&idOp={OTHER_IDOP}".encode()), "repeated_field"),
            (message(f"idop={IDOP}".encode(), query=f"idop={OTHER_IDOP}".encode()), "contradiction"),
            (message(f"idop={IDOP}".encode(), content_type="text/xml"), "not_a_form"),
            (message(b"idop=" + b"a" * 9000), "too_long"),
        ],
    )
    def test_is_unreadable_otherwise(self, heard: Message, code: str) -> None:
        assert unreadable(heard) == code


class TestQuestion:
    def test_names_the_key_and_nothing_else(self) -> None:
        question = asked_by(lambda gateway: gateway.ask(about(IDOP)))
        assert answers.arguments_of(question) == {"idOp": IDOP}

    def test_is_not_put_about_what_is_no_key(self) -> None:
        with pytest.raises(Refused) as refused:
            account(answers.failing(AssertionError("nothing may be sent"))).ask(about("<idOp/>"))
        assert refused.value.code == "key_malformed"

    def test_is_answered_with_all_we_need(self) -> None:
        body = answers.answer(DETAIL, detail())
        assert ask(body) == Notice(
            rank=Rank.ASKED,
            outcome=Outcome.PAID,
            outcome_code="P",
            claims=Claims(
                account_identifier="099042",
                debt_reference="CANT2026000412",
                exercice=2026,
                amount=Money(3840),
                environment=Environment.PRODUCTION,
            ),
            reference=IDOP,
            means=Means.CARD,
            occurred_at=datetime(2026, 11, 24, 13, 5, tzinfo=UTC),
            transaction="3feabd",
            facts={
                "account_identifier": "099042",
                "debt_reference": "CANT2026000412",
                "exercice": "2026",
                "amount_cents": "3840",
                "environment": "production",
                "entry_code": "W",
                "outcome": "paid",
                "outcome_code": "P",
                "means": "card",
                "authorisation": "3feabd",
                "occurred_at": "2026-11-24T13:05:00+00:00",
                "key": IDOP,
            },
            digest=sha256(body).hexdigest(),
        )

    def test_leaves_nothing_personal_behind(self) -> None:
        assert "mme.leroy" not in repr(told())
        assert "Cantine" not in repr(told())

    @pytest.mark.parametrize(
        ("letter", "outcome", "means"),
        [
            ("P", Outcome.PAID, Means.CARD),
            ("V", Outcome.PAID, Means.DIRECT_DEBIT),
            ("R", Outcome.REFUSED, Means.CARD),
            ("Z", Outcome.REFUSED, Means.DIRECT_DEBIT),
            ("A", Outcome.ABANDONED, Means.CARD),
            ("W", Outcome.UNKNOWN, None),
            ("p", Outcome.UNKNOWN, None),
            ("PP", Outcome.UNKNOWN, None),
        ],
    )
    def test_tells_what_became_of_the_payment(self, letter: str, outcome: Outcome, means: Means | None) -> None:
        notice = told(resultrans=letter)
        assert (notice.outcome, notice.means, notice.outcome_code) == (outcome, means, letter)

    @pytest.mark.parametrize(
        ("saisie", "environment"),
        [("T", Environment.TEST), ("X", Environment.ACTIVATION), ("W", Environment.PRODUCTION)],
    )
    def test_tells_whether_money_moved(self, saisie: str, environment: Environment) -> None:
        assert told(saisie=saisie).claims.environment is environment

    @pytest.mark.parametrize(
        ("code", "outcome"),
        [
            ("P5", Outcome.PENDING),
            ("P1", Outcome.FORGOTTEN),
            ("P3", Outcome.PENDING),
            ("P4", Outcome.PENDING),
        ],
    )
    @pytest.mark.parametrize("status", [500, 200])
    def test_may_be_too_early_or_too_late(self, code: str, outcome: Outcome, status: int) -> None:
        notice = ask(answers.fault(code), status)
        assert (notice.rank, notice.outcome, notice.outcome_code) == (Rank.ASKED, outcome, code)
        assert notice.claims == Claims(
            account_identifier=None, debt_reference=None, exercice=None, amount=None, environment=None
        )
        assert notice.reference == IDOP
        assert notice.digest == sha256(answers.fault(code)).hexdigest()

    @pytest.mark.parametrize("code", ["T2", "T4", "P2", "A2", "X99"])
    def test_learns_nothing_from_a_fault_about_something_else(self, code: str) -> None:
        with pytest.raises(Refused) as refused:
            ask(answers.fault(code), 500)
        assert refused.value.code == f"payfip_{code}"

    def test_sees_an_answer_about_another_key(self) -> None:
        assert told(idOp=OTHER_IDOP).contradicts == ("key",)
        assert told(idOp=IDOP.upper()).contradicts == ()
        assert told(idOp=None).contradicts == ()

    def test_believes_an_exercice_of_four_digits_only(self) -> None:
        notice = told(exer="20")
        assert (notice.claims.exercice, notice.remarks) == (None, ("exercice_unreadable",))
        assert told(exer=None).remarks == ()

    @pytest.mark.parametrize("letter", ["A", "R"])
    def test_needs_neither_authorisation_nor_label_nor_address(self, letter: str) -> None:
        notice = told(resultrans=letter, numauto=None, objet=None, mel=None)
        assert (notice.transaction, notice.remarks) == (None, ())

    @pytest.mark.parametrize(
        ("dattrans", "heurtrans", "occurred_at", "remarks"),
        [
            ("24112026", "0005", datetime(2026, 11, 23, 23, 5, tzinfo=UTC), ()),
            ("01072026", "0005", datetime(2026, 6, 30, 22, 5, tzinfo=UTC), ()),
            ("25102026", "0230", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), ("moment_ambiguous",)),
            ("29032026", "0230", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), ("moment_imaginary",)),
            ("11242026", "1405", None, ("moment_impossible",)),
            ("24112026", "2405", None, ("moment_impossible",)),
            ("24112026", "14:05", None, ("moment_unreadable",)),
            ("24112026", None, None, ("moment_unreadable",)),
            (None, None, None, ()),
        ],
    )
    def test_reads_the_clocks_of_paris(
        self, dattrans: str | None, heurtrans: str | None, occurred_at: datetime | None, remarks: tuple[str, ...]
    ) -> None:
        notice = told(dattrans=dattrans, heurtrans=heurtrans)
        assert (notice.occurred_at, notice.remarks) == (occurred_at, remarks)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"resultrans": None}, "missing_field"),
            ({"resultrans": "payé"}, "malformed_field"),
            ({"numcli": None}, "missing_field"),
            ({"numcli": "99042"}, "malformed_field"),
            ({"refdet": None}, "missing_field"),
            ({"montant": None}, "missing_field"),
            ({"montant": "38.40"}, "malformed_field"),
            ({"montant": "-3840"}, "malformed_field"),
            ({"montant": "٣٨٤٠"}, "malformed_field"),
            ({"saisie": None}, "missing_field"),
            ({"saisie": "A"}, "unknown_saisie"),
            ({"saisie": "M"}, "unknown_saisie"),
        ],
    )
    def test_understands_no_answer_without_what_decides(self, changes: dict[str, str | None], code: str) -> None:
        with pytest.raises(Unreadable) as failure:
            told(**changes)
        assert failure.value.code == code


class TestDescription:
    def describe(self, **changes: str) -> ClientDescription:
        return account(saying(answers.answer(CLIENT, LABELS | changes))).describe()

    def test_asks_by_the_number_alone(self) -> None:
        question = asked_by(lambda gateway: gateway.describe())
        assert answers.arguments_of(question) == {"numCli": "099042"}

    def test_gives_the_labels_in_their_order(self) -> None:
        assert self.describe() == ClientDescription(
            identifier="099042", labels=("RR CANTINE", "VALFICTIF", "EDUCATION")
        )

    def test_leaves_out_what_is_empty_and_bounds_what_is_long(self) -> None:
        assert self.describe(libelleN2="", libelleN3="B" * 1000).labels == ("RR CANTINE", "B" * 200)

    def test_puts_each_label_on_one_line(self) -> None:
        assert self.describe(libelleN1="RR\n  CANTINE\t1").labels[0] == "RR CANTINE 1"

    def test_is_not_of_another_client(self) -> None:
        with pytest.raises(Unreadable) as failure:
            self.describe(numcli="099077")
        assert failure.value.code == "another_client"

    @pytest.mark.parametrize("code", ["T1", "T2", "T4"])
    def test_says_what_payfip_reproaches(self, code: str) -> None:
        with pytest.raises(Refused) as refused:
            account(saying(answers.fault(code), 500)).describe()
        assert refused.value.code == f"payfip_{code}"


class TestSchemas:
    schema = etree.XMLSchema(etree.parse(str(WSDL / "PaiementSecuriseService_schema1.xsd")))

    def inside(self, envelope: bytes) -> etree._Element:
        (body,) = etree.fromstring(envelope).findall(f"{{{SOAP}}}Body")
        (inside,) = body
        return inside

    @pytest.mark.parametrize(
        "do",
        [
            lambda gateway: gateway.open(CANTEEN),
            lambda gateway: gateway.open(request(exercice=None, label="", notification_url=None, return_url=None)),
            lambda gateway: gateway.ask(about(IDOP)),
            lambda gateway: gateway.describe(),
        ],
    )
    def test_hold_for_every_question(self, do: Any) -> None:
        self.schema.assertValid(self.inside(asked_by(do).content))

    def test_put_the_outer_element_in_the_service_and_the_rest_nowhere(self) -> None:
        operation = self.inside(asked_by(lambda gateway: gateway.open(CANTEEN)).content)
        assert operation.tag == f"{{{SERVICE}}}{CREATE}"
        assert {etree.QName(inner).namespace for inner in operation.iterdescendants()} == {None}

    @pytest.mark.parametrize(
        "body",
        [
            answers.answer(CREATE, {"idOp": IDOP}),
            answers.answer(DETAIL, detail()),
            answers.answer(DETAIL, detail(numauto=None, objet=None, resultrans="A")),
            answers.answer(CLIENT, LABELS),
        ],
    )
    def test_hold_for_the_answers_of_these_tests(self, body: bytes) -> None:
        self.schema.assertValid(self.inside(body))

    @pytest.mark.parametrize(
        "name",
        [
            "FonctionnelleErreur",
            "TechDysfonctionnementErreur",
            "TechIndisponibiliteErreur",
            "TechProtocolaireErreur",
        ],
    )
    def test_hold_for_the_faults_of_these_tests(self, name: str) -> None:
        (told,) = self.inside(answers.fault("P5", name)).findall(f"detail/{{{SERVICE}}}{name}")
        self.schema.assertValid(told)
