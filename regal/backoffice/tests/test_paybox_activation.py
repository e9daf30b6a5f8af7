"""From a bank's letter to the first real payment: the assistant of a Paybox contract."""

import dataclasses
import json
import re
from html import unescape

import httpx
import pytest

from regal.backoffice import activation, dossier, paybox, paybox_pages, routing
from regal.backoffice.contracts import contract
from regal.collectivites.models import GatewayAccount, Product
from regal.collectivites.operations import secrets_of
from regal.gateways.base import Environment
from regal.lib import http, tokens
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.models import Attempt
from regal.people.models import Role, User
from tests import cast
from tests.cast import MORNING, later
from tests.notices import hear, notice, run_due

from .test_paybox_contracts import KEY, NUMBER, OTHER_KEY, PAGE, PUBLISHED_KEY, signed_in, words

pytestmark = pytest.mark.django_db

PUBLISHED = "1999888-32-107904482"
TEST_PAGE = "https://preprod-tpeweb.paybox.com"
REAL_PAGES = ("https://tpeweb.paybox.com", "https://tpeweb1.paybox.com")


class PretendPaybox:
    """Which of its hosts are awake."""

    def __init__(self) -> None:
        self.asleep: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in self.asleep:
            return httpx.Response(503)
        return httpx.Response(200, content=b'<html><body><div id="server_status">OK</div></body></html>')


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    moment = [MORNING]
    for module in (activation, paybox_pages):
        monkeypatch.setattr(module, "clock", lambda: moment[0])
    return moment


@pytest.fixture(autouse=True)
def host():
    pretend = PretendPaybox()
    with http.replaced(httpx.Client(transport=httpx.MockTransport(pretend))):
        yield pretend


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def paul(bureau, town):
    return signed_in(bureau, cast.make_agent(town, "paul", Role.ADMINISTRATOR))


def connected(town, *, identifier=NUMBER, key=KEY):
    """A contract in test with what it collects: the canteen's invoices."""
    canteen = cast.make_canteen(town)
    with tenant(town.collectivite):
        account = paybox.add_contract(
            collectivite=town.collectivite,
            numbers=paybox.MerchantNumbers.parse(identifier),
            environment=Environment.TEST,
            regie=canteen.account.regie,
            keys={"hmac": Secret.of_text(key)},
            options={"platform": "paybox"},
            now=MORNING,
        )
        Product.objects.of(town.collectivite).filter(pk=canteen.pk).update(account=account)
        return Product.objects.of(town.collectivite).select_related("account", "collectivite").get(pk=canteen.pk)


def try_(client, product, act="test", *, page=PAGE, **changes):
    flow_token = re.findall(r'name="flow_token" value="([^"]+)"', client.get(page).content.decode())[0]
    usual = {
        "act": act,
        "product": product.pk,
        "reference": "TEST0001" if act == "test" else "FC2026000042",
        "amount": "84,70",
        "email": "paul@example.org",
        "flow_token": flow_token,
    }
    return client.post(page, usual | changes)


def fields(answer):
    """What the page would post, in its order."""
    found = re.findall(r'<input type="hidden" name="(PBX_\w+)" value="([^"]*)"', answer.content.decode())
    return {name: unescape(value) for name, value in found}


def latest(town):
    with tenant(town.collectivite):
        return Attempt.objects.of(town.collectivite).select_related("account").order_by("-pk").first()


def confirm(town):
    """What proves the latest attempt paid."""
    attempt = latest(town)
    of_paybox = dataclasses.replace(town, account=attempt.account)
    hear(of_paybox, attempt, notice(of_paybox, attempt))


def account(town, environment):
    with tenant(town.collectivite):
        accounts = GatewayAccount.objects.of(town.collectivite).filter(gateway="paybox", environment=environment)
        return accounts.select_related("collectivite").first()


def activated(client, town, product):
    """The steps before: an essai paid, the production's key given, one real payment."""
    try_(client, product)
    confirm(town)
    client.post(f"{PAGE}cles/production/", {"hmac": OTHER_KEY})
    cast.make_titre(product)
    try_(client, product, "activation")
    confirm(town)


