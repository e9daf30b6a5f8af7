"""Paybox Direct: a question in a form, an answer in one line of Latin-1, and what it does to the payment."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from regal_sandbox import Sandbox
from regal_sandbox.defaults import PUBLISHED_DIRECT_KEY, PUBLISHED_KEY
from regal_sandbox.paybox_requests import make_hmac
from regal_sandbox.tests.cast import Control, Time

CARD = "1111222233334444"


@dataclass
class Direct:
    """A merchant's program: a new number for each question."""

    http: FlaskClient
    fields: dict[str, str] = field(default_factory=dict)
    number: int = 0
    path: str = "/PPPS.php"

    def post(self, type: str, **changed: str | None) -> TestResponse:
        self.number += 1
        told: dict[str, str | None] = {
            "VERSION": "00104",
            "TYPE": type,
            "SITE": "1999888",
            "RANG": "32",
            "CLE": PUBLISHED_DIRECT_KEY,
            "NUMQUESTION": f"{self.number:010d}",
            "DATEQ": "16032026120000",
            "DEVISE": "978",
        }
        told |= self.fields | {name.replace("SHA1", "SHA-1"): value for name, value in changed.items()}
        return self.http.post(self.path, data={name: value for name, value in told.items() if value is not None})

    def __call__(self, type: str, **changed: str | None) -> dict[str, str]:
        return read(self.post(type, **changed))

    def code(self, type: str, **changed: str | None) -> str:
        return self(type, **changed)["CODEREPONSE"]

    def pay(
        self, cents: int = 4850, *, type: str = "00003", reference: str = "CANTINE-2026", **more: str
    ) -> dict[str, str]:
        """A payment by card without a page; what names it afterwards."""
        told = self(type, MONTANT=f"{cents:010d}", REFERENCE=reference, PORTEUR=CARD, DATEVAL="1228", CVV="123", **more)
        assert told["CODEREPONSE"] == "00000", told
        return {"NUMTRANS": told["NUMTRANS"], "NUMAPPEL": told["NUMAPPEL"]}

    def status(self, payment: dict[str, str]) -> tuple[str, str]:
        told = self("00017", **payment)
        return told["STATUS"], told["REMISE"]


def read(answer: TestResponse) -> dict[str, str]:
    """As clients in use do: cut at `&` and `=`, nothing decoded but Latin-1."""
    assert answer.status_code == 200
    return dict(piece.split("=", 1) for piece in answer.data.decode("latin-1").split("&"))


@pytest.fixture
def direct(sandbox: Sandbox) -> Direct:
    return Direct(sandbox.pages.test_client())


def is_collected(told: tuple[str, str]) -> bool:
    return re.fullmatch("[0-9]{9}", told[1]) is not None


class TestAnswer:
    def test_is_one_line_of_latin_1_that_is_not_encoded(self, direct: Direct) -> None:
        answer = direct.post("00003", MONTANT="1000", REFERENCE="R1", PORTEUR=CARD, DATEVAL="1228")
        assert answer.headers["Content-Type"] == "text/html; charset=ISO-8859-1"
        assert re.fullmatch(
            rb"NUMTRANS=\d{10}&NUMAPPEL=\d{10}&NUMQUESTION=0000000001&SITE=1999888&RANG=32&AUTORISATION=XXXXXX"
            rb"&CODEREPONSE=00000&COMMENTAIRE=Demande trait\xe9e avec succ\xe8s&REFABONNE=&PORTEUR=",
            answer.data,
        )

    def test_that_refuses_has_no_number_and_says_who_speaks(self, direct: Direct) -> None:
        answer = direct.post("00017", NUMTRANS="1")
        assert answer.data == (
            b"NUMTRANS=0000000000&NUMAPPEL=0000000000&NUMQUESTION=0000000001&SITE=1999888&RANG=32&AUTORISATION="
            b"&CODEREPONSE=00018&COMMENTAIRE=PAYBOX : Transaction non trouv\xe9e&REFABONNE=&PORTEUR="
        )

    def test_adds_what_is_asked_by_sending_it_empty(self, direct: Direct) -> None:
        told = direct("00017", **direct.pay(), PAYS="", TYPECARTE="", SHA1="")
        assert (told["PAYS"], told["TYPECARTE"]) == ("FRA", "CB")
        assert re.fullmatch("[0-9A-F]{40}", told["SHA-1"])
        assert direct("00017", NUMTRANS="1", PAYS="")["PAYS"] == "???"

    def test_cannot_be_lengthened_by_what_it_echoes(self, direct: Direct) -> None:
        told = direct("00056", REFABONNE="A&CODEREPONSE=00000", NUMQUESTION="1&CODEREPONSE=00000")
        assert told["CODEREPONSE"] == "00005"

    def test_is_the_same_at_the_backup_host(self, direct: Direct) -> None:
        payment = direct.pay()
        direct.path = "/secours/PPPS.php"
        assert direct.status(payment) == ("Capturé", "")


