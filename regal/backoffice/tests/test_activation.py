"""The assistant: from a number to the first real payment, each step played, its outcome told, its evidence kept."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import typst
from allauth.account.internal.flows.login import record_authentication
from django.test import RequestFactory

from regal.audit.models import AuditEntry
from regal.backoffice import activation, administration, contracts, dossier, routing, trials
from regal.backoffice.trials import TEST_REFERENCES
from regal.collectivites.models import Adhesion, GatewayAccount, Product, Regie, RoutingChange
from regal.gateways.base import DebtKind, Environment
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.people.models import Role, User
from tests import cast, notices
from tests.cast import MORNING, later
from tests.notices import form, hear, run_due, tell
from tests.sites import GuichetClient

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/reglages/contrats/"
PAGE = f"{LIST}006382/"
REAL = "202600000412000001"


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    settings.PAYFIP_URL = "https://payfip.example/tpa/"
    moment = [MORNING]
    monkeypatch.setattr(activation, "clock", lambda: moment[0])
    return moment


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def paul(bureau, town):
    return signed_in(bureau, cast.make_agent(town, "paul", Role.ADMINISTRATOR))


@pytest.fixture
def zoe(town):
    return cast.make_agent(town, "zoe", Role.ADMINISTRATOR)


def signed_in(client, user):
    """With the password just typed again."""
    client.force_login(user)
    request = RequestFactory().get("/")
    request.session = client.session
    record_authentication(request, user, "password", username=user.identifier, reauthenticated=True)
    request.session.save()
    return client


def shown(client, address=PAGE):
    answer = client.get(address)
    assert answer.status_code == 200
    return words(answer)


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text)


def token(client):
    return re.findall(r'name="flow_token" value="([^"]+)"', client.get(PAGE).content.decode())[0]


def try_(client, town, act="test", **changes):
    usual = {
        "act": act,
        "product": town.product.pk,
        "reference": TEST_REFERENCES[DebtKind.TITRE] if act == "test" else REAL,
        "amount": "10,00",
        "email": "paul@example.org",
        "flow_token": changes.pop("flow_token", None) or token(client),
    }
    return client.post(PAGE, usual | changes)


def latest(town):
    with tenant(town.collectivite):
        return Attempt.objects.of(town.collectivite).select_related("account").order_by("-pk").first()


def hear_from_payfip(town, outcome="P", **changes):
    """PayFiP's message about the latest attempt, as it would send it."""
    attempt = latest(town)
    saisie = {"test": "T", "activation": "X", "production": "M"}[attempt.environment]
    tell(town, attempt, form(town, attempt, outcome, **({"saisie": saisie} | changes)))
    return attempt


def played(client, town, now, *, until="activation"):
    """The steps before: T paid, and X by card."""
    try_(client, town)
    hear_from_payfip(town)
    if until == "test":
        return
    client.post(PAGE, {"act": "open_activation"})
    try_(client, town, "activation")
    hear_from_payfip(town)


def acts(town):
    with tenant(town.collectivite):
        return [entry.action for entry in AuditEntry.objects.of(town.collectivite).order_by("pk")]