class TestTrial:
    def test_leaves_by_a_form_to_the_test_platform_alone(self, paul, town):
        answer = try_(paul, connected(town))
        assert answer.status_code == 200
        assert f'action="{TEST_PAGE}/php/"' in answer.content.decode()
        policy = answer.headers["Content-Security-Policy"]
        assert f"form-action 'self' {TEST_PAGE};" in policy
        assert "tpeweb.paybox.com;" not in policy.replace(TEST_PAGE, "")
        assert "C’est un essai" in words(answer)

    def test_says_all_that_paybox_wants_signed_and_last(self, paul, town):
        sent = fields(try_(paul, connected(town)))
        assert (sent["PBX_SITE"], sent["PBX_RANG"], sent["PBX_IDENTIFIANT"]) == ("2718281", "01", "314159265")
        assert (sent["PBX_TOTAL"], sent["PBX_PORTEUR"]) == ("8470", "paul@example.org")
        assert list(sent)[-1] == "PBX_HMAC"
        assert re.fullmatch("[0-9A-F]{128}", sent["PBX_HMAC"])

    def test_gives_its_own_address_until_the_account_s_is_in_the_back_office(self, paul, town):
        product = connected(town)
        assert f"/s/n/{town.collectivite.pk}/" in fields(try_(paul, product))["PBX_REPONDRE_A"]
        paul.post(f"{PAGE}adresse/test/", {"act": "declare", "is_there": "on"})
        assert "PBX_REPONDRE_A" not in fields(try_(paul, product))

    def test_never_shows_the_account_s_address_to_whoever_pays(self, paul, town):
        product = connected(town)
        with tenant(town.collectivite):
            token = secrets_of(product.account)["notification"].reveal_text()
        assert token not in try_(paul, product).content.decode()

    def test_is_listed_with_what_to_look_at_while_nothing_comes(self, paul, town):
        try_(paul, connected(town))
        page = words(paul.get(PAGE))
        assert "La clé HMAC n’est pas la bonne" in page or "la clé HMAC n’est pas la bonne" in page
        assert "en attente" in page

    def test_paid_leads_to_the_activation(self, paul, town):
        try_(paul, connected(town))
        confirm(town)
        page = words(paul.get(PAGE))
        assert "cette phase fonctionne" in page
        assert "Donner la clé de production" in page

    def test_says_so_when_the_platform_sleeps_and_begins_nothing(self, paul, town, host):
        product = connected(town)
        host.asleep = {"preprod-tpeweb.paybox.com"}
        answer = try_(paul, product)
        assert answer.status_code == 422
        assert "Paybox n’a pas répondu" in words(answer)
        assert latest(town) is None

    def test_names_paybox_where_the_amount_is_not_taken(self, paul, town):
        assert "Paybox n’accepte pas ce montant" in words(try_(paul, connected(town), amount="0,50"))


