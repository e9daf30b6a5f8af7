"""A contract of PayFiP's web service: PayFiP says whose it is, who typed it recognises it, then it is connected."""

import re
from html import unescape

import httpx
import pytest

from regal.audit.models import AuditEntry
from regal.backoffice import activation
from regal.collectivites.models import GatewayAccount, Regie
from regal.gateways.payfip_ws.tests import answers
from regal.lib import http
from regal.lib.tenancy import tenant
from regal.people.models import Role
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/reglages/contrats/"
ADD = f"{LIST}ajouter/"
TYPED = {
    "numcli": "099042",
    "kind": "regie",
    "gateway": "payfip_ws",
    "regie": "new",
    "regie_name": "Cantine",
    "regie_number": "12",
    "max_amount": "600",
}


class PretendPayfip:
    """What PayFiP answers, and how often it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, answers.answer(answers.CLIENT, answers.LABELS)
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(self.status, content=self.body)

    def says_no(self, code: str) -> None:
        self.status, self.body = 500, answers.fault(code)


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    settings.PAYFIP_URL = "https://payfip.example/tpa/"
    moment = [MORNING]
    monkeypatch.setattr(activation, "clock", lambda: moment[0])
    return moment


@pytest.fixture
def payfip():
    pretend = PretendPayfip()
    with http.replaced(answers.hearing(pretend)):
        yield pretend


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def paul(bureau, town):
    bureau.force_login(cast.make_agent(town, "paul", Role.ADMINISTRATOR))
    return bureau


def words(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def hidden(answer):
    """What the page would post back."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode())
    return {name: unescape(value) for name, value in fields if name != "csrfmiddlewaretoken"}


def rows(town):
    with tenant(town.collectivite):
        accounts = list(GatewayAccount.objects.of(town.collectivite).filter(identifier="099042"))
        return accounts, Regie.objects.of(town.collectivite).count()