class TestContracts:
    def test_are_listed_with_their_phases_and_products(self, paul, town, now):
        assert "pas encore en production" in shown(paul, LIST)
        played(paul, town, now)
        page = shown(paul, LIST)
        assert "Contrat 006382" in page
        assert "réussi le 24 novembre 2026 à 9 h 05" in page
        assert "réussie le 24 novembre 2026" in page
        assert "Avis des sommes à payer test" in page

    def test_are_added_in_test_only(self, paul, town):
        answer = paul.post(f"{LIST}ajouter/", {"numcli": "350010", "kind": "ormc", "max_amount": "600"})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}350010/")
        with tenant(town.collectivite):
            (account,) = GatewayAccount.objects.of(town.collectivite).filter(identifier="350010")
        assert (account.environment, account.debt_kind) == ("test", "ormc")
        assert account.options == {"max_amount_cents": 60_000}

    def test_of_a_regie_come_with_it_new_or_known(self, paul, town):
        new = {"regie": "new", "regie_name": "Cantine", "regie_number": "12"}
        assert paul.post(f"{LIST}ajouter/", {"numcli": "350010", "kind": "regie", **new}).status_code == 303
        with tenant(town.collectivite):
            regie = Regie.objects.of(town.collectivite).get()
        known = {"numcli": "350011", "kind": "regie", "regie": regie.pk}
        assert paul.post(f"{LIST}ajouter/", known).status_code == 303
        assert "Cantine" in shown(paul, LIST)

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({}, "Écrivez le numéro de client"),
            ({"numcli": "12345"}, "n’est pas un numéro de client PayFiP"),
            ({"numcli": "006382"}, "déjà relié"),
            ({"numcli": "012327"}, "relié à une autre collectivité"),
            ({"numcli": "350010", "kind": "regie"}, "indiquez la régie"),
            ({"numcli": "350010", "regie": "new", "regie_name": "Cantine", "regie_number": "12"}, "indiquez la régie"),
            ({"numcli": "350010", "kind": "regie", "regie": "new", "regie_number": "12"}, "Il manque un nom"),
            ({"numcli": "350010", "kind": "regie", "regie": "new", "regie_name": "x"}, "numéro de régie"),
            ({"numcli": "350010", "min_amount": "1.234"}, "ne se lit pas"),
            ({"numcli": "350010", "min_amount": "9", "max_amount": "2"}, "réglage"),
            ({"numcli": "350010", "kind": "loyer"}, "loyer"),
        ],
    )
    def test_are_refused_in_words_and_leave_nothing(self, paul, town, typed, said):
        cast.make_next_town()
        answer = paul.post(f"{LIST}ajouter/", {"kind": "titre", **typed})
        assert answer.status_code == 422
        assert said in words(answer)
        assert "Erreur :" in words(answer)
        with tenant(town.collectivite):
            assert GatewayAccount.objects.of(town.collectivite).count() == 1
            assert not Regie.objects.of(town.collectivite).exists()

    def test_are_closed_at_once_and_reopened(self, paul, town):
        assert paul.post(PAGE, {"act": "close"}).status_code == 303
        assert "Il est fermé" in shown(paul)
        guichet = GuichetClient()
        assert "fermé" in guichet.get("/saint-aubin/titres/").content.decode()
        assert paul.post(PAGE, {"act": "reopen"}).status_code == 303
        assert "Il est fermé" not in shown(paul)


class TestWhoMayCome:
    @pytest.mark.parametrize("path", [LIST, f"{LIST}ajouter/", PAGE, f"{PAGE}dossier/"])
    def test_an_administrator_of_the_town_and_nobody_else(self, paul, bureau, town, path):
        assert paul.get(path).status_code == 200
        bureau.force_login(town.agent)
        assert bureau.get(path).status_code == 403
        stranger = cast.make_next_town()
        bureau.force_login(cast.make_agent(stranger, "lea", Role.ADMINISTRATOR))
        assert bureau.get(path).status_code == 404
        bureau.force_login(User.objects.create_user(identifier="ops", email="ops@x.fr", is_operator=True))
        assert bureau.get(path).status_code == 404

    def test_to_a_contract_of_another_town_finds_nothing(self, paul, town):
        cast.make_next_town()
        for path in (f"{LIST}012327/", f"{LIST}012327/dossier/", f"{LIST}999999/"):
            assert paul.get(path).status_code == 404
            assert paul.post(path, {"act": "close"}).status_code in (404, 405)

    def test_with_an_act_that_does_not_exist_meets_the_page(self, paul):
        assert paul.post(PAGE, {"act": "open_production"}).status_code == 400


class TestAdhesion:
    DATES = {"convention_on": "2026-09-01", "form_sent_on": "2026-09-02", "identifier_received_on": "2026-10-01"}

    def test_is_noted_and_traced(self, paul, town):
        answer = paul.post(PAGE, {"act": "adhesion", "office": "DDFiP 35", "has_direct_debit": "on", **self.DATES})
        assert answer.status_code == 303
        with tenant(town.collectivite):
            noted = Adhesion.objects.of(town.collectivite).get()
        assert (noted.convention_on, noted.office, noted.has_direct_debit) == (date(2026, 9, 1), "DDFiP 35", True)
        assert acts(town)[-1] == "note_adhesion"
        assert "étape 2 sur 5" in shown(paul)
        paul.post(PAGE, {"act": "adhesion", "office": "DDFiP 35", "has_direct_debit": "on", **self.DATES})
        assert acts(town).count("note_adhesion") == 1

    @pytest.mark.parametrize("office", ["4970 1000 0000 0014", "x" * 121])
    def test_holds_neither_a_card_number_nor_a_novel(self, paul, town, office):
        answer = paul.post(PAGE, {"act": "adhesion", "office": office})
        assert answer.status_code == 422
        assert "120" in words(answer)
        with tenant(town.collectivite):
            assert not Adhesion.objects.of(town.collectivite).exists()

    def test_wants_days_that_exist(self, paul):
        assert paul.post(PAGE, {"act": "adhesion", "convention_on": "2026-02-31"}).status_code == 422