class TestAccess:
    def test_by_the_key(self, direct: Direct) -> None:
        assert direct.code("00017", NUMTRANS="1", CLE="autre") == "00006"
        assert direct.code("00017", NUMTRANS="1", CLE=None) == "00006"
        assert direct.code("00017", NUMTRANS="1") == "00018"

    @pytest.mark.parametrize("algorithm", ["SHA512", "sha256", "SHA384", "SHA224"])
    @pytest.mark.parametrize("case", [str.upper, str.lower])
    def test_by_an_hmac_over_the_fields_in_the_order_sent(self, direct: Direct, algorithm: str, case: object) -> None:
        told = [("TYPE", "00011"), ("VERSION", "00104"), ("SITE", "1999888"), ("RANG", "032"), ("NUMQUESTION", "7")]
        told += [("DATEQ", "16032026"), ("REFERENCE", "Été à 100 % & plus"), ("HASH", algorithm)]
        text = "&".join(f"{name}={value}" for name, value in told).encode()
        signed = make_hmac(text, key=PUBLISHED_KEY, algorithm=algorithm)
        made = [*told, ("HMAC", signed if case is str.upper else signed.lower())]
        assert read(direct.http.post("/PPPS.php", data=urlencode(made), content_type=FORM))["CODEREPONSE"] == "00018"
        made[0], made[1] = made[1], made[0]
        assert read(direct.http.post("/PPPS.php", data=urlencode(made), content_type=FORM))["CODEREPONSE"] == "00006"

    def test_of_nobody_known(self, direct: Direct) -> None:
        for told in ({"SITE": "7654321"}, {"RANG": "99"}, {"RANG": "x"}, {"IDENTIFIANT": "5"}):
            assert direct.code("00017", NUMTRANS="1", **told) == "00006"
        assert direct.code("00017", NUMTRANS="1", IDENTIFIANT="0107904482") == "00018"

    def test_is_closed_to_an_account_without_direct_and_to_other_addresses(
        self, direct: Direct, control: Control
    ) -> None:
        key = "1999888-63-109518543"
        assert direct.code("00017", NUMTRANS="1", RANG="63") == "00018"
        merchant = control("GET", f"/paybox/merchants/{key}")
        for options in ({"direct": False}, {"direct_addresses": ["192.0.2.1"]}):
            control("PUT", f"/paybox/merchants/{key}", merchant | {"options": options})
            assert direct.code("00017", NUMTRANS="1", RANG="63") == "00006"

    def test_gives_nothing_of_another_merchant(self, direct: Direct) -> None:
        payment = direct.pay()
        assert direct.code("00017", RANG="63", **payment) == "00018"
        assert direct.code("00014", RANG="63", MONTANT="1", **payment) == "00018"
        assert direct.status(payment) == ("Capturé", "")


FORM = "application/x-www-form-urlencoded"


