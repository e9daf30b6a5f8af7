"""PayFiP in address mode: what we send, and what we make of what comes back."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.gateways.base import (
    AccountConfig,
    DebtKind,
    Environment,
    Means,
    Message,
    Misconfigured,
    Notice,
    Outcome,
    PaymentRequest,
    Rank,
    Refused,
    Unreadable,
)
from regal.gateways.payfip_fields import MAX_MESSAGE_BYTES, clean_label
from regal.gateways.payfip_url.gateway import PayfipUrl, PayfipUrlAccount
from regal.gateways.tests.contract import GatewayContract
from regal.lib.money import Money

MESSAGES = Path(__file__).parent / "messages"
SERVICE = "https://www.payfip.gouv.fr/tpa/"
FORM = "application/x-www-form-urlencoded"
RECEIVED_AT = datetime(2026, 11, 24, 13, 5, 30, tzinfo=UTC)

SAINT_AUBIN = PayfipUrlAccount(numcli="099042", kind=DebtKind.TITRE, environment=Environment.PRODUCTION)

CANTEEN = PaymentRequest(
    reference="our-reference",
    amount=Money(3840),
    debt_reference="202600000412000001",
    exercice=2026,
    label="Cantine d’octobre",
    payer_email="mme.leroy@exemple.invalid",
    environment=Environment.PRODUCTION,
    notification_url="https://guichet.exemple.invalid/n/abcdef",
    return_url=None,
)


def account(**changes: object) -> PayfipUrl:
    return PayfipUrl(SERVICE, dataclasses.replace(SAINT_AUBIN, **changes))  # type: ignore[arg-type]


def request(**changes: object) -> PaymentRequest:
    return dataclasses.replace(CANTEEN, **changes)  # type: ignore[arg-type]


def sent(gateway: PayfipUrl, asked: PaymentRequest) -> dict[str, str]:
    query = urlsplit(gateway.hand_off(asked).url).query
    return {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}


def refusal(gateway: PayfipUrl, asked: PaymentRequest) -> str:
    with pytest.raises(Refused) as refused:
        gateway.hand_off(asked)
    return refused.value.code


def message(body: bytes = b"", query: bytes = b"", content_type: str = FORM) -> Message:
    return Message(method="POST", query=query, body=body, content_type=content_type, received_at=RECEIVED_AT)


def scenario(name: str) -> bytes:
    return (MESSAGES / f"{name}.txt").read_bytes().removesuffix(b"\n")


def read(name: str) -> Notice:
    return account().read(message(scenario(name)))


def unreadable(asked: Message) -> str:
    with pytest.raises(Unreadable) as failure:
        account().read(asked)
    return failure.value.code


class TestPayfipUrlContract(GatewayContract):
    def gateway(self) -> PayfipUrl:
        return account()

    def request_to_pay(self) -> PaymentRequest:
        return CANTEEN

    def paid(self) -> Message:
        return message(scenario("paid"))

    def altered(self) -> Message:
        return message(scenario("paid-amount-altered"))

    def foreign(self) -> Message:
        return message(scenario("paid-next-town"))

    def unknown_code(self) -> Message:
        return message(scenario("unknown-letter"))

    def unreadable(self) -> Sequence[Message]:
        files = sorted(MESSAGES.glob("unreadable-*.txt"))
        return [message(b""), message(b"{}"), *(message(scenario(file.stem)) for file in files)]


def configured(options: dict[str, object], identifier: str = "099042") -> PayfipUrl:
    return PayfipUrl.configure(
        AccountConfig(
            service_url=SERVICE,
            identifier=identifier,
            debt_kind=DebtKind.ORMC,
            environment=Environment.TEST,
            options=options,
        )
    )


class TestAccount:
    def test_is_built_from_a_contract_and_its_options(self) -> None:
        assert configured({"manual_entry": False, "min_amount_cents": 500}).account == PayfipUrlAccount(
            numcli="099042",
            kind=DebtKind.ORMC,
            environment=Environment.TEST,
            manual_entry=False,
            min_amount=Money(500),
        )

    @pytest.mark.parametrize("identifier", ["", "99042", "0990421", "09904A", "١" * 6])
    def test_has_a_number_of_six_digits(self, identifier: str) -> None:
        with pytest.raises(Misconfigured) as wrong:
            configured({}, identifier)
        assert (wrong.value.field, wrong.value.code) == ("identifier", "not_six_digits")

    @pytest.mark.parametrize(
        ("option", "value", "field", "code"),
        [
            ("colour", "red", "colour", "unknown_option"),
            ("statement_amounts", "francs", "statement_amounts", "unusable"),
            ("statement_colour", "red", "statement_colour", "unknown_option"),
            ("manual_entry", 1, "manual_entry", "wrong_type"),
            ("min_amount_cents", True, "min_amount_cents", "wrong_type"),
            ("max_amount_cents", "100", "max_amount_cents", "wrong_type"),
            ("min_amount_cents", 0, "min_amount", "out_of_order"),
            ("max_amount_cents", 99, "min_amount", "out_of_order"),
            ("max_amount_cents", 10**11, "max_amount", "too_large"),
            ("min_reference_length", 0, "min_reference_length", "out_of_bounds"),
            ("min_reference_length", 31, "min_reference_length", "out_of_bounds"),
        ],
    )
    def test_names_the_option_that_is_wrong(self, option: str, value: object, field: str, code: str) -> None:
        with pytest.raises(Misconfigured) as wrong:
            configured({option: value})
        assert (wrong.value.field, wrong.value.code) == (field, code)

    @pytest.mark.parametrize("url", ["", "payfip", "ftp://x/", "https://x/tpa", "https://x/?a=/", "https://x y/"])
    def test_refuses_an_address_that_cannot_be_the_service(self, url: str) -> None:
        with pytest.raises(Misconfigured):
            PayfipUrl(url, SAINT_AUBIN)

    def test_names_its_origin_for_the_page_s_security_policy(self) -> None:
        assert account().hand_off_origins == ("https://www.payfip.gouv.fr",)
        assert PayfipUrl("http://127.0.0.1:8010/tpa/", SAINT_AUBIN).hand_off_origins == ("http://127.0.0.1:8010",)


class TestHandOff:
    def test_sends_the_whole_address(self) -> None:
        assert account().hand_off(CANTEEN).url == (
            "https://www.payfip.gouv.fr/tpa/paiement.web?numcli=099042&exer=2026&refdet=202600000412000001"
            "&objet=Cantine%20d%20octobre&montant=3840&mel=mme.leroy%40exemple.invalid"
            "&urlcl=https%3A%2F%2Fguichet.exemple.invalid%2Fn%2Fabcdef&saisie=M"
        )

    @pytest.mark.parametrize(
        ("environment", "manual_entry", "saisie"),
        [
            (Environment.TEST, True, "T"),
            (Environment.TEST, False, "T"),
            (Environment.ACTIVATION, True, "X"),
            (Environment.PRODUCTION, True, "M"),
            (Environment.PRODUCTION, False, "A"),
        ],
    )
    def test_says_which_environment_and_who_typed(
        self, environment: Environment, manual_entry: bool, saisie: str
    ) -> None:
        gateway = account(environment=environment, manual_entry=manual_entry)
        assert sent(gateway, request(environment=environment))["saisie"] == saisie

    def test_refuses_a_request_of_another_environment(self) -> None:
        assert refusal(account(), request(environment=Environment.TEST)) == "environment_differs"

    @pytest.mark.parametrize("cents", [100, 101, 9_999_999])
    def test_sends_cents_without_separator(self, cents: int) -> None:
        assert sent(account(), request(amount=Money(cents)))["montant"] == str(cents)

    @pytest.mark.parametrize("cents", [-3840, 0, 99, 10_000_000])
    def test_refuses_an_amount_out_of_bounds(self, cents: int) -> None:
        assert refusal(account(), request(amount=Money(cents))) == "amount_out_of_bounds"

    def test_keeps_to_the_bounds_of_the_account(self) -> None:
        gateway = account(min_amount=Money(500), max_amount=Money(999_999))
        assert refusal(gateway, request(amount=Money(499))) == "amount_out_of_bounds"
        assert sent(gateway, request(amount=Money(999_999)))["montant"] == "999999"
        assert refusal(gateway, request(amount=Money(1_000_000))) == "amount_out_of_bounds"

    @pytest.mark.parametrize(
        "reference",
        ["", "2026-412-1", "20260000041200001", "2026000004120000011", "202600000000000001", "2026A0000412000001"],
    )
    def test_refuses_what_is_not_a_titre_s_reference(self, reference: str) -> None:
        assert refusal(account(), request(debt_reference=reference)) == "reference_malformed"

    def test_takes_the_exercice_from_the_titre_when_nobody_says_it(self) -> None:
        assert sent(account(), request(exercice=None))["exer"] == "2026"

    def test_refuses_an_exercice_that_is_not_the_titre_s(self) -> None:
        assert refusal(account(), request(exercice=2025)) == "exercice_differs"

    @pytest.mark.parametrize("exercice", [None, 2026, 9999])
    def test_in_test_sends_the_exercice_of_a_reserved_titre(self, exercice: int | None) -> None:
        asked = request(environment=Environment.TEST, debt_reference="999900000000999999", exercice=exercice)
        assert sent(account(environment=Environment.TEST), asked)["exer"] == "9999"

    @pytest.mark.parametrize("environment", [Environment.ACTIVATION, Environment.PRODUCTION])
    def test_refuses_a_reserved_titre_when_money_may_move(self, environment: Environment) -> None:
        asked = request(environment=environment, debt_reference="999900000000999999", exercice=9999)
        assert refusal(account(environment=environment), asked) == "reference_reserved"

    @pytest.mark.parametrize("reference", ["2026EA00202600001", "2026EA001", "999999990000000000000"])
    def test_takes_an_ormc_reference_as_printed(self, reference: str) -> None:
        gateway = account(kind=DebtKind.ORMC, environment=Environment.TEST)
        asked = request(environment=Environment.TEST, debt_reference=reference, exercice=None)
        assert sent(gateway, asked)["refdet"] == reference
        assert sent(gateway, asked)["exer"] == reference[:4]

    @pytest.mark.parametrize("reference", ["2026EA00", "2026ea00202600001", "2026EA0X1", "2026EA0012345678901234"])
    def test_refuses_what_is_not_an_ormc_reference(self, reference: str) -> None:
        assert refusal(account(kind=DebtKind.ORMC), request(debt_reference=reference)) == "reference_malformed"

    def test_lets_a_regie_choose_its_references(self) -> None:
        gateway = account(kind=DebtKind.REGIE)
        assert sent(gateway, request(debt_reference="FAC412", exercice=2025))["exer"] == "2025"
        assert "exer" not in sent(gateway, request(debt_reference="a" * 30, exercice=None))

    @pytest.mark.parametrize("reference", ["FAC41", "a" * 31, "FAC-412", "FAC 412", "FACTÜRE"])
    def test_refuses_a_regie_s_reference_that_payfip_would(self, reference: str) -> None:
        assert refusal(account(kind=DebtKind.REGIE), request(debt_reference=reference)) == "reference_malformed"

    def test_lets_the_account_shorten_the_shortest_reference(self) -> None:
        gateway = account(kind=DebtKind.REGIE, min_reference_length=1)
        assert sent(gateway, request(debt_reference="F"))["refdet"] == "F"

    @pytest.mark.parametrize("exercice", [0, 999, 10_000])
    def test_refuses_a_regie_s_exercice_that_has_not_four_digits(self, exercice: int) -> None:
        assert refusal(account(kind=DebtKind.REGIE), request(exercice=exercice)) == "exercice_malformed"

    @pytest.mark.parametrize("email", ["", "a@b.c", "no-at-sign.invalid", "a@b.invalid;c@d.invalid"])
    def test_refuses_what_is_not_one_address(self, email: str) -> None:
        assert refusal(account(), request(payer_email=email)) == "email_malformed"

    @pytest.mark.parametrize(
        "url", ["", "/n/abc", "javascript:alert(1)", "https://x/é", "https://x/a b", "https://x/#a"]
    )
    def test_refuses_an_address_that_payfip_could_not_call(self, url: str) -> None:
        assert refusal(account(), request(notification_url=url)) == "notification_url_malformed"

    def test_keeps_the_address_to_call_under_250_characters(self) -> None:
        longest = "https://x.invalid/".ljust(250, "a")
        assert sent(account(), request(notification_url=longest))["urlcl"] == longest
        assert refusal(account(), request(notification_url=longest + "a")) == "notification_url_too_long"

    def test_keeps_the_query_of_the_address_to_call_whole(self) -> None:
        url = "https://x.invalid/n?a=1&b=%20"
        assert sent(account(), request(notification_url=url))["urlcl"] == url

    def test_leaves_out_what_there_is_not(self) -> None:
        assert not {"objet", "urlcl"} & sent(account(), request(label="—", notification_url=None)).keys()


class TestLabel:
    @pytest.mark.parametrize(
        ("label", "cleaned"),
        [
            ("Cantine d’octobre", "Cantine d octobre"),
            ("Eau & assainissement n° 12/2026", "Eau assainissement n 12 2026"),
            ("Élève à l'école", "Eleve a l ecole"),
            ("Œuvres sociales, cœur", "OEuvres sociales coeur"),
            ("  \t ", ""),
            ("水道", ""),
        ],
    )
    def test_keeps_letters_digits_and_single_spaces(self, label: str, cleaned: str) -> None:
        assert clean_label(label) == cleaned

    @given(st.text())
    def test_is_always_what_payfip_takes(self, label: str) -> None:
        cleaned = clean_label(label)
        assert len(cleaned) <= 100
        assert cleaned == cleaned.strip()
        assert all(character.isascii() and (character.isalnum() or character == " ") for character in cleaned)


class TestNotification:
    def test_says_what_was_paid_in_our_words(self) -> None:
        notice = read("paid")
        assert notice.rank is Rank.UNPROVEN
        assert (notice.outcome, notice.outcome_code, notice.means) == (Outcome.PAID, "P", Means.CARD)
        assert notice.transaction == "3feabd"
        assert notice.claims.account_identifier == "099042"
        assert notice.claims.debt_reference == "202600000412000001"
        assert notice.claims.exercice == 2026
        assert notice.claims.amount == Money(3840)
        assert notice.claims.environment is Environment.PRODUCTION
        assert notice.occurred_at == datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
        assert notice.remarks == ()

    def test_keeps_these_facts_and_no_other(self) -> None:
        assert read("paid").facts == {
            "account_identifier": "099042",
            "debt_reference": "202600000412000001",
            "exercice": "2026",
            "amount_cents": "3840",
            "environment": "production",
            "entry_code": "M",
            "outcome": "paid",
            "outcome_code": "P",
            "means": "card",
            "authorisation": "3feabd",
            "occurred_at": "2026-11-24T13:05:00+00:00",
        }

    @pytest.mark.parametrize(
        ("name", "outcome", "means"),
        [
            ("refused", Outcome.REFUSED, Means.CARD),
            ("abandoned", Outcome.ABANDONED, Means.CARD),
            ("paid-by-direct-debit", Outcome.PAID, Means.DIRECT_DEBIT),
            ("direct-debit-refused", Outcome.REFUSED, Means.DIRECT_DEBIT),
            ("unknown-letter", Outcome.UNKNOWN, None),
        ],
    )
    def test_reads_every_outcome(self, name: str, outcome: Outcome, means: Means | None) -> None:
        notice = read(name)
        assert (notice.outcome, notice.means) == (outcome, means)

    def test_does_not_take_a_small_letter_for_a_known_one(self) -> None:
        notice = account().read(message(scenario("paid").replace(b"resultrans=P", b"resultrans=p")))
        assert (notice.outcome, notice.outcome_code) == (Outcome.UNKNOWN, "p")

    def test_tells_test_money_from_real_money(self) -> None:
        assert read("paid-in-test").claims.environment is Environment.TEST
        activation = account().read(message(scenario("paid").replace(b"saisie=M", b"saisie=X")))
        assert activation.claims.environment is Environment.ACTIVATION

    def test_reads_names_whatever_their_case(self) -> None:
        assert read("paid-upper-case-names") == read("paid")

    @pytest.mark.parametrize("content_type", [FORM, FORM + "; charset=UTF-8", FORM.upper(), ""])
    def test_accepts_a_form_however_it_is_announced(self, content_type: str) -> None:
        assert account().read(message(scenario("paid"), content_type=content_type)) == read("paid")

    def test_does_not_read_what_is_announced_as_something_else(self) -> None:
        assert unreadable(message(scenario("paid"), content_type="application/json")) == "not_a_form"

    def test_drops_an_exercice_that_has_not_four_digits(self) -> None:
        notice = account().read(message(scenario("paid").replace(b"exer=2026", b"exer=20")))
        assert notice.claims.exercice is None
        assert notice.remarks == ("exercice_unreadable",)

    def test_does_not_need_an_exercice(self) -> None:
        notice = account().read(message(scenario("paid").replace(b"exer=2026&", b"")))
        assert notice.claims.exercice is None
        assert notice.remarks == ()

    def test_drops_an_authorisation_that_could_be_a_sentence(self) -> None:
        notice = account().read(message(scenario("paid").replace(b"3feabd", b"Mme+Leroy")))
        assert notice.transaction is None
        assert "authorisation" not in notice.facts
        assert notice.remarks == ("authorisation_unreadable",)

    @pytest.mark.parametrize("field", [b"numcli=099042", b"refdet=202600000412000001", b"montant=3840", b"saisie=M"])
    def test_needs_every_field_that_binds_it_to_a_payment(self, field: bytes) -> None:
        name = field.split(b"=")[0]
        assert unreadable(message(scenario("paid").replace(field, name + b"="))) == "missing_field"
        assert unreadable(message(scenario("paid").replace(field, name + b"=***"))) in (
            "malformed_field",
            "unknown_saisie",
        )

    def test_refuses_an_entry_code_of_the_web_service(self) -> None:
        assert unreadable(message(scenario("unreadable-web-service-entry"))) == "unknown_saisie"

    @pytest.mark.parametrize("separator", ["\N{SOFT HYPHEN}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\r\n", "\x7f"])
    def test_refuses_characters_nobody_can_see(self, separator: str) -> None:
        body = scenario("paid") + b"&x=" + separator.encode()
        assert unreadable(message(body)) == "control_character"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "empty"),
            (b"&&&", "empty"),
            (b"resultrans", "malformed_pair"),
            (b"=P", "malformed_pair"),
            (b"a=%zz", "broken_percent"),
            (b"a=%4", "broken_percent"),
            (b"a=%E9", "not_utf8"),
            (b"\xe9=1", "not_utf8"),
            (b"&".join(b"n%d=1" % number for number in range(41)), "too_many_fields"),
            (b"a=" + b"1" * MAX_MESSAGE_BYTES, "too_long"),
        ],
    )
    def test_says_why_it_cannot_read(self, body: bytes, code: str) -> None:
        assert unreadable(message(body)) == code


class TestWhereTheFieldsAre:
    def test_reads_a_query_string_with_an_empty_body(self) -> None:
        assert account().read(message(query=scenario("paid-in-query-string"))) == read("paid")

    def test_reads_fields_spread_over_both(self) -> None:
        first, second = scenario("paid").split(b"&resultrans=")
        assert account().read(message(first, b"resultrans=" + second)) == read("paid")

    def test_takes_the_same_words_in_both_for_one_statement(self) -> None:
        assert account().read(message(scenario("paid"), scenario("paid"))) == read("paid")

    def test_refuses_two_places_that_contradict_each_other(self) -> None:
        assert unreadable(message(scenario("paid"), b"montant=3841")) == "contradiction"
        assert unreadable(message(scenario("paid"), b"MONTANT=3841")) == "contradiction"

    @pytest.mark.parametrize("again", [b"&montant=3840", b"&MONTANT=3840", b"&montan%74=3840", b"&montant=1"])
    def test_refuses_a_name_said_twice_in_one_place(self, again: bytes) -> None:
        assert unreadable(message(scenario("paid") + again)) == "repeated_field"
        assert unreadable(message(query=scenario("paid") + again)) == "repeated_field"

    def test_takes_a_plus_sign_for_a_space(self) -> None:
        assert unreadable(message(b"our+word=1&our%20word=1")) == "repeated_field"

    def test_ignores_the_words_of_our_own_address(self) -> None:
        assert account().read(message(scenario("paid"), b"token=abcdef")) == read("paid")


class TestMoment:
    def test_counts_the_day_first_and_the_clocks_of_paris(self) -> None:
        body = scenario("paid").replace(b"24112026", b"03072026")
        assert account().read(message(body)).occurred_at == datetime(2026, 7, 3, 12, 5, tzinfo=UTC)

    def test_takes_the_first_of_two_equal_hours_and_says_so(self) -> None:
        notice = read("paid-at-an-hour-that-happens-twice")
        assert notice.occurred_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        assert notice.remarks == ("moment_ambiguous",)

    def test_moves_an_hour_that_does_not_exist_and_says_so(self) -> None:
        body = scenario("paid").replace(b"24112026", b"29032026").replace(b"1405", b"0230")
        notice = account().read(message(body))
        assert notice.occurred_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        assert notice.remarks == ("moment_imaginary",)

    def test_leaves_an_impossible_moment_unsaid_and_says_so(self) -> None:
        notice = read("paid-at-an-impossible-moment")
        assert notice.outcome is Outcome.PAID
        assert notice.occurred_at is None
        assert notice.remarks == ("moment_impossible",)

    @pytest.mark.parametrize("day", [b"", b"00000000", b"01010001", b"2026-11-24", b"241126"])
    def test_leaves_an_unreadable_moment_unsaid_and_says_so(self, day: bytes) -> None:
        notice = account().read(message(scenario("paid").replace(b"24112026", day)))
        assert notice.occurred_at is None
        assert notice.remarks in (("moment_unreadable",), ("moment_impossible",))

    def test_says_nothing_of_a_moment_that_was_not_given(self) -> None:
        body = scenario("paid").removesuffix(b"&dattrans=24112026&heurtrans=1405")
        assert account().read(message(body)).remarks == ()


PROTOCOL_NAMES = ["numcli", "exer", "refdet", "montant", "saisie", "resultrans", "numauto", "dattrans", "heurtrans"]
field_text = st.one_of(
    st.text(max_size=12), st.from_regex(r"[0-9]{1,20}", fullmatch=True), st.sampled_from("PRAVZTXAM")
)


def outcome_of(asked: Message) -> Notice | str:
    """What it reads as, or why it is unreadable."""
    try:
        return account().read(asked)
    except Unreadable as failure:
        return failure.code


def changed_fields() -> st.SearchStrategy[dict[str, str]]:
    """An honest notification, some of its fields changed or missing."""
    honest = {name: values[0] for name, values in parse_qs(scenario("paid").decode()).items()}
    changes = st.dictionaries(st.sampled_from([*PROTOCOL_NAMES, "objet", "mel"]), field_text, max_size=3)
    missing = st.sets(st.sampled_from(PROTOCOL_NAMES), max_size=1)
    return st.builds(
        lambda changed, gone: {n: v for n, v in (honest | changed).items() if n not in gone}, changes, missing
    )


def spelt(data: st.DataObject, name: str) -> str:
    """A name in some mixture of capital and small letters."""
    return "".join(data.draw(st.sampled_from([letter, letter.upper()])) for letter in name)


def encoded(pairs: Sequence[tuple[str, str]]) -> bytes:
    return urlencode(pairs, errors="surrogatepass").encode()


class TestOneReading:
    """There is one reading of a message, and no way to make two of it."""

    @given(st.binary(max_size=200), st.binary(max_size=200))
    def test_of_the_same_bytes_is_the_same(self, body: bytes, query: bytes) -> None:
        assert outcome_of(message(body, query)) == outcome_of(message(body, query))

    @given(changed_fields(), st.data())
    def test_does_not_depend_on_order_case_or_place(self, fields: dict[str, str], data: st.DataObject) -> None:
        pairs = [*fields.items()]
        mixed = [(spelt(data, name), value) for name, value in data.draw(st.permutations(pairs))]
        cut = data.draw(st.integers(0, len(mixed)))
        expected = outcome_of(message(encoded(pairs)))
        assert outcome_of(message(encoded(mixed))) == expected
        assert outcome_of(message(query=encoded(mixed))) == expected
        assert outcome_of(message(encoded(mixed[:cut]), encoded(mixed[cut:]))) == expected

    @given(changed_fields(), field_text, st.data())
    def test_is_impossible_where_a_name_has_two_values(
        self, fields: dict[str, str], value: str, data: st.DataObject
    ) -> None:
        name = data.draw(st.sampled_from([*fields]))
        once = encoded([*fields.items()])
        pairs = [*fields.items()]
        pairs.insert(data.draw(st.integers(0, len(pairs))), (spelt(data, name), value))
        assert isinstance(outcome_of(message(encoded(pairs))), str)
        assert isinstance(outcome_of(message(query=encoded(pairs))), str)
        apart = outcome_of(message(once, encoded([(spelt(data, name), value)])))
        assert isinstance(apart, str) if value != fields[name] else apart == outcome_of(message(once))


class TestAnyBytes:
    @given(st.binary(max_size=300), st.binary(max_size=300), st.text(max_size=40))
    def test_are_read_or_called_unreadable(self, body: bytes, query: bytes, content_type: str) -> None:
        try:
            notice = account().read(message(body, query, content_type))
        except Unreadable:
            return
        assert notice.rank is Rank.UNPROVEN

    @given(st.dictionaries(st.sampled_from(PROTOCOL_NAMES), field_text), st.binary(max_size=20))
    def test_are_read_or_called_unreadable_when_they_look_like_payfip_s(
        self, changes: dict[str, str], tail: bytes
    ) -> None:
        fields = {name: values[0] for name, values in parse_qs(scenario("paid").decode()).items()} | changes
        body = "&".join(f"{name}={value}" for name, value in fields.items()).encode("utf-8", "surrogatepass")
        try:
            notice = account().read(message(body + tail))
        except Unreadable:
            return
        assert notice.claims.amount is not None
        assert all(isinstance(value, str) for value in notice.facts.values())
