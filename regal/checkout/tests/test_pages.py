"""The payer's pages, without cookie and without script."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings

from regal.checkout import pages
from regal.collectivites.models import AllowedOrigin
from regal.gateways.base import DebtKind, Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Payer
from tests import cast

pytestmark = pytest.mark.django_db

FORM = "/saint-aubin/titres/"
TYPED = {"exercice": "2026", "titre": "412", "ligne": "1", "amount": "125,50", "email": cast.MME_LEROY}


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """The pages' clock, which a test may move."""
    moment = [cast.MORNING]
    monkeypatch.setattr(pages, "clock", lambda: moment[0])
    return moment


def token_in(answer):
    return re.findall(r'name="token" value="([^"]+)"', answer.content.decode())[0]


def follow_address_in(answer):
    return re.findall(r'data-regal-leave="([^"]+)"', answer.content.decode())[0]


def change(row, **fields):
    with tenant(row.collectivite_id):
        type(row).objects.of(row.collectivite).filter(pk=row.pk).update(**fields)


def attempts(town):
    with tenant(town.collectivite):
        return list(Attempt.objects.of(town.collectivite))


class TestForm:
    def test_shows_the_product_to_whoever_asks(self, guichet, saint_aubin):
        answer = guichet.get(FORM)
        assert answer.status_code == 200
        assert "Avis des sommes à payer" in answer.content.decode()

    def test_may_be_framed_by_the_town_s_listed_sites_by_our_bureau_and_by_nobody_else(self, guichet, saint_aubin):
        policy = guichet.get(FORM).headers["Content-Security-Policy"]
        assert f"frame-ancestors https://saint-aubin.example {settings.BUREAU_URL};" in policy + ";"
        assert "unsafe" not in policy

    def test_may_be_framed_by_our_bureau_alone_where_no_site_is_listed(self, guichet, saint_aubin):
        with tenant(saint_aubin.collectivite):
            AllowedOrigin.objects.of(saint_aubin.collectivite).delete()
        policy = guichet.get(FORM).headers["Content-Security-Policy"]
        assert f"frame-ancestors {settings.BUREAU_URL};" in policy + ";"

    def test_is_kept_by_no_cache_and_tells_no_other_site(self, guichet, saint_aubin):
        headers = guichet.get(FORM).headers
        assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")

    def test_exists_in_english_under_its_own_address(self, guichet, saint_aubin):
        assert '<html lang="en">' in guichet.get(f"/en{FORM}").content.decode()

    @pytest.mark.parametrize(
        "address", ["/nulle-part/", "/nulle-part/titres/", "/saint-aubin/rien/", "/saint-aubin/suivi/x/"]
    )
    def test_is_not_found_elsewhere(self, guichet, saint_aubin, address):
        assert guichet.get(address).status_code == 404

    @pytest.mark.parametrize(
        ("terms", "sentence"),
        [
            ({"is_open": False}, "est fermé pour l’instant"),
            ({"opens_on": date(2026, 11, 25)}, "ouvrira le 25 novembre 2026"),
            ({"closes_on": date(2026, 11, 23)}, "fermé depuis le 23 novembre 2026 au soir"),
        ],
    )
    def test_is_closed_with_its_product_and_says_when_and_how_to_pay_otherwise(
        self, guichet, saint_aubin, terms, sentence
    ):
        token = token_in(guichet.post(FORM, TYPED))
        change(saint_aubin.product, closed_note="Payez au guichet de la mairie.", **terms)
        page = guichet.get(FORM)
        assert page.status_code == 200
        assert "<form" not in page.content.decode()
        for shown in (sentence, "Payez au guichet de la mairie."):
            assert shown in page.content.decode()
        assert "frame-ancestors https://saint-aubin.example" in page.headers["Content-Security-Policy"]
        assert "Rien ne se paie en ligne" in guichet.get("/saint-aubin/").content.decode()
        assert guichet.post(f"{FORM}payer/", {"token": token}).status_code == 409
        assert attempts(saint_aubin) == []

    def test_is_open_from_its_first_day_to_its_last_in_paris(self, guichet, saint_aubin, now):
        change(saint_aubin.product, opens_on=date(2026, 11, 25), closes_on=date(2026, 11, 25))
        seen = []
        for moment in ("2026-11-24T22:59", "2026-11-24T23:00", "2026-11-25T22:59", "2026-11-25T23:00"):
            now[0] = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            seen.append("<form" in guichet.get(FORM).content.decode())
        assert seen == [False, True, True, False]

    def test_is_announced_in_the_list_before_it_opens(self, guichet, saint_aubin):
        change(saint_aubin.product, opens_on=date(2026, 12, 1))
        page = guichet.get("/saint-aubin/").content.decode()
        assert "À partir du 1er décembre 2026" in page
        assert f'href="{FORM}"' not in page

    def test_closed_after_the_payer_left_still_leads_to_his_payment(self, guichet, saint_aubin):
        token = token_in(guichet.post(FORM, TYPED))
        guichet.post(f"{FORM}payer/", {"token": token})
        change(saint_aubin.product, is_open=False)
        for address in (f"{FORM}payer/", FORM):
            page = guichet.post(address, {"token": token}).content.decode()
            assert "Ce paiement est déjà ouvert" in page
            assert "Recommencer sans rien retaper" not in page

    def test_is_closed_with_its_contract(self, guichet, saint_aubin):
        change(saint_aubin.account, is_active=False)
        assert "est fermé pour l’instant" in guichet.get(FORM).content.decode()

    @pytest.mark.parametrize(
        "typed",
        [
            {"exercice": "2025-10-1", "titre": "77"},
            {"titre": "2026-412-1", "exercice": "2025"},
            {"titre": "2026-412-1", "ligne": "3"},
        ],
    )
    def test_never_guesses_between_a_pasted_reference_and_the_other_fields(self, guichet, saint_aubin, typed):
        assert guichet.post(FORM, TYPED | typed).status_code == 422

    @pytest.mark.parametrize("typed", ["N° 412", "n°412", "No 412", "Titre n° 412", "titre 412"])
    def test_forgives_the_words_printed_before_the_number(self, guichet, saint_aubin, typed):
        assert "2026-412-1" in guichet.post(FORM, TYPED | {"titre": typed}).content.decode()

    @pytest.mark.parametrize(("field", "typed"), [("titre", "412-1"), ("titre", "412 / 1"), ("ligne", "1-2")])
    def test_never_glues_two_numbers_into_another_debt(self, guichet, saint_aubin, field, typed):
        answer = guichet.post(FORM, TYPED | {field: typed})
        assert answer.status_code == 422
        assert f'id="{field}-error">Tapez ce numéro seul' in answer.content.decode()

    def test_slows_down_whoever_tries_amounts(self, guichet, saint_aubin, now):
        for _ in range(pages.MOST_FORMS):
            guichet.post(FORM, {})
        assert guichet.post(FORM, TYPED).status_code == 429
        now[0] += timedelta(minutes=1)
        assert guichet.post(FORM, TYPED).status_code == 200

    @pytest.mark.parametrize(
        ("field", "typed", "sentence"),
        [
            ("exercice", "", "Indiquez l’exercice"),
            ("exercice", "26", "année à quatre chiffres"),
            ("titre", "", "Indiquez le numéro de titre"),
            ("titre", "12A", "de 1 à 8\u00a0chiffres"),
            ("titre", "123456789", "de 1 à 8\u00a0chiffres"),
            ("ligne", "x", "de 1 à 6\u00a0chiffres"),
            ("amount", "", "Indiquez le montant"),
            ("amount", "1.234", "de deux façons"),
            ("amount", "douze", "ne se lit pas"),
            ("amount", "0,99", "au moins 1"),
            ("amount", "100000", "au plus 99"),
            ("email", "", "Indiquez votre adresse"),
            ("email", "mme.leroy", "ressemble à nom@exemple.fr"),
            ("email", "a@b.fr;c@d.fr", "une seule adresse"),
        ],
    )
    def test_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(
        self, guichet, saint_aubin, field, typed, sentence
    ):
        page = guichet.post(FORM, TYPED | {field: typed}).content.decode()
        assert sentence in page
        assert f'href="#id_{field}"' in page
        assert f'id="{field}-error"' in page
        assert f"{field}-hint {field}-error" in page
        assert "<title>Erreur\u00a0:" in page
        for other, value in TYPED.items():
            if other != field:
                assert f'value="{value}"' in page

    @pytest.mark.parametrize(
        "typed",
        [
            {"titre": "00000412"},
            {"titre": " 4 1 2 "},
            {"ligne": ""},
            {"exercice": "", "titre": "2026-412-1", "ligne": ""},
            {"exercice": "", "titre": "2026 00000412 000001"},
            {"amount": "125.50"},
            {"amount": "125,50 €"},
        ],
    )
    def test_forgives_how_a_reference_and_an_amount_are_written(self, guichet, saint_aubin, typed):
        page = guichet.post(FORM, TYPED | typed).content.decode()
        assert "2026-412-1" in page
        assert "125,50\u00a0€" in page

    def test_says_everything_that_is_wrong_with_the_reference_at_once(self, guichet, saint_aubin):
        page = guichet.post(FORM, TYPED | {"exercice": "", "titre": "12A", "ligne": "x"}).content.decode()
        assert all(f'id="{field}-error"' in page for field in ("exercice", "titre", "ligne"))

    @pytest.mark.parametrize("typed", [{"exercice": "2027"}, {"exercice": "", "titre": "2027-412-1"}])
    def test_knows_that_no_notice_is_of_a_year_to_come(self, guichet, saint_aubin, typed):
        answer = guichet.post(FORM, TYPED | typed)
        assert answer.status_code == 422
        assert "ne peut pas être après 2026" in answer.content.decode()

    def test_says_in_french_that_a_field_is_too_long_or_holds_what_nobody_types(self, guichet, saint_aubin):
        assert "trop long pour être juste" in guichet.post(FORM, TYPED | {"titre": "4" * 65}).content.decode()
        assert "que l’on ne tape pas" in guichet.post(FORM, TYPED | {"email": "a\0@b.fr"}).content.decode()

    def test_puts_the_focus_on_what_is_wrong_without_a_script(self, guichet, saint_aubin):
        assert 'role="alert" tabindex="-1" autofocus' in guichet.post(FORM, TYPED | {"titre": ""}).content.decode()

    def test_changes_language_without_losing_what_was_typed(self, guichet, saint_aubin):
        page = guichet.post(FORM, TYPED | {"amount": "douze"}).content.decode()
        form = page[page.index(f'<form method="post" action="/en{FORM}">') :]
        for field, value in (TYPED | {"amount": "douze"}).items():
            assert f'<input type="hidden" name="{field}" value="{value}">' in form[: form.index("</form>")]

    def test_may_be_framed_even_when_the_product_is_not_there(self, guichet, saint_aubin):
        answer = guichet.get("/saint-aubin/rien/")
        assert answer.status_code == 404
        assert "frame-ancestors https://saint-aubin.example" in answer.headers["Content-Security-Policy"]
        assert f'href="{FORM}"' in answer.content.decode()

    def test_of_an_unknown_town_is_framed_by_nobody(self, guichet, saint_aubin):
        assert "frame-ancestors 'none'" in guichet.get("/nulle-part/rien/").headers["Content-Security-Policy"]

    @pytest.mark.parametrize("address", ["/saint-aubin/", FORM, "/saint-aubin/suivi/x/"])
    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_knows_no_other_method(self, guichet, saint_aubin, address, method):
        assert getattr(guichet, method)(address).status_code == 405

    def test_tells_where_each_field_is_printed(self, guichet, saint_aubin):
        page = guichet.get(FORM).content.decode()
        for mark in (1, 2, 3, 4):
            assert f'<span class="mark" aria-hidden="true">{mark}</span>' in page
            assert f'<i class="mark">{mark}</i>' in page
        assert "Je ne trouve qu’un numéro de facture" in page

    @pytest.mark.parametrize("typed", ["a\0b", "é" * 5000, "<script>", "\ud800".encode("utf-8", "surrogatepass")])
    def test_survives_whatever_is_typed(self, guichet, saint_aubin, typed):
        for field in TYPED:
            answer = guichet.post(FORM, TYPED | {field: typed})
            assert answer.status_code in (200, 422)
            assert "<script>" not in answer.content.decode().replace('<script type="module"', "")