class TestTesting:
    def test_leads_to_payfip_with_its_reserved_reference(self, paul, town):
        answer = try_(paul, town)
        assert answer.status_code == 303
        asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert answer.headers["Location"].startswith("https://payfip.example/tpa/paiement.web?")
        assert (asked["saisie"], asked["refdet"], asked["exer"]) == (["T"], ["999900000000999999"], ["9999"])
        assert asked["urlcl"][0].startswith(f"http://127.0.0.1:8000/s/n/{town.collectivite.pk}/")
        assert latest(town).environment == "test"
        assert acts(town)[-1] == "try_contract"

    def test_is_allowed_by_the_page_s_own_policy_and_by_no_other_page_s(self, paul):
        assert "form-action 'self' https://payfip.example;" in paul.get(PAGE).headers["Content-Security-Policy"]
        assert "form-action 'self';" in paul.get(LIST).headers["Content-Security-Policy"]

    @pytest.mark.parametrize(
        ("outcome", "changes", "said"),
        [
            ("P", {}, "PayFiP l’annonce payé"),
            ("R", {}, "PayFiP l’annonce refusé"),
            ("A", {}, "Vous avez quitté la page de PayFiP"),
            ("?", {}, "un résultat que REGAL ne connaît pas"),
            ("P", {"montant": "1"}, "n’a pas le numéro de client"),
            ("P", {"saisie": "X"}, "n’a pas le numéro de client"),
        ],
    )
    def test_tells_what_came_of_it(self, paul, town, outcome, changes, said):
        try_(paul, town)
        assert "actualisez" in shown(paul)
        hear_from_payfip(town, outcome, **changes)
        page = shown(paul)
        assert said in page
        succeeded = outcome == "P" and not changes
        assert ("Ouvrir l’étape d’activation" in page) is succeeded
        assert ("étape 3 sur 5" in page) is succeeded

    def test_tells_of_silence(self, paul, town):
        try_(paul, town)
        run_due(later(days=8))
        assert "Rien n’est venu" in shown(paul)

    def test_links_to_the_evidence(self, paul, town):
        try_(paul, town)
        attempt = hear_from_payfip(town)
        assert f"/saint-aubin/paiements/{attempt.pk}/" in paul.get(PAGE).content.decode()
        assert paul.get(f"/saint-aubin/paiements/{attempt.pk}/").status_code == 200

    def test_may_be_played_again_and_again(self, paul, town):
        for _ in range(3):
            assert try_(paul, town).status_code == 303
            hear_from_payfip(town)

    def test_sent_twice_opens_one_payment(self, paul, town):
        once = token(paul)
        assert try_(paul, town, flow_token=once).status_code == 303
        answer = try_(paul, town, flow_token=once)
        assert answer.status_code == 422
        assert "déjà ouvert, dans un autre onglet" in words(answer)

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"reference": "?"}, "Cette référence ne se lit pas"),
            ({"reference": ""}, "Écrivez la référence"),
            ({"amount": "0,50"}, "PayFiP n’accepte pas ce montant"),
            ({"amount": "1.234"}, "Ce montant ne se lit pas"),
            ({"email": "paul"}, "Cette adresse e-mail ne se lit pas"),
            ({"flow_token": "x"}, "Cette page est incomplète"),
            ({"product": "0"}, "choix valide"),
        ],
    )
    def test_is_refused_in_words(self, paul, town, typed, said):
        answer = try_(paul, town, **typed)
        assert answer.status_code == 422
        assert said in words(answer)
        assert latest(town) is None

    def test_needs_a_product(self, paul, town):
        paul.post(f"{LIST}ajouter/", {"numcli": "350010", "kind": "titre"})
        assert "Il manque un produit" in shown(paul, f"{LIST}350010/")

    def test_stops_with_the_contract(self, paul, town):
        once = token(paul)
        paul.post(PAGE, {"act": "close"})
        assert "Ce contrat est fermé" in words(try_(paul, town, flow_token=once))

    def test_is_not_what_payers_do(self, paul, town):
        """The trial goes to the test account wherever the product is by now, and its payer's page says so."""
        production = administration.add_account(
            collectivite=town.collectivite,
            debt_kind="titre",
            environment="production",
            identifier="006382",
            now=MORNING,
        )
        with tenant(town.collectivite):
            Product.objects.of(town.collectivite).update(account=production)
        try_(paul, town)
        attempt = latest(town)
        assert (attempt.environment, attempt.account_id) == ("test", town.account.pk)