class TestFrame:
    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"VERSION": "00102"}, "00013"),
            ({"VERSION": None}, "00013"),
            ({"TYPE": "00099"}, "00009"),
            ({"DATEQ": "2026-03-16"}, "00007"),
            ({"DATEQ": "31022026"}, "00007"),
            ({"DATEQ": None}, "00007"),
            ({"NUMQUESTION": "0"}, "00005"),
            ({"NUMQUESTION": "2147483648"}, "00005"),
            ({"NUMQUESTION": ""}, "00005"),
            ({"ACTIVITE": "24"}, "00014"),
            ({"NUMTRANS": ""}, "00018"),
        ],
    )
    def test_that_is_wrong_is_refused(self, direct: Direct, changed: dict[str, str | None], code: str) -> None:
        payment: dict[str, str | None] = dict(direct.pay())
        told = {"TYPE": "00017"} | payment | changed
        assert direct.code(str(told.pop("TYPE")), **told) == code

    @pytest.mark.parametrize("changed", [{"DATEQ": "16032026"}, {"VERSION": "00103"}, {"NUMAPPEL": None}, {"X": "y"}])
    def test_may_vary(self, direct: Direct, changed: dict[str, str | None]) -> None:
        payment: dict[str, str | None] = dict(direct.pay())
        assert direct.code("00017", **(payment | {"ACTIVITE": "024"} | changed)) == "00000"

    def test_with_a_field_twice_is_refused(self, direct: Direct) -> None:
        answer = direct.http.post("/PPPS.php", data="VERSION=00104&VERSION=00104", content_type=FORM)
        assert read(answer)["CODEREPONSE"] == "00014"

    def test_of_any_bytes_is_answered(self, direct: Direct) -> None:
        for body in (b"", b"\xff=%ff&%&==", b"\0", b"VERSION=00104&SITE=%C3%A9&RANG=%E9" * 9):
            assert read(direct.http.post("/PPPS.php", data=body))["CODEREPONSE"] != "00000"


class TestQuestionNumber:
    def test_serves_once_a_day(self, direct: Direct, time: Time) -> None:
        payment = direct.pay()
        assert direct.code("00017", NUMQUESTION="77", **payment) == "00000"
        assert direct.code("00017", NUMQUESTION="0000000077", **payment) == "00005"
        assert direct.code("00017", NUMQUESTION="77", RANG="63", **payment) == "00005"  # of the whole site
        time.pass_by(days=1)
        assert direct.code("00017", NUMQUESTION="77", **payment) == "00000"

    def test_refused_for_its_use_has_the_code_of_the_account(self, direct: Direct, control: Control) -> None:
        key = "1999888-63-109518543"
        merchant = control("GET", f"/paybox/merchants/{key}")
        control("PUT", f"/paybox/merchants/{key}", merchant | {"options": {"used_question": "00039"}})
        assert [direct.code("00017", NUMQUESTION="5", RANG="63", NUMTRANS="1") for _ in range(2)] == ["00018", "00039"]

    def test_is_not_used_by_who_has_no_right(self, direct: Direct) -> None:
        payment = direct.pay()
        assert direct.code("00017", NUMQUESTION="77", CLE="autre", **payment) == "00006"
        assert direct.code("00017", NUMQUESTION="77", **payment) == "00000"

    def test_orders_nothing_the_second_time(self, direct: Direct) -> None:
        payment = direct.pay()
        for code in ("00000", "00005"):
            assert direct.code("00014", NUMQUESTION="500", MONTANT="100", **payment) == code


class TestCapture:
    def test_takes_what_was_authorised_and_keeps_its_numbers(self, direct: Direct) -> None:
        payment = direct.pay(type="00001")
        assert direct.status(payment) == ("Autorisé", "")
        told = direct("00002", MONTANT="4850", **payment)
        assert {name: told[name] for name in payment} == payment
        assert direct.status(payment) == ("Capturé", "")

    def test_may_be_of_a_part_and_never_of_more(self, direct: Direct) -> None:
        payment = direct.pay(type="00001")
        assert direct.code("00002", MONTANT="4851", **payment) == "00011"
        assert direct.code("00002", MONTANT="2000", **payment) == "00000"
        assert direct.code("00014", MONTANT="2001", **payment) == "00011"

    def test_happens_once(self, direct: Direct) -> None:
        assert direct.code("00002", MONTANT="4850", **direct.pay()) == "00015"

    def test_comes_too_late_for_an_authorisation_that_died(self, direct: Direct, time: Time) -> None:
        payment = direct.pay(type="00001")
        time.pass_by(days=7)
        assert direct.code("00002", MONTANT="4850", **payment) == "00002"


