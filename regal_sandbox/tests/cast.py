"""Who plays in these tests: clients of several kinds, a debt of Mme Leroy, a payer, the site of a client."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from regal_sandbox import Answer, NotificationRequest, Sandbox
from regal_sandbox.soap import CONTENT_TYPE, CREATE, DETAIL, ENVELOPE, SERVICE
from regal_sandbox.wsdl import SERVICE_PATH

NOON = datetime(2026, 3, 16, 11, 0, tzinfo=UTC)  # a Monday, 12:00 in Paris
NUMCLI = "090909"
REGIE = "044444"  # which has the right to the web service
TEST_REFDET = "999900000000999999"
REFDET = "202600000042000001"
LISTENER = "https://site.exemple.fr/notif?jeton=abc"

CONFIG: dict[str, object] = {
    "clients": [
        {"numcli": NUMCLI, "kind": "titre", "labels": ["TITRES", "SAINT AUBIN", "MAIRIE"], "phase": "test"},
        {"numcli": "006382", "kind": "titre", "labels": ["TITRES", "LA VILLE D A COTE"], "phase": "active"},
        {"numcli": "011111", "kind": "titre", "phase": "closed"},
        {"numcli": "022222", "kind": "role", "phase": "active"},
        {"numcli": "033333", "kind": "regie", "phase": "active"},
        {
            "numcli": REGIE,
            "kind": "regie",
            "labels": ["RR CANTINE", "SAINT AUBIN", "PERISCOLAIRE"],
            "phase": "active",
            "direct_debit": {"phase": "active"},
            "transfer": {"phase": "active"},
            "options": {"web_service": True},
        },
    ],
    "debts": [
        {"numcli": NUMCLI, "refdet": REFDET, "montant": 4850, "taken_in_charge_on": "2026-03-10"},
        {"numcli": "006382", "refdet": REFDET, "montant": 12000, "taken_in_charge_on": "2026-03-10"},
    ],
    "towns": [],
}


def call(operation: str, asked: Mapping[str, str]) -> str:
    """A call of the web service, as a careful client writes it."""
    told = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in asked.items())
    return (
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns:ser="{SERVICE}"><soapenv:Body>'
        f"<ser:{operation}><arg0>{told}</arg0></ser:{operation}></soapenv:Body></soapenv:Envelope>"
    )


def regie_request(**changed: str | None) -> dict[str, str]:
    """What the régie asks for a payment of 48,50 € in production; a None leaves the parameter out."""
    told: dict[str, str | None] = {
        "exer": "2026",
        "mel": "leroy@exemple.fr",
        "montant": "4850",
        "numcli": REGIE,
        "objet": "Cantine mars",
        "refdet": "CANTINE2026",
        "saisie": "W",
        "urlnotif": LISTENER,
        "urlredirect": "https://site.exemple.fr/retour",
    }
    return {name: value for name, value in (told | changed).items() if value is not None}


def regie_call(**changed: str | None) -> str:
    return call(CREATE, regie_request(**changed))


class Time:
    """A source of time that stands still until told."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Listener:
    """The client's site: keeps what it hears, answers what it is told to answer."""

    heard: list[NotificationRequest] = field(default_factory=list)
    reply: Callable[[NotificationRequest], Answer] = lambda request: Answer(status=200, body=b"recu")

    def __call__(self, request: NotificationRequest) -> Answer:
        self.heard.append(request)
        return self.reply(request)

    @property
    def bodies(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(one.body.decode(), keep_blank_values=True)) for one in self.heard]

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(urlsplit(one.url).query, keep_blank_values=True)) for one in self.heard]


@dataclass
class Payer:
    """A browser without script: opens the payment page and presses its buttons."""

    browser: FlaskClient
    address: str = ""

    def request(self, **changed: str | None) -> dict[str, str]:
        told: dict[str, str | None] = {
            "numcli": NUMCLI,
            "exer": "2026",
            "refdet": REFDET,
            "objet": "Cantine mars",
            "montant": "4850",
            "mel": "leroy@exemple.fr",
            "urlcl": LISTENER,
            "saisie": "T",
        }
        told |= changed
        return {name: value for name, value in told.items() if value is not None}

    def ask(self, **changed: str | None) -> TestResponse:
        """Open `paiement.web`, without following."""
        return self.browser.get("/tpa/paiement.web", query_string=self.request(**changed))

    def open(self, **changed: str | None) -> None:
        answer = self.ask(**changed)
        assert answer.status_code == 303, answer.text
        self.address = answer.headers["Location"]

    def press(self, decision: str) -> str:
        """Press a button and see the page that follows."""
        answer = self.browser.post(self.address, data={"decision": decision}, follow_redirects=True)
        assert answer.status_code == 200
        return answer.text

    def see(self) -> str:
        return self.browser.get(self.address).text

    def pay(self, **changed: str | None) -> str:
        self.open(**changed)
        self.press("continuer")
        return self.press("payer")

    def create(self, **changed: str | None) -> str:
        """The régie creates a payment by the web service: its idOp."""
        answer = self.browser.post("/tpa/services/securite", data=regie_call(**changed), content_type="text/xml")
        found = re.search(r"<idOp>([^<]+)</idOp>", answer.text)
        assert found is not None, answer.text
        return found[1]

    def ask_by_idop(self, idop: str) -> TestResponse:
        """Open `paiementws.web`, without following."""
        return self.browser.get("/tpa/paiementws.web", query_string={"idop": idop})

    def enter(self, idop: str) -> None:
        answer = self.ask_by_idop(idop)
        assert answer.status_code == 303, answer.text
        self.address = answer.headers["Location"]

    def pay_by_idop(self, idop: str, *decisions: str) -> str:
        """By card, unless told what to press after `continuer`; the page that follows."""
        self.enter(idop)
        page = self.press("continuer")
        for decision in decisions or ("carte", "payer"):
            page = self.press(decision)
        return page


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the web service answered."""

    status: int
    body: bytes
    values: dict[str, str]  # of `return`, or of the fault's detail
    fault: str  # the name of the fault's detail; empty: none


class Service:
    """A client of the web service, asked in process, that reads answers as a careful one does."""

    def __init__(self, browser: FlaskClient) -> None:
        self.browser = browser

    def post(self, body: str | bytes, content_type: str | None = "text/xml; charset=utf-8") -> TestResponse:
        return self.browser.post(SERVICE_PATH, data=body, content_type=content_type)

    def __call__(self, operation: str, asked: Mapping[str, str]) -> Told:
        return read(self.post(call(operation, asked)))

    def create(self, **changed: str | None) -> Told:
        return self(CREATE, regie_request(**changed))

    def detail(self, idop: str) -> Told:
        return self(DETAIL, {"idOp": idop})

    def told(self, idop: str) -> str:
        """The letter, or the code of the fault."""
        answer = self.detail(idop)
        return answer.values["code" if answer.fault else "resultrans"]


def read(answer: TestResponse) -> Told:
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    root = etree.fromstring(answer.data)
    detail = root.find(".//detail/*")
    element = root.find(".//return") if detail is None else detail
    assert element is not None, answer.text
    return Told(
        status=answer.status_code,
        body=answer.data,
        values={str(one.tag): one.text or "" for one in element},
        fault="" if detail is None else etree.QName(detail).localname,
    )


class Control:
    """The control port, asked in process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._http = sandbox.control.test_client()

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        sent = json.dumps(body) if body is not None else None
        answer = self._http.open(path, method=method, data=sent, content_type="application/json" if sent else None)
        assert answer.status_code == status, answer.text
        return answer.get_json()
