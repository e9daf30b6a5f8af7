"""What the payer sees at Paybox, and what each of his buttons does."""

import re

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.paybox_payment import find_payment
from regal_sandbox.paybox_payments import force
from regal_sandbox.tests.cast import Control, Listener, Time
from regal_sandbox.tests.shop import (
    REGIE,
    SITE,
    TEST,
    PayboxPayer,
    Verifier,
    cancel_of,
    query_of,
    signed,
    state_of,
    values,
    way_back_of,
)
from regal_sandbox.tests.test_paybox_requests import put_options

ENROLLED, NOT_ENROLLED, EXAMPLE = "4012001037141112", "4012001038443335", "1111222233334444"
RANK_43 = "1999888-43-107975626"


def card(number: str = EXAMPLE, **changed: str) -> dict[str, str]:
    return {"NUMERO_CARTE": number, "MOIS_VALIDITE": "12", "AN_VALIDITE": "29", "CVVX": "123"} | changed


def code_of(page: str) -> str:
    found = re.search(r'data-code="(\w+)"', page)
    assert found is not None, page
    return found[1]


class TestNames:
    """Point 11: those that browser tests of others drive."""

    def test_of_the_first_page(self, card_payer: PayboxPayer) -> None:
        page = card_payer.ask().text
        assert '<form name="PAYBOX" method="post" action="/cgi/MYpagepaiement.cgi">' in page
        refresh = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
        assert refresh is not None
        assert state_of(card_payer.browser.get(refresh[1]).text) == "card"

    def test_of_the_card_page(self, card_payer: PayboxPayer) -> None:
        page = card_payer.open(PBX_TOTAL="6000")
        assert "<title>PAYBOX" in page
        assert "Numéro de carte" in page
        assert "60.00 EUR" in page
        assert '<form method="post" action="/cgi/MYtraitetransaction.cgi"' in page
        assert set(re.findall(r'name="([A-Z_]+)"', page)) >= {"NUMERO_CARTE", "MOIS_VALIDITE", "AN_VALIDITE", "CVVX"}
        months = page.split('name="MOIS_VALIDITE"')[1].split("</select>")[0]
        assert re.findall(r"<option>(\d+)</option>", months) == [f"{month:02d}" for month in range(1, 13)]
        assert re.search(r'<button name="decision" value="payer"[^>]*>Valider</button>', page)

    def test_of_the_ticket(self, card_payer: PayboxPayer) -> None:
        page = card_payer.pay()
        assert "PAIEMENT ACCEPTÉ" in page
        assert re.search(r"<a [^>]*data-return[^>]*>Retour</a>", page)

    def test_every_page_works_without_script(self, card_payer: PayboxPayer) -> None:
        for page in (card_payer.ask().text, card_payer.open(RANK_43), card_payer.press("payer"), card_payer.see()):
            assert "<script" not in page

    def test_every_page_says_that_there_is_no_money(self, card_payer: PayboxPayer) -> None:
        """Point 3."""
        pages = [card_payer.ask(signed(PBX_TOTAL="1")).text, card_payer.ask().text, card_payer.open()]
        for page in [*pages, card_payer.press("payer")]:
            assert "sans argent" in page.split('class="banner"')[1].split("</p>")[0]

    def test_speaks_english_to_who_asks(self, card_payer: PayboxPayer) -> None:
        page = card_payer.open(PBX_LANGUE="GBR")
        assert '<html lang="en">' in page
        assert "Card number" in page
        assert "simulator, no money" in page
        assert "Amount: <strong>" in page
        paid = card_payer.press("payer")
        assert "PAYMENT ACCEPTED" in paid
        ticket = paid.split('class="ticket"')[1].split("</section>")[0]
        assert re.findall("<dt>([^<]+)</dt>", ticket)[:5] == [
            "Merchant",
            "Contract",
            "Reference",
            "Amount",
            "Date and time",
        ]
        assert " EUR</dd>" in ticket
        assert "ending in" in ticket