class TestCancellation:
    def test_before_the_night(self, direct: Direct) -> None:
        payment = direct.pay()
        assert direct.code("00005", **payment) == "00000"
        assert direct.status(payment) == ("Annulé", "")
        assert direct.code("00005", **payment) == "00015"
        assert direct.code("00014", MONTANT="100", **payment) == "00002"

    def test_is_refused_after_it(self, direct: Direct, time: Time) -> None:
        payment = direct.pay()
        time.pass_by(days=1)
        assert direct.code("00005", **payment) == "00002"
        assert is_collected(direct.status(payment))

    def test_of_an_amount_that_differs_is_refused(self, direct: Direct) -> None:
        payment = direct.pay()
        assert direct.code("00005", MONTANT="1000", **payment) == "00011"
        assert direct.code("00005", MONTANT="0000004850", **payment) == "00000"

    def test_may_be_asked_as_a_client_in_use_does(self, direct: Direct) -> None:
        payment = direct.pay()
        assert direct.code("00055", VERSION="00103", MONTANT="4850", **payment) == "00000"
        assert direct.status(payment)[0] == "Annulé"

    def test_of_a_refund_gives_back_what_may_be_refunded(self, direct: Direct) -> None:
        payment = direct.pay()
        credit = direct("00014", MONTANT="4850", **payment)
        assert direct.status(payment)[0] == "Remboursé"
        assert direct.code("00005", NUMTRANS=credit["NUMTRANS"], NUMAPPEL=credit["NUMAPPEL"]) == "00000"
        assert direct.status(payment)[0] == "Capturé"


class TestRefund:
    def test_has_a_number_of_its_own_and_the_call_number_of_the_payment(self, direct: Direct, time: Time) -> None:
        payment = direct.pay()
        time.pass_by(days=1)
        told = direct("00014", MONTANT="4850", **payment)
        assert told["NUMAPPEL"] == payment["NUMAPPEL"]
        assert int(told["NUMTRANS"]) > int(payment["NUMTRANS"])
        assert direct.status(payment)[0] == "Remboursé"
        assert direct("00017", NUMTRANS=told["NUMTRANS"])["STATUS"] == "Crédit"

    def test_may_be_in_parts_up_to_the_amount(self, direct: Direct, time: Time) -> None:
        payment = direct.pay()
        time.pass_by(days=1)
        assert [direct.code("00014", MONTANT=cents, **payment) for cents in ("3000", "1851", "1850", "1")] == [
            "00000",
            "00011",
            "00000",
            "00015",
        ]
        assert direct.status(payment)[0] == "Remboursé"

    def test_before_the_night_is_the_account_s_choice(self, direct: Direct, control: Control) -> None:
        direct.fields["RANG"] = "63"
        payment = direct.pay()
        key = "1999888-63-109518543"
        merchant = control("GET", f"/paybox/merchants/{key}")
        control("PUT", f"/paybox/merchants/{key}", merchant | {"options": {"refund_before_settlement": False}})
        assert direct.code("00014", MONTANT="100", **payment) == "00002"
        control("PUT", f"/paybox/merchants/{key}", merchant)
        assert direct.code("00014", MONTANT="100", **payment) == "00000"

    @pytest.mark.parametrize(("changed", "code"), [({"DEVISE": "999"}, "00010"), ({"MONTANT": "0"}, "00011")])
    def test_needs_an_amount_and_a_currency(self, direct: Direct, changed: dict[str, str], code: str) -> None:
        assert direct.code("00014", **({"MONTANT": "100"} | direct.pay() | changed)) == code

    def test_of_what_was_not_captured_is_refused(self, direct: Direct) -> None:
        assert direct.code("00014", MONTANT="100", **direct.pay(type="00001")) == "00002"

    def test_needs_both_numbers_of_one_payment(self, direct: Direct) -> None:
        first, second = direct.pay(), direct.pay()
        assert direct.code("00014", MONTANT="100", **(first | {"NUMAPPEL": second["NUMAPPEL"]})) == "00018"


class TestAmount:
    def test_may_be_lowered_before_the_night(self, direct: Direct, time: Time) -> None:
        payment = direct.pay()
        assert [direct.code("00013", MONTANT=cents, **payment) for cents in ("4900", "4000")] == ["00011", "00000"]
        time.pass_by(days=1)
        assert direct.code("00013", MONTANT="3000", **payment) == "00002"
        assert direct.code("00014", MONTANT="4001", **payment) == "00011"


class TestExistence:
    def test_is_told_of_a_reference(self, direct: Direct) -> None:
        assert direct.code("00011", REFERENCE="CANTINE-2026") == "00018"
        payment = direct.pay()
        told = direct("00011", REFERENCE="CANTINE-2026")
        assert {name: told[name] for name in payment} == payment
        assert "STATUS" not in told
        assert direct.code("00011", REFERENCE="") == "00012"