class TestActivation:
    def test_begins_with_the_key_of_production(self, paul, town):
        try_(paul, connected(town))
        confirm(town)
        assert "demandée à l’étape 3" in words(paul.get(PAGE))
        answer = paul.post(f"{PAGE}cles/production/", {"hmac": OTHER_KEY, "direct": "S3cret+Dir"})
        assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
        opened = account(town, Environment.ACTIVATION)
        with tenant(town.collectivite):
            kept = secrets_of(opened)
        assert (kept["hmac"].reveal_text(), kept["direct"].reveal_text()) == (OTHER_KEY, "S3cret+Dir")
        assert opened.options == {"platform": "paybox"}

    def test_is_not_opened_without_a_key(self, paul, town):
        try_(paul, connected(town))
        confirm(town)
        assert paul.post(f"{PAGE}cles/production/", {}).status_code == 422
        assert "page des clés" in words(paul.post(PAGE, {"act": "open_activation"}))
        assert account(town, Environment.ACTIVATION) is None

    def test_refuses_the_key_that_everybody_knows(self, paul, town):
        try_(paul, connected(town))
        confirm(town)
        answer = paul.post(f"{PAGE}cles/production/", {"hmac": PUBLISHED_KEY})
        assert "tout le monde la connaît" in words(answer)
        assert account(town, Environment.ACTIVATION) is None

    def test_is_not_for_the_contract_that_paybox_publishes(self, paul, town):
        page = PAGE.replace(NUMBER, PUBLISHED)
        try_(paul, connected(town, identifier=PUBLISHED, key=PUBLISHED_KEY), page=page)
        confirm(town)
        assert "Ce contrat s’arrête ici" in words(paul.get(page))
        answer = paul.post(f"{page}cles/production/", {"hmac": OTHER_KEY})
        assert "celui que Paybox publie pour les essais" in words(answer)
        assert account(town, Environment.ACTIVATION) is None

    def test_pays_an_invoice_for_good_on_the_other_platform(self, paul, town, host):
        product = connected(town)
        try_(paul, product)
        confirm(town)
        paul.post(f"{PAGE}cles/production/", {"hmac": OTHER_KEY})
        titre = cast.make_titre(product)
        answer = try_(paul, product, "activation")
        assert f'action="{REAL_PAGES[0]}/php/"' in answer.content.decode()
        assert "Il est réel" in words(answer)
        assert all(page in answer.headers["Content-Security-Policy"] for page in REAL_PAGES)
        assert (latest(town).environment, latest(town).titre_id) == ("activation", titre.pk)

    def test_leaves_by_the_backup_host_while_the_main_one_sleeps(self, paul, town, host):
        product = connected(town)
        try_(paul, product)
        confirm(town)
        paul.post(f"{PAGE}cles/production/", {"hmac": OTHER_KEY})
        cast.make_titre(product)
        host.asleep = {"tpeweb.paybox.com"}
        assert f'action="{REAL_PAGES[1]}/php/"' in try_(paul, product, "activation").content.decode()


class TestProduction:
    def test_is_asked_and_opened_with_the_same_key_and_an_address_of_its_own(self, paul, town):
        product = connected(town)
        activated(paul, town, product)
        paul.post(PAGE, {"act": "ask", "products": [product.pk]})
        change = routing.waiting_for_operators()[0]
        operator = User.objects.create(identifier="op", email="op@example.org", is_operator=True)
        routing.approve(
            collectivite=town.collectivite, change_id=change.number, as_operator=True, now=MORNING, actor_id=operator.pk
        )
        run_due(later(hours=25))
        opened, before = account(town, Environment.PRODUCTION), account(town, Environment.ACTIVATION)
        with tenant(town.collectivite):
            kept, former = secrets_of(opened), secrets_of(before)
        assert kept["hmac"] == former["hmac"] == Secret.of_text(OTHER_KEY)
        assert kept["notification"] != former["notification"]
        assert opened.notification_digest == tokens.digest(kept["notification"].reveal_text())
        page = words(paul.get(PAGE))
        assert "Il est en production et attend son premier paiement" in page
        assert paul.get(f"{PAGE}adresse/production/").status_code == 200

    def test_is_not_asked_before_the_activation(self, paul, town):
        product = connected(town)
        answer = paul.post(PAGE, {"act": "ask", "products": [product.pk]})
        assert "paiement d’activation réussi" in words(answer)


class TestDossier:
    def test_speaks_of_paybox_and_holds_no_secret(self, paul, town):
        product = connected(town)
        activated(paul, town, product)
        answer = paul.get(f"{PAGE}dossier/")
        assert f"dossier-paybox-{NUMBER}.pdf" in answer.headers["Content-Disposition"]
        assert answer.content.startswith(b"%PDF")
        with tenant(town.collectivite):
            found = contract(collectivite=town.collectivite, identifier=NUMBER)
            assert found is not None
            written = json.dumps(dossier.facts(collectivite=town.collectivite, contract=found, now=MORNING))
            kept = secrets_of(account(town, Environment.ACTIVATION))
        assert not [name for name, secret in kept.items() if secret.reveal_text() in written]
        assert (json.loads(written)["service"], json.loads(written)["is_paybox"]) == ("Paybox", True)