class TestChoice:
    """Point 11."""

    @pytest.mark.parametrize(
        ("changed", "state"),
        [
            ({}, "card"),
            ({"PBX_TYPECARTE": None}, "choice"),
            ({"PBX_TYPEPAIEMENT": None}, "choice"),
            ({"PBX_TYPEPAIEMENT": None, "PBX_TYPECARTE": None}, "choice"),
            ({"PBX_TYPECARTE": "CB,VISA"}, "card"),
        ],
    )
    def test_is_spared_when_the_form_makes_it(
        self, card_payer: PayboxPayer, changed: dict[str, str | None], state: str
    ) -> None:
        assert state_of(card_payer.open(TEST, **changed)) == state

    @pytest.mark.parametrize(("means", "told"), [("CB", "CB"), ("VISA", "Visa"), ("EUROCARD_MASTERCARD", "MasterCard")])
    def test_is_told_in_the_return(self, card_payer: PayboxPayer, means: str, told: str) -> None:
        page = card_payer.open(PBX_TYPECARTE=None, PBX_RETOUR="Carte:C;Sign:K")
        assert f'id="pbx-card-button-choice1" name="decision" value="{"CB"}"' in page
        assert state_of(card_payer.press(means)) == "card"
        assert values(query_of(way_back_of(card_payer.press("payer"))))["Carte"] == told

    def test_of_several_is_told_as_it_came(self, card_payer: PayboxPayer) -> None:
        page = card_payer.pay(PBX_TYPECARTE="CB,VISA", PBX_RETOUR="Carte:C;Sign:K")
        assert query_of(way_back_of(page)).startswith("Carte=CB,VISA&")


class TestCancel:
    """Point 11."""

    def test_link_is_ready_and_signed_before_anybody_presses_it(
        self, card_payer: PayboxPayer, verifier: Verifier
    ) -> None:
        link = cancel_of(card_payer.open())
        assert link.startswith(f"{SITE}/annule?")
        assert values(query_of(link))["Erreur"] == "00001"
        assert verifier.accepts(query_of(link))

    def test_button_leads_to_the_same_address(self, card_payer: PayboxPayer, verifier: Verifier) -> None:
        link = cancel_of(card_payer.open())
        answer = card_payer.send("abandonner")
        assert answer.status_code == 303
        assert query_of(answer.headers["Location"]) == query_of(link)

    @pytest.mark.parametrize("state", ["choice", "card", "secure"])
    def test_is_possible_at_every_step(self, sandbox: Sandbox, card_payer: PayboxPayer, state: str) -> None:
        page = card_payer.open(RANK_43, PBX_TYPECARTE=None)
        if state != "choice":
            page = card_payer.press("CB")
        if state == "secure":
            page = card_payer.press("payer")
        assert state_of(page) == state
        assert card_payer.send("abandonner").headers["Location"].startswith(f"{SITE}/annule?")
        assert sandbox.paybox_payments()[0]["state"] == "abandoned"

    def test_at_the_bank_s_page_tells_where(self, card_payer: PayboxPayer) -> None:
        card_payer.open(RANK_43, PBX_RETOUR="Moyen:P;Erreur:E;Sign:K")
        card_payer.press("payer")
        told = values(query_of(card_payer.send("abandonner").headers["Location"]))
        assert (told["Moyen"], told["Erreur"]) == ("3DSECURE", "00001")

    def test_without_address_stays_here(self, card_payer: PayboxPayer) -> None:
        card_payer.open(PBX_ANNULE=None)
        assert state_of(card_payer.press("abandonner")) == "abandoned"