class TestActivating:
    def test_comes_after_a_test_that_succeeded(self, paul, town):
        answer = paul.post(PAGE, {"act": "open_activation"})
        assert answer.status_code == 422
        assert "faites l’étape 2" in words(answer)
        assert try_(paul, town, "activation").status_code == 422

    def test_is_a_real_payment_of_a_real_debt_in_its_own_environment(self, paul, town, now):
        played(paul, town, now, until="test")
        paul.post(PAGE, {"act": "open_activation"})
        assert "la carte est débitée" in shown(paul)
        answer = try_(paul, town, "activation")
        asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (asked["saisie"], asked["refdet"], asked["montant"]) == (["X"], [REAL], ["1000"])
        assert latest(town).environment == "activation"

    def test_refuses_the_references_of_tests(self, paul, town, now):
        played(paul, town, now, until="test")
        paul.post(PAGE, {"act": "open_activation"})
        answer = try_(paul, town, "activation", reference=TEST_REFERENCES[DebtKind.TITRE])
        assert answer.status_code == 422
        assert "ne servent qu’à l’essai" in words(answer)

    def test_says_which_working_day_payfip_opens(self, paul, town, now):
        played(paul, town, now, until="test")
        paul.post(PAGE, {"act": "open_activation"})
        now[0] = datetime(2026, 12, 24, 8, 55, tzinfo=UTC)  # a Thursday: the day after is Christmas
        try_(paul, town, "activation")
        attempt = latest(town)
        told = form(town, attempt, saisie="X", dattrans="24122026", heurtrans="1000")
        tell(town, attempt, told, now=now[0] + timedelta(minutes=10))
        assert "le prochain jour ouvré : le 28 décembre 2026" in shown(paul)

    def test_of_one_means_does_not_activate_the_other(self, paul, town, now):
        played(paul, town, now, until="test")
        paul.post(PAGE, {"act": "adhesion", "has_direct_debit": "on"})
        paul.post(PAGE, {"act": "open_activation"})
        try_(paul, town, "activation")
        hear_from_payfip(town, "V")
        page = shown(paul)
        assert "prélèvement : réussi le" in page
        assert "étape 3 sur 5" in page
        try_(paul, town, "activation", reference="202600000413000001")
        hear_from_payfip(town)
        assert "carte : réussie le" in shown(paul)

    def test_of_a_debt_already_tried_asks_first(self, paul, town, now):
        played(paul, town, now)
        answer = try_(paul, town, "activation")
        assert answer.status_code == 422
        assert "déjà ouvert ou annoncé payé" in words(answer)
        assert try_(paul, town, "activation", again="on").status_code == 303

    def test_is_in_no_total_of_production(self, paul, town, now):
        played(paul, town, now)
        hear(town, latest(town), notices.notice(town, latest(town)))
        page = shown(paul, "/saint-aubin/")
        assert "Aujourd’hui, aucun paiement commencé" in page
        assert latest(town).status == "paid"


