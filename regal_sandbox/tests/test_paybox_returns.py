"""What comes back to the merchant's site: values, what is left out, encodings, and what the signature covers."""

import re
from datetime import UTC, datetime

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import Control, Listener, Time
from regal_sandbox.tests.shop import (
    REGIE,
    SITE,
    PayboxPayer,
    Verifier,
    query_of,
    values,
    way_back_of,
)
from regal_sandbox.tests.test_paybox_requests import put_options

EVERY_LETTER = ";".join(f"{letter}:{letter}" for letter in "MRTABCDEFGHIJNOPQSWYcvjXZoUV") + ";K:K"
NO_VALUE = {"X", "Z", "o", "U", "V"}


def back_query(page: str) -> str:
    return query_of(way_back_of(page))


def raw(query: str) -> dict[str, str]:
    """As it travels."""
    return {name: value for name, _, value in (piece.partition("=") for piece in query.split("&"))}


class TestValues:
    """Point 14."""

    def test_of_a_payment(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        told = raw(back_query(card_payer.pay(PBX_RETOUR=EVERY_LETTER)))
        [made] = sandbox.paybox_payments()[0]["tries"]
        assert told.pop("K")
        assert re.fullmatch(r"[0-9A-F]{64}", told.pop("H"))
        assert told == {
            "M": "4850",
            "R": "CANTINE-2026-03",
            "T": str(made["call"]),
            "A": "XXXXXX",
            "B": "0",
            "C": "CB",
            "D": "2712",
            "E": "00000",
            "F": "N",
            "G": "N",
            "I": "FRA",
            "J": "44",
            "j": "4444",
            "N": "111122",
            "O": "N",
            "P": "CARTE",
            "Q": "12%3A00%3A00",
            "S": str(made["trans"]),
            "W": "16032026",
            "Y": "FRA",
        }

    def test_of_a_refusal_leave_the_authorisation_out(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open(PBX_RETOUR=EVERY_LETTER)
        card_payer.press("refuser")
        told = raw(query_of(card_payer.send("abandonner").headers["Location"]))
        [made] = sandbox.paybox_payments()[0]["tries"]
        assert "A" not in told
        assert (told["M"], told["E"], told["S"], told["T"]) == ("4850", "00105", str(made["trans"]), str(made["call"]))

    def test_of_a_cancel_have_neither_card_nor_transaction(self, card_payer: PayboxPayer) -> None:
        card_payer.open(PBX_RETOUR=EVERY_LETTER)
        told = raw(query_of(card_payer.send("abandonner").headers["Location"]))
        assert not {"A", "C", "D", "F", "G", "H", "J", "j", "O", "c", "v", *NO_VALUE} & set(told)
        assert (told["N"], told["S"], told["B"], told["E"], told["M"]) == ("", "0", "0", "00001", "4850")
        assert (told["I"], told["Y"]) == ("???", "???")
        assert int(told["T"]) > 0

    def test_the_amount_of_a_cancel_is_an_option(self, card_payer: PayboxPayer, control: Control) -> None:
        put_options(control, amount_in_cancel=False)
        card_payer.open()
        assert "Mt" not in raw(query_of(card_payer.send("abandonner").headers["Location"]))

    def test_stand_in_the_order_asked_for(self, card_payer: PayboxPayer) -> None:
        query = back_query(card_payer.pay(PBX_RETOUR="e:E;r:R;m:M;a:A;s:K"))
        assert list(raw(query)) == ["e", "r", "m", "a", "s"]

    def test_call_numbers_grow_and_are_never_absent(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        calls = []
        for number in range(3):
            card_payer.open(PBX_CMD=f"CMD{number}")
            card_payer.press("refuser")
            card_payer.press("payer")
        for payment in sandbox.paybox_payments():
            calls += [made["call"] for made in payment["tries"]]
        assert calls == sorted(set(calls))

    def test_authorisations_have_six_digits_in_production(self, card_payer: PayboxPayer) -> None:
        assert re.fullmatch(r"\d{6}", raw(back_query(card_payer.pay(REGIE)))["Auto"])

    @pytest.mark.parametrize(
        ("option", "total", "told"),
        [("received", "0000004850", "0000004850"), ("stripped", "0000004850", "4850"), ("received", "025", "025")],
    )
    def test_amounts_are_as_received_or_stripped(
        self, card_payer: PayboxPayer, control: Control, option: str, total: str, told: str
    ) -> None:
        put_options(control, amount_in_return=option)
        assert raw(back_query(card_payer.pay(PBX_TOTAL=total)))["Mt"] == told

    @pytest.mark.parametrize(
        ("moment", "day", "hour"),
        [
            (datetime(2026, 7, 31, 22, 30, 5, tzinfo=UTC), "01082026", "00%3A30%3A05"),
            (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "01012027", "00%3A59%3A59"),
        ],
    )
    def test_days_and_hours_are_those_of_paris(
        self, card_payer: PayboxPayer, time: Time, moment: datetime, day: str, hour: str
    ) -> None:
        time.now = moment
        told = raw(back_query(card_payer.pay()))
        assert (told["Date"], told["Heure"]) == (day, hour)

    @pytest.mark.parametrize(
        ("reference", "told"),
        [
            ("CMD 12/a@b.fr:1,2", "CMD%2012/a@b.fr:1,2"),
            ("a-b_c.d~e!f", "a-b_c.d~e!f"),
            ("a&b=c+d%e#f", "a%26b%3Dc%2Bd%25e%23f"),
            ("été", "%C3%A9t%C3%A9"),
        ],
    )
    def test_references_travel_as_raw_as_can_be(self, card_payer: PayboxPayer, reference: str, told: str) -> None:
        page = card_payer.pay(PBX_CMD=reference)
        assert raw(back_query(page))["Ref"] == told

    def test_foreign_currencies_and_brands(self, card_payer: PayboxPayer) -> None:
        card_payer.open(PBX_RETOUR="Carte:C;Pays:Y;Sign:K", PBX_TYPECARTE="MAESTRO")
        typed = {"NUMERO_CARTE": "6703111122223334", "MOIS_VALIDITE": "12", "AN_VALIDITE": "29", "CVVX": "123"}
        told = raw(back_query(card_payer.press("payer", **typed)))
        assert (told["Carte"], told["Pays"]) == ("Maestro", "BEL")


class TestAddress:
    """Point 15."""

    @pytest.mark.parametrize(
        ("url", "begins"),
        [
            (f"{SITE}/paye", f"{SITE}/paye?Mt="),
            (f"{SITE}/paye?", f"{SITE}/paye?Mt="),
            (f"{SITE}/paye?commande=42&x=%2f", f"{SITE}/paye?commande=42&x=%2f&Mt="),
            (SITE, f"{SITE}?Mt="),
        ],
    )
    def test_keeps_its_own_parameters(self, card_payer: PayboxPayer, url: str, begins: str) -> None:
        assert way_back_of(card_payer.pay(PBX_EFFECTUE=url)).startswith(begins)

    def test_keeps_its_fragment_last(self, card_payer: PayboxPayer) -> None:
        assert way_back_of(card_payer.pay(PBX_EFFECTUE=f"{SITE}/paye#bas")).endswith("#bas")

    @pytest.mark.parametrize(
        ("decision", "member"),
        [("payer", "accepted"), ("attendre", "pending"), ("abandonner", "cancelled"), ("refuser", "refused")],
    )
    def test_is_that_of_the_back_office_when_the_form_has_none(
        self, card_payer: PayboxPayer, control: Control, decision: str, member: str
    ) -> None:
        put_options(control, most_tries=1, immediate_return=True, addresses={member: f"{SITE}/enregistree"})
        card_payer.open(PBX_EFFECTUE=None, PBX_REFUSE=None, PBX_ANNULE=None, PBX_ATTENTE=None)
        assert card_payer.send(decision).headers["Location"].startswith(f"{SITE}/enregistree?")

    def test_failing_both_the_payer_stays_here(self, card_payer: PayboxPayer) -> None:
        page = card_payer.pay(PBX_EFFECTUE=None)
        assert "data-return" not in page
        assert "Vous pouvez fermer cette page." in page


class TestSignature:
    """Points 2, 7, 15."""

    def test_is_last_and_percent_encoded_in_upper_case(self, card_payer: PayboxPayer, verifier: Verifier) -> None:
        for number in range(5):
            query = back_query(card_payer.pay(PBX_CMD=f"CMD{number}"))
            signature = query.rpartition("&Sign=")[2]
            assert re.fullmatch(r"(?:[A-Za-z0-9]|%2B|%2F|%3D)+", signature)
            assert len(re.sub(r"%..", "x", signature)) == 172
            assert verifier.accepts(query)

    def test_covers_every_character(self, card_payer: PayboxPayer, verifier: Verifier) -> None:
        query = back_query(card_payer.pay())
        for wrong in (query.replace("4850", "4851"), query.replace("%3A", ":"), query.replace("Mt=", "mt=")):
            assert not verifier.accepts(wrong)

    def test_covers_what_precedes_it_alone(self, card_payer: PayboxPayer, verifier: Verifier) -> None:
        query = back_query(card_payer.pay(PBX_RETOUR="Ref:R;Sign:K;Mt:M"))
        assert query.endswith("&Mt=4850")
        assert verifier.accepts(query.removesuffix("&Mt=4850"))

    def test_is_absent_when_nobody_asked_for_it(self, card_payer: PayboxPayer) -> None:
        assert back_query(card_payer.pay(PBX_RETOUR="Ref:R;Mt:M")) == "Ref=CANTINE-2026-03&Mt=4850"


class TestSignedText:
    """Point 16."""

    def variables_of(self, query: str) -> str:
        return query[query.index("Mt=") :]

    @pytest.mark.parametrize(("decision", "field"), [("payer", "PBX_EFFECTUE"), ("attendre", "PBX_ATTENTE")])
    def test_of_a_browser_s_return_is_the_whole_query(
        self, card_payer: PayboxPayer, verifier: Verifier, decision: str, field: str
    ) -> None:
        card_payer.open(**{field: f"{SITE}/retour?commande=42"})
        query = back_query(card_payer.press(decision))
        assert query.startswith("commande=42&Mt=")
        assert verifier.accepts(query)
        assert not verifier.accepts(self.variables_of(query))

    def test_of_a_refusal_s_return_too(self, card_payer: PayboxPayer, verifier: Verifier) -> None:
        card_payer.open(PBX_REFUSE=f"{SITE}/retour?commande=42")
        card_payer.press("refuser")
        assert verifier.accepts(query_of(card_payer.send("abandonner").headers["Location"]))

    @pytest.mark.parametrize(("option", "whole"), [("variables", False), ("whole", True)])
    def test_of_a_cancel_is_an_option(
        self, card_payer: PayboxPayer, control: Control, verifier: Verifier, option: str, whole: bool
    ) -> None:
        put_options(control, signed_in_cancel=option)
        card_payer.open(PBX_ANNULE=f"{SITE}/retour?commande=42")
        query = query_of(card_payer.send("abandonner").headers["Location"])
        assert verifier.accepts(query) == whole
        assert verifier.accepts(self.variables_of(query)) != whole

    def test_of_a_call_is_paybox_s_variables_alone(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, verifier: Verifier
    ) -> None:
        card_payer.pay(PBX_REPONDRE_A=f"{SITE}/ipn?commande=42")
        sandbox.deliver_due()
        query = query_of(listener.heard[0].url)
        assert query.startswith("commande=42&Mt=")
        assert not verifier.accepts(query)
        assert verifier.accepts(self.variables_of(query))

    def test_of_a_call_by_post_is_its_body(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, verifier: Verifier
    ) -> None:
        card_payer.pay(PBX_REPONDRE_A=f"{SITE}/ipn?commande=42", PBX_RUF1="POST")
        sandbox.deliver_due()
        [heard] = listener.heard
        assert heard.url == f"{SITE}/ipn?commande=42"
        assert heard.headers == {"Content-Type": "application/x-www-form-urlencoded"}
        assert verifier.accepts(heard.body.decode())

    @pytest.mark.parametrize(("option", "whole"), [("whole", True), ("variables", False)])
    def test_of_a_call_to_the_back_office_s_address_is_an_option(
        self,
        sandbox: Sandbox,
        card_payer: PayboxPayer,
        listener: Listener,
        control: Control,
        verifier: Verifier,
        option: str,
        whole: bool,
    ) -> None:
        put_options(control, signed_at_registered_address=option, addresses={"notified": f"{SITE}/ipn?a=1"})
        card_payer.pay(PBX_REPONDRE_A=None)
        sandbox.deliver_due()
        assert verifier.accepts(query_of(listener.heard[0].url)) == whole


class TestBrowser:
    """Point 17."""

    @pytest.mark.parametrize(
        ("decision", "address", "code"), [("payer", "paye", "00000"), ("attendre", "attente", "99999")]
    )
    def test_goes_by_a_link_to_the_address_of_the_outcome(
        self, card_payer: PayboxPayer, decision: str, address: str, code: str
    ) -> None:
        card_payer.open()
        target = way_back_of(card_payer.press(decision))
        assert target.startswith(f"{SITE}/{address}?")
        assert values(query_of(target))["Erreur"] == code

    def test_may_leave_by_a_form(self, card_payer: PayboxPayer) -> None:
        """A browser applies `form-action` to redirects too."""
        card_payer.open()
        policy = card_payer.browser.get(f"/cgi/MYpagepaiement.cgi?session={card_payer.session}").headers
        assert "form-action 'self' http: https:" in policy["Content-Security-Policy"]