class TestRecap:
    def test_shows_everything_that_was_typed_and_stores_nothing(self, guichet, saint_aubin):
        page = guichet.post(FORM, TYPED).content.decode()
        for shown in ("2026-412-1", "Exercice 2026, Numéro de titre 412, Ligne 1", "125,50\u00a0€", cast.MME_LEROY):
            assert shown in page
        assert attempts(saint_aubin) == []

    def test_leads_to_payfip_in_a_new_tab_and_says_so(self, guichet, saint_aubin):
        answer = guichet.post(FORM, TYPED)
        assert 'target="_blank" rel="noopener"' in answer.content.decode()
        assert "sur PayFiP (nouvel onglet)" in answer.content.decode()
        assert "form-action 'self' https://www.payfip.gouv.fr;" in answer.headers["Content-Security-Policy"]

    def test_says_on_every_page_of_a_test_account_that_no_money_moves(self, guichet, saint_aubin):
        recap = guichet.post(FORM, TYPED)
        seen = [
            guichet.get("/saint-aubin/"),
            guichet.get(FORM),
            guichet.post(FORM, TYPED | {"titre": ""}),
            recap,
            guichet.post(f"{FORM}payer/", {"token": "altered"}),
        ]
        guichet.post(f"{FORM}payer/", {"token": token_in(recap)})
        seen += [guichet.post(f"{FORM}payer/", {"token": token_in(recap)}), guichet.get(follow_address_in(recap))]
        assert all("TEST" in page.content.decode() for page in seen)

    def test_changes_language_by_way_of_the_filled_form(self, guichet, saint_aubin):
        recap = guichet.post(FORM, TYPED)
        assert f'action="/en{FORM}"' in recap.content.decode()
        page = guichet.post(f"/en{FORM}", {"token": token_in(recap)}).content.decode()
        assert '<html lang="en">' in page
        assert 'value="412"' in page

    def test_offers_this_very_window_to_whom_no_new_tab_opens(self, guichet, saint_aubin):
        assert (
            '<button class="button-link" type="submit" formtarget="_top">' in guichet.post(FORM, TYPED).content.decode()
        )

    @pytest.mark.parametrize(
        ("options", "typed", "field"),
        [
            ({}, {"exercice": "9999"}, "exercice"),
            ({"max_amount_cents": 4_000_000}, {"amount": "50000"}, "amount"),
        ],
    )
    def test_is_not_reached_with_what_the_contract_forbids(self, guichet, saint_aubin, options, typed, field):
        """A payer who read « 9999 » somewhere, or whose account has its own ceiling: said beside the field, at once."""
        in_production = cast.make_town(
            slug="prod",
            name="Prod",
            numcli="000001",
            agent="paul",
            origin="https://prod.example",
            environment=Environment.PRODUCTION,
        )
        change(in_production.account, options=options)
        answer = guichet.post("/prod/titres/", TYPED | typed)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.content.decode()

    def test_goes_back_to_the_form_with_nothing_to_retype(self, guichet, saint_aubin):
        page = guichet.post(FORM, {"token": token_in(guichet.post(FORM, TYPED))}).content.decode()
        for value in TYPED.values():
            assert f'value="{value}"' in page