class TestProduction:
    def ask(self, client, town):
        return client.post(PAGE, {"act": "ask", "products": [town.product.pk]})

    def change(self, town):
        with tenant(town.collectivite):
            return RoutingChange.objects.of(town.collectivite).latest("pk")

    @pytest.fixture
    def routed(self, town):
        """A town that has a production account already: its administrators decide among themselves."""
        administration.add_account(
            collectivite=town.collectivite,
            debt_kind="titre",
            environment="production",
            identifier="350077",
            now=MORNING,
        )

    def test_comes_after_an_activation_by_card(self, paul, town, now):
        played(paul, town, now, until="test")
        answer = self.ask(paul, town)
        assert answer.status_code == 422
        assert "faites l’étape 3" in words(answer)

    def test_is_asked_approved_by_another_and_carried_out(self, paul, bureau, zoe, town, routed, now):
        played(paul, town, now)
        assert self.ask(paul, town).status_code == 303
        page = shown(paul)
        assert "Mise en production demandée par paul" in page
        assert "Un autre administrateur doit l’approuver" in page
        assert "Approuver" not in page.replace("Approuvée", "")
        signed_in(bureau, zoe)
        assert "Votre approbation est attendue" in shown(bureau)
        answer = bureau.post(PAGE, {"act": "approve", "change": self.change(town).pk})
        assert answer.status_code == 303
        assert "Approuvée par zoe" in shown(bureau)
        now[0] = later(hours=24)
        run_due(now[0])
        page = shown(bureau)
        assert "attend son premier paiement" in page

    def test_is_not_approved_by_whoever_asked(self, paul, zoe, town, routed, now):
        played(paul, town, now)
        self.ask(paul, town)
        answer = paul.post(PAGE, {"act": "approve", "change": self.change(town).pk})
        assert answer.status_code == 422
        assert "une autre personne doit l’approuver" in words(answer)

    def test_asks_who_is_there_before_it_is_asked_or_approved(self, paul, town, now):
        played(paul, town, now)
        paul.logout()
        paul.force_login(User.objects.get(identifier="paul"))
        answer = self.ask(paul, town)
        assert answer.headers["Location"].startswith("/connexion/confirmation/?next=")
        with tenant(town.collectivite):
            assert not RoutingChange.objects.of(town.collectivite).exists()

    def test_is_cancelled_by_any_administrator(self, paul, bureau, zoe, town, now):
        played(paul, town, now)
        self.ask(paul, town)
        signed_in(bureau, zoe)
        posted = {"act": "cancel", "change": self.change(town).pk, "reason": "Trop tôt"}
        assert bureau.post(PAGE, posted).status_code == 303
        assert "Trop tôt" in shown(bureau)
        answer = bureau.post(PAGE, posted)
        assert answer.status_code == 422
        assert "traitée entre-temps" in words(answer)

    def test_of_a_closed_contract_is_refused(self, paul, town, now):
        played(paul, town, now)
        paul.post(PAGE, {"act": "close"})
        assert "rouvrez-le d’abord" in words(self.ask(paul, town))

    def test_of_another_town_s_product_is_refused(self, paul, town, now):
        played(paul, town, now)
        other = cast.make_next_town()
        answer = paul.post(PAGE, {"act": "ask", "products": [other.product.pk]})
        assert answer.status_code == 422

    def test_shows_the_first_real_payment_and_its_confirmation(self, paul, zoe, town, routed, now):
        played(paul, town, now)
        self.ask(paul, town)
        routing.approve(
            collectivite=town.collectivite,
            change_id=self.change(town).pk,
            now=MORNING,
            actor_id=zoe.pk,
        )
        run_due(later(hours=24))
        with tenant(town.collectivite):
            product = Product.objects.of(town.collectivite).select_related("account", "collectivite").get()
        assert product.account.environment == Environment.PRODUCTION
        attempt = cast.start(town, product=product, debt_reference="202600000500000001").attempt
        tell(town, attempt, form(town, attempt, saisie="M"))
        assert "Il attend sa confirmation" in shown(paul)
        hear(town, attempt)
        page = shown(paul)
        assert "Il est confirmé par un fichier" in page
        assert "Contrat 006382, en production" in page


class TestOperators:
    ADDRESS = "/exploitation/mises-en-production/"

    @pytest.fixture
    def operator(self, paul, town, now):
        played(paul, town, now)
        paul.post(PAGE, {"act": "ask", "products": [town.product.pk]})
        ops = User.objects.create_user(identifier="ops", email="ops@x.fr", password=cast.PASSWORD, is_operator=True)
        return signed_in(paul, ops)

    def test_approve_a_first_contract_and_see_nothing_else(self, operator, town):
        page = shown(operator, self.ADDRESS)
        assert "Saint-Aubin" in page
        assert "006382" in page
        assert "paul" not in page
        with tenant(town.collectivite):
            change = RoutingChange.objects.of(town.collectivite).get()
        assert operator.post(self.ADDRESS, {"number": change.pk}).status_code == 303
        assert "Rien n’attend" in shown(operator, self.ADDRESS)
        answer = operator.post(self.ADDRESS, {"number": change.pk})
        assert answer.status_code == 422
        assert "traitée entre-temps" in words(answer)

    def test_are_asked_who_they_are(self, operator, town):
        operator.logout()
        operator.force_login(User.objects.get(identifier="ops"))
        with tenant(town.collectivite):
            change = RoutingChange.objects.of(town.collectivite).get()
        answer = operator.post(self.ADDRESS, {"number": change.pk})
        assert answer.headers["Location"].startswith("/connexion/confirmation/?next=")
        assert "Saint-Aubin" in shown(operator, self.ADDRESS)

    def test_are_the_only_ones_there(self, bureau, town):
        bureau.force_login(cast.make_agent(town, "paul", Role.ADMINISTRATOR))
        assert bureau.get(self.ADDRESS).status_code == 404
        bureau.logout()
        assert bureau.get(self.ADDRESS).status_code == 302


