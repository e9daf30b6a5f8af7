"""SOAP 1.1 as PayFiP's web service speaks it: tolerant of what comes in, exact in what goes out.

What comes in is read by names and namespaces, never by prefixes: any order, white space, charset, optional header. No
DOCTYPE, hence no entity; nothing is fetched. What goes out has the recorded shape: prefixes `S` and `ns2`, the
operation's element qualified, everything below unqualified, in the order of the schema, nulls left out.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from xml.sax.saxutils import escape

from lxml import etree

CONTENT_TYPE = "text/xml;charset=utf-8"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE_12 = "http://www.w3.org/2003/05/soap-envelope"
SERVICE = (
    "http://securite.service.tpa.cp.finances.gouv.fr/services/mas_securite/contrat_paiement_securise"
    "/PaiementSecuriseService"
)
EXCEPTIONS = "fr.gouv.finances.cp.tpa.webservice.exceptions"
SEVERITY = "2"

CREATE = "creerPaiementSecurise"
DETAIL = "recupererDetailPaiementSecurise"
CLIENT = "recupererDetailClient"
ARGUMENTS = {
    CREATE: ("exer", "mel", "montant", "numcli", "objet", "refdet", "saisie", "urlnotif", "urlredirect"),
    DETAIL: ("idOp",),
    CLIENT: ("numCli",),
}
TECHNICAL_FAULTS = ("TechDysfonctionnementErreur", "TechIndisponibiliteErreur", "TechProtocolaireErreur")

_MEDIA_TYPES = ("text/xml", "application/xml", "application/soap+xml")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@dataclass(frozen=True, kw_only=True)
class Call:
    operation: str  # CREATE, DETAIL or CLIENT
    arguments: dict[str, str]  # those given; white space around them is dropped


class NotACall(Exception):
    """What came is no call of the service; `faultcode` and the message say why, as a SOAP fault would."""

    def __init__(self, message: str, *, faultcode: str = "S:Client") -> None:
        super().__init__(message)
        self.faultcode = faultcode


def is_xml_type(content_type: str) -> bool:
    """Whether a Content-Type header announces XML."""
    return _media_type(content_type).get_content_type() in _MEDIA_TYPES


def read_call(body: bytes, content_type: str = "") -> Call:
    """Raises NotACall."""
    envelope = _parse(body, content_type)
    if envelope.tag != f"{{{ENVELOPE}}}Envelope":
        name = etree.QName(envelope)
        if name.localname == "Envelope" and name.namespace:
            raise NotACall(
                f"Couldn't create SOAP message. Expecting Envelope in namespace {ENVELOPE}, but got {name.namespace}",
                faultcode="S:VersionMismatch",
            )
        raise NotACall("Couldn't create SOAP message. Expecting an Envelope")
    operation = next(iter(envelope.findall(f"{{{ENVELOPE}}}Body/*")), None)
    if operation is None:
        raise NotACall("Couldn't create SOAP message. Expecting an operation in the Body")
    name = etree.QName(operation)
    if name.namespace != SERVICE or name.localname not in ARGUMENTS:
        raise NotACall(f"Cannot find dispatch method for {operation.tag}")
    arguments = {}
    for element in operation.findall("arg0/*"):
        if element.tag in ARGUMENTS[name.localname] and element.get(_NIL) not in ("true", "1"):
            arguments[element.tag] = "".join(map(str, element.itertext())).strip()
    return Call(operation=name.localname, arguments=arguments)


def _media_type(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type
    return message


def _parse(body: bytes, content_type: str) -> etree._Element:
    """The root. A byte order mark wins over the charset of the header, which wins over the declaration."""
    charset = str(_media_type(content_type).get_param("charset", ""))
    encoding = None
    if charset and not body.startswith(_BYTE_ORDER_MARKS):
        with suppress(LookupError, UnicodeError):
            body, encoding = body.decode(charset).encode(), "utf-8"
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,  # hence no more than 256 levels
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise NotACall(f"Couldn't create SOAP message due to exception: {problem}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotACall("Couldn't create SOAP message. A DOCTYPE is not allowed")
    return root


def reply(operation: str, values: Sequence[tuple[str, str | None]]) -> bytes:
    """The answer of an operation; `values` in the order of the schema, those that are None left out."""
    told = "".join(_element(name, value) for name, value in values if value is not None)
    name = f"ns2:{operation}Response"
    return _envelope(f'<{name} xmlns:ns2="{SERVICE}"><return>{told}</return></{name}>')


def functional_fault(code: str, libelle: str) -> bytes:
    """`FonctionnelleErreur`, the only fault that was ever recorded."""
    return _typed_fault("FonctionnelleErreur", {"code": code, "descriptif": "", "libelle": libelle})


def technical_fault(name: str) -> bytes:
    """One of TECHNICAL_FAULTS: its shape is declared, its content is ours."""
    return _typed_fault(name, {"descriptif": "", "libelle": "Bac à sable : panne demandée."})


def protocol_fault(problem: NotACall) -> bytes:
    return _fault(problem.faultcode, str(problem), "")


def _typed_fault(name: str, values: Mapping[str, str]) -> bytes:
    told = "".join(_element(*one) for one in values.items()) + _element("severite", SEVERITY)
    detail = f'<detail><ns2:{name} xmlns:ns2="{SERVICE}">{told}</ns2:{name}></detail>'
    return _fault("S:Server", f"{EXCEPTIONS}.{name}", detail)


def _fault(faultcode: str, faultstring: str, detail: str) -> bytes:
    told = _element("faultcode", faultcode) + _element("faultstring", faultstring) + detail
    return _envelope(f'<S:Fault xmlns:ns4="{ENVELOPE_12}">{told}</S:Fault>')


def _envelope(body: str) -> bytes:
    declaration = "<?xml version='1.0' encoding='UTF-8'?>"
    return f'{declaration}<S:Envelope xmlns:S="{ENVELOPE}"><S:Body>{body}</S:Body></S:Envelope>'.encode()


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(_NOT_XML.sub('?', value))}</{name}>" if value else f"<{name}/>"