class TestCards:
    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"PORTEUR": "4970100000000154"}, "00004"),
            ({"DATEVAL": "0101"}, "00008"),
            ({"DATEVAL": "1328"}, "00008"),
            ({"DATEVAL": "0226"}, "00008"),
            ({"MONTANT": ""}, "00011"),
            ({"DEVISE": ""}, "00010"),
            ({"REFERENCE": ""}, "00012"),
            ({"ERRORCODETEST": "00151"}, "00151"),
            ({"ERRORCODETEST": "001A1"}, "001A1"),
        ],
    )
    def test_are_refused(self, direct: Direct, changed: dict[str, str], code: str) -> None:
        told = {"MONTANT": "1000", "REFERENCE": "R1", "PORTEUR": CARD, "DATEVAL": "1228"} | changed
        assert direct.code("00003", **told) == code
        assert direct.code("00011", REFERENCE="R1") == "00018"

    def test_pay_later_or_without_authorisation(self, direct: Direct, time: Time) -> None:
        later, blind = direct.pay(DIFFERE="002"), direct.pay(type="00012")
        assert direct.status(later)[0] == "Autorisé"
        assert direct("00017", **blind)["AUTORISATION"] == ""
        time.pass_by(days=1)
        assert [is_collected(direct.status(one)) for one in (later, blind)] == [False, True]
        time.pass_by(days=2)
        assert is_collected(direct.status(later))

    def test_are_credited(self, direct: Direct) -> None:
        assert direct.status(direct.pay(type="00004")) == ("Crédit", "")

    def test_never_leave_their_number(self, sandbox: Sandbox, direct: Direct) -> None:
        direct.pay()
        direct.code("00056", REFABONNE="leroy", MONTANT="100", REFERENCE="R", PORTEUR=CARD, DATEVAL="1228")
        with sandbox.world.store.transaction() as db:
            dumped = "\n".join(db.iterdump())
        assert CARD not in dumped
        assert PUBLISHED_DIRECT_KEY not in dumped.replace('"direct_key": "1999888I"', "")


class TestSubscribers:
    def register(self, direct: Direct, **changed: str) -> dict[str, str]:
        told = {"REFABONNE": "leroy", "MONTANT": "100", "REFERENCE": "R1", "PORTEUR": CARD, "DATEVAL": "1228"} | changed
        return direct("00056", **told)

    def test_pay_with_what_stands_for_their_card(self, direct: Direct) -> None:
        told = self.register(direct)
        assert (told["REFABONNE"], len(told["PORTEUR"])) == ("leroy", 19)
        paid = direct("00053", REFABONNE="leroy", PORTEUR=told["PORTEUR"], MONTANT="700", REFERENCE="R2")
        assert (paid["CODEREPONSE"], paid["PORTEUR"]) == ("00000", told["PORTEUR"])
        assert direct.status({"NUMTRANS": paid["NUMTRANS"]}) == ("Capturé", "")

    def test_live_once(self, direct: Direct) -> None:
        assert self.register(direct)["CODEREPONSE"] == "00000"
        assert self.register(direct)["CODEREPONSE"] == "00016"
        assert direct.code("00057", REFABONNE="leroy", PORTEUR=CARD, DATEVAL="0130") == "00000"
        assert direct.code("00058", REFABONNE="leroy") == "00000"
        told = direct("00053", REFABONNE="leroy", MONTANT="700", REFERENCE="R2")
        assert (told["CODEREPONSE"], told["COMMENTAIRE"]) == ("00017", "PAYBOX : Abonné inexistant")

    def test_have_every_operation_of_a_card(self, direct: Direct) -> None:
        self.register(direct)
        held = direct("00051", REFABONNE="leroy", MONTANT="700", REFERENCE="R2")
        payment = {"NUMTRANS": held["NUMTRANS"], "NUMAPPEL": held["NUMAPPEL"]}
        assert direct.code("00052", REFABONNE="leroy", MONTANT="700", **payment) == "00000"
        assert direct.code("00055", REFABONNE="leroy", **payment) == "00000"
        assert direct.status(payment)[0] == "Annulé"
        assert direct.code("00054", REFABONNE="leroy", MONTANT="700", REFERENCE="R3") == "00000"
        assert direct.code("00061", REFABONNE="leroy", MONTANT="700", REFERENCE="R4") == "00000"
        assert direct.code("00053", REFABONNE="leroy", PORTEUR="autre", MONTANT="7", REFERENCE="R5") == "00004"

    def test_need_direct_plus(self, direct: Direct) -> None:
        assert direct.code("00053", VERSION="00103", REFABONNE="leroy") == "00013"