class TestLeaving:
    def leave(self, guichet, token):
        return guichet.post(f"{FORM}payer/", {"token": token})

    def test_records_the_attempt_and_redirects_to_payfip(self, guichet, saint_aubin):
        answer = self.leave(guichet, token_in(guichet.post(FORM, TYPED)))
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("https://www.payfip.gouv.fr/tpa/paiement.web?numcli=006382&")
        (attempt,) = attempts(saint_aubin)
        assert (attempt.status, attempt.debt_reference, attempt.amount) == ("handed_off", cast.REFDET, Money(12_550))
        with tenant(saint_aubin.collectivite):
            assert Payer.objects.get(attempt=attempt).email == cast.MME_LEROY

    def test_happens_once_however_often_the_button_is_pressed(self, guichet, saint_aubin):
        token = token_in(guichet.post(FORM, TYPED))
        self.leave(guichet, token)
        again = self.leave(guichet, token)
        assert again.status_code == 409
        assert "Ce paiement est déjà ouvert" in again.content.decode()
        assert len(attempts(saint_aubin)) == 1

    def test_is_refused_with_a_remedy_when_the_page_is_too_old(self, guichet, saint_aubin, now):
        token = token_in(guichet.post(FORM, TYPED))
        now[0] += timedelta(minutes=31)
        answer = self.leave(guichet, token)
        assert answer.status_code == 409
        assert "Plus de 30\u00a0minutes" in answer.content.decode()
        assert 'value="412"' in answer.content.decode()
        assert attempts(saint_aubin) == []

    def test_of_an_old_page_that_already_led_to_payfip_leads_to_its_payment(self, guichet, saint_aubin, now):
        """It may be paid: saying that nothing was would have it paid twice."""
        token = token_in(guichet.post(FORM, TYPED))
        self.leave(guichet, token)
        now[0] += timedelta(minutes=31)
        page = self.leave(guichet, token).content.decode()
        assert "Ce paiement est déjà ouvert" in page
        assert "rien n’a été payé" not in page
        assert len(attempts(saint_aubin)) == 1

    def test_refused_by_a_contract_changed_meanwhile_says_which_field_to_mend(self, guichet, saint_aubin):
        token = token_in(guichet.post(FORM, TYPED))
        change(saint_aubin.account, options={"max_amount_cents": 10_000})
        answer = self.leave(guichet, token)
        assert answer.status_code == 422
        assert 'id="amount-error"' in answer.content.decode()
        assert attempts(saint_aubin) == []

    def test_of_a_page_a_week_old_still_knows_that_it_led_to_payfip(self, guichet, saint_aubin, now):
        token = token_in(guichet.post(FORM, TYPED))
        self.leave(guichet, token)
        now[0] += timedelta(days=8)
        assert "Ce paiement est déjà ouvert" in self.leave(guichet, token).content.decode()

    def test_with_what_the_product_no_longer_takes_goes_back_to_the_form(self, guichet, saint_aubin):
        token = token_in(guichet.post(FORM, TYPED))
        change(saint_aubin.product, max_amount=Money(10_000))
        answer = self.leave(guichet, token)
        assert answer.status_code == 422
        assert 'id="amount-error"' in answer.content.decode()
        assert attempts(saint_aubin) == []

    def test_of_a_product_moved_to_another_contract_asks_again(self, guichet, saint_aubin):
        """The recap was of a test, the contract is of production: nothing leaves unseen."""
        token = token_in(guichet.post(FORM, TYPED))
        other = cast.make_product(
            saint_aubin, DebtKind.TITRE, slug="loyers", numcli="006383", environment=Environment.PRODUCTION
        )
        change(saint_aubin.product, account=other.account)
        assert self.leave(guichet, token).status_code == 400
        assert attempts(saint_aubin) == []

    def test_is_refused_with_the_token_of_another_product(self, guichet, saint_aubin):
        cast.make_product(saint_aubin, DebtKind.TITRE, slug="loyers", numcli="006383")
        token = token_in(guichet.post("/saint-aubin/loyers/", TYPED))
        assert self.leave(guichet, token).status_code == 400

    @pytest.mark.parametrize("spoil", [lambda t: "", lambda t: t[:-1], lambda t: "x" + t, lambda t: "a" * 9000])
    def test_is_refused_when_the_token_was_altered(self, guichet, saint_aubin, spoil):
        answer = self.leave(guichet, spoil(token_in(guichet.post(FORM, TYPED))))
        assert answer.status_code == 400
        assert attempts(saint_aubin) == []

    def test_is_refused_with_another_town_s_token(self, guichet, saint_aubin):
        next_town = cast.make_next_town()
        token = token_in(guichet.post("/val-de-l-orne/titres/", TYPED))
        assert self.leave(guichet, token).status_code == 400
        assert attempts(saint_aubin) == attempts(next_town) == []

    def test_tells_of_an_earlier_attempt_first_and_lets_the_payer_go_on(self, guichet, saint_aubin):
        """Two recaps opened before either was paid: the second learns of the first when it is sent."""
        first, second = (token_in(guichet.post(FORM, TYPED)) for _ in range(2))
        self.leave(guichet, first)
        told = self.leave(guichet, second)
        assert "a déjà été ouvert ici pour cette dette" in told.content.decode()
        assert len(attempts(saint_aubin)) == 1
        assert self.leave(guichet, token_in(told)).status_code == 303
        assert sorted(attempt.warned for attempt in attempts(saint_aubin)) == [False, True]

    def test_is_refused_for_a_minute_to_whoever_opens_too_many(self, guichet, saint_aubin, now):
        for _ in range(pages.MOST_STARTS):
            self.leave(guichet, "")
        answer = self.leave(guichet, token_in(guichet.post(FORM, TYPED)))
        assert answer.status_code == 429
        assert "Attendez une minute" in answer.content.decode()
        assert attempts(saint_aubin) == []
        now[0] += timedelta(minutes=1)
        assert self.leave(guichet, token_in(guichet.post(FORM, TYPED))).status_code == 303

    def test_of_a_restored_tab_goes_back_to_the_form(self, guichet, saint_aubin):
        assert guichet.get(f"{FORM}payer/").headers["Location"] == FORM