class TestDossier:
    def facts(self, town, now=MORNING):
        with tenant(town.collectivite):
            found = contracts.contract(collectivite=town.collectivite, identifier="006382")
            assert found is not None
            return dossier.facts(collectivite=town.collectivite, contract=found, now=now)

    def test_holds_what_was_played_and_what_proves_it(self, paul, town, now):
        played(paul, town, now)
        paul.post(PAGE, {"act": "adhesion", "office": "DDFiP 35", "convention_on": "2026-09-01"})
        told = self.facts(town)
        assert (told["numcli"], told["siret"]) == ("006382", "213\u00a0500\u00a0016\u00a000011")
        assert (told["office"], told["convention"], told["received"]) == ("DDFiP 35", "1er septembre 2026", "")
        (test,) = told["tests"]
        (activation_payment,) = told["activations"]
        assert (test["outcome"], test["amount"], test["authorisation"]) == ("réussi", "10,00\u00a0€", "3feabd")
        assert len(test["digests"][0]) == 64
        assert activation_payment["means"] == "carte bancaire"
        assert told["opens_on"] == "25 novembre 2026"
        assert told["notification"].endswith(f"/s/n/{town.collectivite.pk}/…")
        assert told["pages"] == [
            {"name": "Avis des sommes à payer", "address": "http://127.0.0.1:8000/saint-aubin/titres/"}
        ]

    def test_holds_no_payer_s_address_no_token_and_no_whole_reference(self, paul, town, now):
        played(paul, town, now)
        text = json.dumps(self.facts(town), ensure_ascii=False)
        assert "@" not in text
        assert REAL not in text
        assert not re.search(r"/s/n/\d+/[A-Za-z0-9_-]{43}", text)

    def test_is_a_tagged_pdf_in_french_with_a_title(self, paul, town, now):
        played(paul, town, now)
        answer = paul.get(f"{PAGE}dossier/")
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="dossier-payfip-006382.pdf"'
        for part in (b"/StructTreeRoot", b"/Lang(fr-FR)", b"/Title", b"pdfuaid:part", b"/FontFile"):
            assert part in answer.content
        assert answer.content.startswith(b"%PDF-1.7")

    def test_of_the_same_moment_is_the_same_to_the_byte(self, paul, town, now):
        played(paul, town, now)
        assert dossier.pdf(self.facts(town), now=MORNING) == dossier.pdf(self.facts(town), now=MORNING)
        assert dossier.pdf(self.facts(town), now=MORNING) != dossier.pdf(self.facts(town), now=later(days=1))

    def test_is_made_before_anything_was_tried(self, paul):
        assert paul.get(f"{PAGE}dossier/").content.startswith(b"%PDF")

    @pytest.mark.parametrize(
        "name",
        ['#panic("x")', "$x^2$ *b* _i_ `c` <a> @b \\ // /* ", '#read("/etc/passwd")', '"; #let d = 1', "«\u202e» 𝕏 é"],
    )
    def test_takes_a_hostile_name_as_text(self, town, name):
        told = self.facts(town) | {"town": name, "office": name, "regie": name}
        told["pages"] = [{"name": name, "address": name}]
        assert dossier.pdf(told, now=MORNING).startswith(b"%PDF")
        shown = typst.query(
            str(dossier.TEMPLATE),
            "heading",
            sys_inputs={"data": json.dumps(told)},
            ignore_system_fonts=True,
        )
        assert len(json.loads(shown)) == 5, "no name makes a heading, or takes one away"


class TestRules:
    def test_every_kind_of_debt_has_its_reference_for_tests(self):
        assert set(trials.TEST_REFERENCES) == set(DebtKind)