class TestThreeDSecure:
    """Point 11."""

    @pytest.mark.parametrize(
        ("merchant", "number", "wish", "state"),
        [
            ("1999888-32-107904482", NOT_ENROLLED, None, "paid"),
            ("1999888-32-107904482", ENROLLED, None, "secure"),
            ("1999888-32-107904482", ENROLLED, "02", "paid"),
            ("1999888-32-107904482", NOT_ENROLLED, "03", "paid"),
            ("1999888-32-107904482", NOT_ENROLLED, "04", "secure"),
            (RANK_43, NOT_ENROLLED, None, "secure"),
            (RANK_43, NOT_ENROLLED, "02", "paid"),
        ],
    )
    def test_comes_by_card_by_account_and_by_wish(
        self, card_payer: PayboxPayer, merchant: str, number: str, wish: str | None, state: str
    ) -> None:
        card_payer.open(merchant, PBX_SOUHAITAUTHENT=wish, PBX_TOTAL="3000")
        assert state_of(card_payer.press("payer", **card(number))) == state

    def test_exemption_is_for_small_amounts(self, card_payer: PayboxPayer) -> None:
        card_payer.open(RANK_43, PBX_SOUHAITAUTHENT="02", PBX_TOTAL="3001")
        assert state_of(card_payer.press("payer")) == "secure"

    @pytest.mark.parametrize(("option", "state"), [("never", "paid"), ("enrolled", "paid"), ("always", "secure")])
    def test_is_an_option_of_the_account(
        self, card_payer: PayboxPayer, control: Control, option: str, state: str
    ) -> None:
        put_options(control, REGIE, three_d_secure=option)
        assert state_of(card_payer.pay(REGIE)) == state

    def test_ends_well_with_the_bank_s_word(self, card_payer: PayboxPayer) -> None:
        card_payer.open(RANK_43, PBX_RETOUR="Statut:F;Garanti:G;Inscrit:O;Version:v;Sorte:c;Sign:K")
        card_payer.press("payer", **card(ENROLLED))
        told = values(query_of(way_back_of(card_payer.press("valider"))))
        expected = {"Statut": "Y", "Garanti": "O", "Inscrit": "Y", "Version": "3DSv2.1.0", "Sorte": "CH"}
        assert told.items() >= expected.items()

    def test_a_wrong_code_is_a_refusal(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open(RANK_43)
        card_payer.press("payer")
        page = card_payer.press("refuser")
        assert (state_of(page), code_of(page)) == ("card", "00040")
        [made] = sandbox.paybox_payments()[0]["tries"]
        assert (made["code"], made["status"], made["trans"]) == ("00040", "refused", 0)


class TestCards:
    """Point 12."""

    @pytest.mark.parametrize(
        "number",
        [EXAMPLE, NOT_ENROLLED, "4236861588423130", "5476852056843079", "6703111122223334", "1111 2222 3333 4444"],
    )
    def test_published_ones_pay(self, card_payer: PayboxPayer, number: str) -> None:
        card_payer.open()
        assert state_of(card_payer.press("payer", **card(number))) == "paid"

    def test_a_form_submitted_without_its_button_pays_too(self, card_payer: PayboxPayer) -> None:
        card_payer.open()
        assert state_of(card_payer.press(**card())) == "paid"

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            (card("1111222233335555"), "00004"),
            (card("4012001037141113"), "00004"),
            (card("5017674000000002"), "00004"),
            (card(""), "00004"),
            (card(CVVX="12"), "00004"),
            (card(CVVX=""), "00004"),
            (card(MOIS_VALIDITE="02", AN_VALIDITE="26"), "00008"),
            (card(MOIS_VALIDITE="13"), "00008"),
            (card(AN_VALIDITE=""), "00008"),
        ],
    )
    def test_wrong_ones_do_not(
        self, sandbox: Sandbox, card_payer: PayboxPayer, typed: dict[str, str], code: str
    ) -> None:
        card_payer.open()
        page = card_payer.press("payer", **typed)
        assert (state_of(page), code_of(page)) == ("card", code)

    def test_of_this_month_still_pays(self, card_payer: PayboxPayer) -> None:
        card_payer.open()
        assert state_of(card_payer.press("payer", **card(MOIS_VALIDITE="03", AN_VALIDITE="26"))) == "paid"

    def test_nothing_is_kept_of_what_was_typed(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open()
        card_payer.press("payer", **card("5017674000000002", CVVX="987"))
        with sandbox.world.store.transaction() as db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            kept = str([tuple(row) for table in tables for row in db.execute(f"SELECT * FROM {table}")])
        assert "5017674000000002" not in kept
        assert "987" not in str(sandbox.paybox_payments()[0]["tries"][0]["card"])


class TestForcedCode:
    """Point 12."""

    def test_by_the_form_of_a_test_merchant(self, card_payer: PayboxPayer) -> None:
        card_payer.open(PBX_ERRORCODETEST="00151")
        assert code_of(card_payer.press("payer")) == "00151"

    @pytest.mark.parametrize("told", ["00000", "5", "refus"])
    def test_that_is_none_changes_nothing(self, card_payer: PayboxPayer, told: str) -> None:
        assert state_of(card_payer.pay(PBX_ERRORCODETEST=told)) == "paid"

    def test_is_ignored_in_production(self, card_payer: PayboxPayer) -> None:
        assert state_of(card_payer.pay(REGIE, PBX_ERRORCODETEST="00151")) == "paid"

    def test_may_be_chosen_on_the_page_for_the_whole_session(self, card_payer: PayboxPayer) -> None:
        card_payer.open(REGIE)
        assert code_of(card_payer.press("payer", code="001A1")) == "001A1"
        page = card_payer.see()
        assert '<option value="001A1" selected>' in page
        assert code_of(card_payer.press("payer")) == "001A1"
        assert state_of(card_payer.press("payer", code="")) == "paid"

    def test_may_be_chosen_by_hand(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open()
        with sandbox.world.store.transaction() as db:
            force(db, find_payment(db, 1), "00143")
        assert code_of(card_payer.press("payer")) == "00143"
        with pytest.raises(ValueError, match="no result code"), sandbox.world.store.transaction() as db:
            force(db, find_payment(db, 1), "143")


class TestFurtherTries:
    """Point 12."""

    def test_a_refusal_leaves_the_payer_on_the_page(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open()
        page = card_payer.press("refuser")
        assert (state_of(page), code_of(page)) == ("card", "00105")
        assert state_of(card_payer.press("payer")) == "paid"
        first, second = sandbox.paybox_payments()[0]["tries"]
        assert (first["code"], second["code"]) == ("00105", "00000")
        assert first["call"] < second["call"]
        assert first["trans"] < second["trans"]

    @pytest.mark.parametrize(("most", "state"), [(1, "refused"), (2, "card")])
    def test_are_as_many_as_the_account_allows(
        self, card_payer: PayboxPayer, control: Control, most: int, state: str
    ) -> None:
        put_options(control, most_tries=most)
        card_payer.open()
        assert state_of(card_payer.press("refuser")) == state

    def test_after_the_last_one_the_payer_goes_to_the_refusal_s_address(
        self, card_payer: PayboxPayer, control: Control, verifier: Verifier
    ) -> None:
        put_options(control, most_tries=1)
        card_payer.open()
        back = way_back_of(card_payer.press("refuser"))
        assert back.startswith(f"{SITE}/refuse?")
        assert values(query_of(back))["Erreur"] == "00105"
        assert verifier.accepts(query_of(back))

    def test_leaving_after_a_refusal_tells_the_last_code(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open()
        card_payer.press("payer", code="00151")
        card_payer.press("payer", code="00143")
        target = card_payer.send("abandonner").headers["Location"]
        assert target.startswith(f"{SITE}/refuse?")
        last = sandbox.paybox_payments()[0]["tries"][-1]
        told = values(query_of(target))
        assert (told["Erreur"], told["Trans"], told["Appel"]) == ("00143", str(last["trans"]), str(last["call"]))

    def test_a_finished_payment_has_no_more(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        page = card_payer.pay()
        for decision in ("payer", "refuser", "abandonner"):
            card_payer.send(decision)
        assert card_payer.see() == page
        assert len(sandbox.paybox_payments()[0]["tries"]) == 1

    def test_a_button_that_the_page_has_not_does_nothing(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        card_payer.open()
        assert state_of(card_payer.press("valider")) == "card"
        assert sandbox.paybox_payments()[0]["tries"] == []


class TestImmediateReturn:
    """Point 11."""

    @pytest.mark.parametrize(
        ("decision", "address"), [("payer", "paye"), ("attendre", "attente"), ("abandonner", "annule")]
    )
    def test_spares_the_ticket(self, card_payer: PayboxPayer, control: Control, decision: str, address: str) -> None:
        put_options(control, immediate_return=True)
        card_payer.open()
        answer = card_payer.send(decision)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith(f"{SITE}/{address}?")


class TestExpiry:
    """Point 13."""

    @pytest.mark.parametrize(("display", "seconds"), [(None, 900), ("120", 120), ("0000000300", 300)])
    def test_comes_after_the_seconds_asked_for(
        self, card_payer: PayboxPayer, time: Time, display: str | None, seconds: int
    ) -> None:
        card_payer.open(PBX_DISPLAY=display)
        time.pass_by(seconds=seconds - 1)
        assert state_of(card_payer.see()) == "card"
        time.pass_by(seconds=1)
        assert state_of(card_payer.see()) == "expired"

    @pytest.mark.parametrize("decision", ["payer", "refuser", "abandonner"])
    def test_is_00030_whatever_the_payer_then_does(
        self,
        sandbox: Sandbox,
        card_payer: PayboxPayer,
        listener: Listener,
        time: Time,
        verifier: Verifier,
        decision: str,
    ) -> None:
        card_payer.open()
        time.pass_by(seconds=900)
        card_payer.send(decision)
        back = way_back_of(card_payer.see())
        assert back.startswith(f"{SITE}/refuse?")
        assert values(query_of(back))["Erreur"] == "00030"
        assert verifier.accepts(query_of(back))
        sandbox.deliver_due()
        assert listener.heard == []

    def test_spares_what_is_finished(self, card_payer: PayboxPayer, time: Time) -> None:
        page = card_payer.pay()
        time.pass_by(days=30)
        assert card_payer.see() == page


class TestTicket:
    def test_is_sent_to_the_payer_once_paid(self, sandbox: Sandbox, card_payer: PayboxPayer, control: Control) -> None:
        card_payer.open()
        card_payer.press("refuser")
        card_payer.press("payer")
        sandbox.deliver_due()
        [mail] = control("GET", "/mails?recipient=leroy@exemple.fr")["mails"]
        text = control("GET", f"/mails/{mail['id']}")["text"]
        assert mail["subject"].startswith("Bac à sable – Ticket de paiement")
        assert text.startswith("Bac à sable\u00a0:") or text.startswith("Bac à sable :")
        for told in ("48,50", "CANTINE-2026-03", "XXXXXX", "16/03/2026 à 12"):
            assert told in text

    def test_is_not_sent_for_anything_else(self, sandbox: Sandbox, card_payer: PayboxPayer, control: Control) -> None:
        card_payer.open()
        card_payer.press("refuser")
        card_payer.send("abandonner")
        sandbox.deliver_due()
        assert control("GET", "/mails") == {"mails": []}


def test_unknown_sessions_are_not_found(card_payer: PayboxPayer) -> None:
    for token in ("", "inconnue"):
        card_payer.session = token
        assert card_payer.send("payer").status_code == 404
        assert card_payer.browser.get(f"/cgi/MYpagepaiement.cgi?session={token}").status_code == 404