class TestFollowing:
    @pytest.fixture
    def address(self, guichet, saint_aubin):
        recap = guichet.post(FORM, TYPED)
        guichet.post(f"{FORM}payer/", {"token": token_in(recap)})
        return follow_address_in(recap)

    def announce(self, town, outcome):
        with tenant(town.collectivite):
            Attempt.objects.of(town.collectivite).update(announced=outcome, announced_at=cast.MORNING)

    def test_waits_and_can_be_refreshed_without_a_script(self, guichet, address):
        page = guichet.get(address).content.decode()
        assert "En attente de PayFiP" in page
        assert f'href="{address}" data-regal-refresh' in page

    @pytest.mark.parametrize(
        ("outcome", "title"),
        [
            ("paid", "PayFiP annonce\u00a0: payé"),
            ("refused", "PayFiP annonce\u00a0: refusé"),
            ("abandoned", "PayFiP annonce\u00a0: abandonné"),
            ("unknown", "Résultat inconnu"),
        ],
    )
    def test_says_what_was_announced_and_that_it_is_an_announcement(
        self, guichet, saint_aubin, address, outcome, title
    ):
        self.announce(saint_aubin, outcome)
        assert title in guichet.get(address).content.decode()

    @pytest.mark.parametrize(
        ("status", "title"),
        [
            ("paid", "Paiement confirmé"),
            ("refused", "PayFiP annonce\u00a0: refusé"),
            ("abandoned", "PayFiP annonce\u00a0: abandonné"),
            ("unknown", "Résultat inconnu"),
            ("expired_presumed", "Sans nouvelles de PayFiP"),
        ],
    )
    def test_says_what_was_proved_first(self, guichet, saint_aubin, address, status, title):
        with tenant(saint_aubin.collectivite):
            Attempt.objects.of(saint_aubin.collectivite).update(status=status)
        assert title in guichet.get(address).content.decode()

    def test_offers_no_new_payment_of_a_closed_product(self, guichet, saint_aubin, address):
        assert "Recommencer un paiement" in guichet.get(address).content.decode()
        change(saint_aubin.product, is_open=False)
        assert "Recommencer un paiement" not in guichet.get(address).content.decode()

    @pytest.mark.parametrize(
        ("announced", "status", "sentence"),
        [
            ("", "handed_off", "Nous n’en connaissons pas encore le résultat"),
            ("paid", "handed_off", "PayFiP l’annonce payé"),
            ("paid", "paid", "Il est confirmé"),
        ],
    )
    def test_is_told_of_by_the_next_recap(self, guichet, saint_aubin, address, announced, status, sentence):
        with tenant(saint_aubin.collectivite):
            Attempt.objects.of(saint_aubin.collectivite).update(announced=announced, status=status)
        assert sentence in guichet.post(FORM, TYPED).content.decode()

    def test_that_is_paid_is_told_of_even_when_another_was_begun_since(self, guichet, saint_aubin, address, now):
        self.announce(saint_aubin, "paid")
        now[0] += timedelta(minutes=5)
        again = guichet.post(FORM, TYPED)
        guichet.post(f"{FORM}payer/", {"token": token_in(again)})
        assert len(attempts(saint_aubin)) == 2
        page = guichet.post(FORM, TYPED).content.decode()
        assert "PayFiP l’annonce payé" in page
        assert "pas encore le résultat" not in page

    def test_says_after_half_an_hour_that_there_is_no_news(self, guichet, address, now):
        now[0] += timedelta(minutes=31)
        page = guichet.get(address).content.decode()
        assert "pas de nouvelles de ce paiement" in page
        assert "en quelques secondes" not in page

    def test_gives_the_usual_reasons_of_a_refusal_while_nothing_is_known(self, guichet, saint_aubin, address):
        page = guichet.get(address).content.decode()
        for reason in ("émis aujourd’hui", "déjà payé", "amiable passé", "Autre montant"):
            assert reason in page
        self.announce(saint_aubin, "paid")
        assert "amiable passé" not in guichet.get(address).content.decode()

    def test_shows_neither_the_whole_reference_nor_the_address_of_the_payer(self, guichet, address):
        page = guichet.get(address).content.decode()
        assert "…412-1" in page
        for hidden in (cast.MME_LEROY, cast.REFDET, "2026-412-1"):
            assert hidden not in page

    def test_is_one_line_after_half_an_hour_and_nothing_after_a_week(self, guichet, address, now):
        now[0] += timedelta(minutes=31)
        page = guichet.get(address).content.decode()
        assert "125,50" in page
        assert "data-regal-refresh" not in page
        now[0] += timedelta(days=7)
        assert guichet.get(address).status_code == 404

    def test_is_unknown_to_the_next_town(self, guichet, address):
        cast.make_next_town()
        assert guichet.get(address.replace("saint-aubin", "val-de-l-orne")).status_code == 404

    def test_before_paying_says_that_nothing_is_begun(self, guichet, saint_aubin):
        address = follow_address_in(guichet.post(FORM, TYPED))
        answer = guichet.get(address)
        assert answer.status_code == 404
        assert "rien n’est commencé" in answer.content.decode()