class TestRecognition:
    def test_shows_what_payfip_says_and_adds_nothing_yet(self, paul, town, payfip):
        answer = paul.post(ADD, TYPED)
        assert answer.status_code == 200
        page = words(answer)
        assert "C’est bien cette régie ?" in page
        assert all(label in page for label in ("RR CANTINE", "VALFICTIF", "EDUCATION"))
        assert rows(town) == ([], 0)

    def test_says_so_when_payfip_gives_no_name(self, paul, payfip):
        payfip.body = answers.answer(answers.CLIENT, {"numcli": "099042"})
        assert "PayFiP ne donne aucun nom" in words(paul.post(ADD, TYPED))

    def test_shows_hostile_labels_as_text(self, paul, payfip):
        payfip.body = answers.answer(answers.CLIENT, answers.LABELS | {"libelleN1": "<b>RR</b>"})
        assert "&lt;b&gt;RR&lt;/b&gt;" in paul.post(ADD, TYPED).content.decode()

    def test_once_given_adds_the_contract_in_test_with_its_regie_and_its_limits(self, paul, town, payfip):
        answer = paul.post(ADD, hidden(paul.post(ADD, TYPED)) | {"answer": "yes"})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{LIST}099042/")
        ([account], regies) = rows(town)
        assert (account.gateway, account.environment, account.debt_kind) == ("payfip_ws", "test", "regie")
        assert (account.options, regies) == ({"max_amount_cents": 60_000}, 1)
        assert payfip.asked == 1, "what was recognised is not asked again"

    def test_is_written_down_with_what_was_recognised(self, paul, town, payfip):
        paul.post(ADD, hidden(paul.post(ADD, TYPED)) | {"answer": "yes"})
        with tenant(town.collectivite):
            entry = AuditEntry.objects.of(town.collectivite).get(action="check_contract")
        assert entry.after == {"identifier": "099042", "labels": ["RR CANTINE", "VALFICTIF", "EDUCATION"]}
        assert "Libellés chez PayFiP" in words(paul.get("/saint-aubin/reglages/journal/"))

    def test_refused_gives_the_form_back_with_what_was_typed(self, paul, town, payfip):
        answer = paul.post(ADD, hidden(paul.post(ADD, TYPED)) | {"answer": "no"})
        assert answer.status_code == 200
        page = answer.content.decode()
        assert 'value="099042"' in page
        assert 'value="Cantine"' in page
        assert "Erreur" not in page
        assert rows(town) == ([], 0)

    @pytest.mark.parametrize(
        "change",
        [
            {"seen": ""},
            {"seen": "x"},
            {"numcli": "099043"},
        ],
    )
    def test_of_something_else_is_asked_again(self, paul, town, payfip, change):
        seen = hidden(paul.post(ADD, TYPED))
        payfip.body = answers.answer(answers.CLIENT, answers.LABELS | {"numcli": (seen | change)["numcli"]})
        answer = paul.post(ADD, seen | change | {"answer": "yes"})
        assert answer.status_code == 200
        assert payfip.asked == 2
        assert rows(town) == ([], 0)

    def test_of_another_town_is_asked_again(self, paul, bureau, town, payfip):
        seen = hidden(paul.post(ADD, TYPED))
        next_town = cast.make_next_town()
        bureau.force_login(cast.make_agent(next_town, "lea", Role.ADMINISTRATOR))
        address = f"/{next_town.collectivite.slug}/reglages/contrats/ajouter/"
        assert bureau.post(address, seen | {"answer": "yes"}).status_code == 200
        assert payfip.asked == 2

    def test_lasts_half_an_hour(self, paul, payfip, now):
        seen = hidden(paul.post(ADD, TYPED))
        now[0] = later(minutes=31)
        assert paul.post(ADD, seen | {"answer": "yes"}).status_code == 200
        assert payfip.asked == 2


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "refusal", "said"),
        [
            ("T1", "R471", "PayFiP ne connaît pas le numéro 099042"),
            ("T2", "R471", "demandez-lui si le contrat est créé"),
            ("T4", "R472", "Demandez au correspondant"),
            ("T9", "R474", "« T9 »"),
        ],
    )
    def test_of_payfip_are_said_beside_the_number(self, paul, town, payfip, code, refusal, said):
        payfip.says_no(code)
        answer = paul.post(ADD, TYPED)
        assert answer.status_code == 422
        assert said in words(answer)
        assert 'id="id_numcli_error"' in answer.content.decode()
        assert rows(town) == ([], 0)

    def test_of_an_answer_about_another_client_adds_nothing(self, paul, town, payfip):
        payfip.body = answers.answer(answers.CLIENT, answers.LABELS | {"numcli": "099077"})
        assert "another_client" in words(paul.post(ADD, TYPED))
        assert rows(town) == ([], 0)

    def test_lose_nothing_that_was_typed_while_payfip_is_away(self, paul, town, payfip):
        payfip.status = 503
        answer = paul.post(ADD, TYPED)
        assert answer.status_code == 422
        assert "PayFiP ne répond pas" in words(answer)
        for typed in ("099042", "Cantine", "12", "600"):
            assert f'value="{typed}"' in answer.content.decode()
        payfip.status = 200
        assert paul.post(ADD, TYPED).status_code == 200

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"kind": "titre", "regie": ""}, "ne sert que les régies"),
            ({"numcli": "12345"}, "n’est pas un numéro de client"),
            ({"numcli": "006382"}, "par l’autre accès"),
            ({"numcli": "012327"}, "relié à une autre collectivité"),
            ({"regie_name": ""}, "Il manque un nom"),
            ({"min_amount": "700"}, "réglage"),
            ({"gateway": "paybox"}, "paybox"),
        ],
    )
    def test_of_our_own_come_before_payfip_is_asked(self, paul, town, payfip, change, said):
        cast.make_next_town()
        answer = paul.post(ADD, TYPED | change)
        assert answer.status_code == 422
        assert said in words(answer)
        assert payfip.asked == 0
        assert rows(town)[1] == 0


class TestForm:
    def test_is_the_way_of_whoever_chooses_nothing_and_asks_nobody(self, paul, town, payfip):
        assert paul.post(ADD, TYPED | {"gateway": ""}).status_code == 303
        ([account], _regies) = rows(town)
        assert account.gateway == "payfip_url"
        assert payfip.asked == 0

    def test_and_the_web_service_share_no_number(self, paul, payfip):
        paul.post(ADD, TYPED | {"gateway": "payfip_url"})
        assert "par l’autre accès" in words(paul.post(ADD, TYPED | {"regie_number": "13"}))
