"""A PayFiP made of a few lines: answers of the recorded shape, and a client that hears them. Everything is invented."""

from collections.abc import Callable
from xml.sax.saxutils import escape

import httpx
from lxml import etree

from regal.gateways.payfip_ws.client import SERVICE, SOAP

IDOP = "28b52f40-1ace-11eb-8ce3-0213ad91a104"
OTHER_IDOP = "347b2060-1a37-11eb-af92-0213ad91a103"
RESPONSES = "http://securite.service.tpa.cp.finances.gouv.fr/reponse"

CREATE, DETAIL, CLIENT = "creerPaiementSecurise", "recupererDetailPaiementSecurise", "recupererDetailClient"

PAID = {  # in the order of the schema
    "dattrans": "24112026",
    "exer": "2026",
    "heurtrans": "1405",
    "idOp": IDOP,
    "mel": "mme.leroy@exemple.invalid",
    "montant": "3840",
    "numauto": "3feabd",
    "numcli": "099042",
    "objet": "Cantine d octobre",
    "refdet": "CANT2026000412",
    "resultrans": "P",
    "saisie": "W",
}
LABELS = {"libelleN1": "RR CANTINE", "libelleN2": "VALFICTIF", "libelleN3": "EDUCATION", "numcli": "099042"}


def detail(**changes: str | None) -> dict[str, str]:
    """What PayFiP says of Mme Leroy's payment; None leaves a field out."""
    return {name: value for name, value in (PAID | changes).items() if value is not None}


def in_envelope(inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="{SOAP}"><S:Body>{inside}</S:Body></S:Envelope>'
    ).encode()


def answer(operation: str, fields: dict[str, str]) -> bytes:
    leaves = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return in_envelope(
        f'<ns2:{operation}Response xmlns:ns2="{SERVICE}" xmlns:ns3="{RESPONSES}">'
        f"<return>{leaves}</return></ns2:{operation}Response>"
    )


def fault(code: str, name: str = "FonctionnelleErreur", libelle: str = "Une phrase de PayFiP.") -> bytes:
    return in_envelope(
        '<S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope"><faultcode>S:Server</faultcode>'
        f"<faultstring>fr.gouv.finances.cp.tpa.webservice.exceptions.{name}</faultstring><detail>"
        f'<ns2:{name} xmlns:ns2="{SERVICE}"><code>{code}</code><descriptif/><libelle>{libelle}</libelle>'
        f"<severite>2</severite></ns2:{name}></detail></S:Fault>"
    )


def saying(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Client:
    """A client to whom everybody says the same."""
    return hearing(lambda request: httpx.Response(status, content=body, headers=headers))


def failing(error: Exception) -> httpx.Client:
    """A client that nobody answers."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    return hearing(fail)


def hearing(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(handler))


def arguments_of(request: httpx.Request) -> dict[str, str | None]:
    """What a question says, in its order."""
    return {str(leaf.tag): leaf.text for leaf in etree.fromstring(request.content).iter() if len(leaf) == 0}


def pretend_payfip(fields: dict[str, str] = PAID, idop: str = IDOP) -> httpx.Client:
    """A client of a PayFiP that opens one key, and knows what became of it."""

    def handle(request: httpx.Request) -> httpx.Response:
        if CREATE.encode() in request.content:
            return httpx.Response(200, content=answer(CREATE, {"idOp": idop}))
        if DETAIL.encode() in request.content:
            return httpx.Response(200, content=answer(DETAIL, fields))
        return httpx.Response(200, content=answer(CLIENT, LABELS))

    return hearing(handle)
