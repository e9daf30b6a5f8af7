"""PayFiP's three operations in SOAP 1.1, as its interface definition says (`wsdl/`).

Facts and sources: `docs/protocols/payfip.md`, "Web service". What comes back is hostile until it has been read: it is
bounded, without DOCTYPE or entities; nothing is fetched; every value is said once. Prefixes and headers may be any.
Only the outer element of a question or answer is in a namespace; the inner ones may be in none, or in one of PayFiP's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
from lxml import etree

from regal.gateways.base import Unreachable, Unreadable
from regal.gateways.payfip_ws.codes import TECHNICAL_FAULTS
from regal.lib import safe_xml
from regal.lib.canonical import sha256_hex
from regal.lib.http import NoAnswer, post

LARGEST_ANSWER = 256 * 1024  # bytes; the longest ever recorded has fewer than 2,000

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMES = "http://securite.service.tpa.cp.finances.gouv.fr"
SERVICE = f"{_NAMES}/services/mas_securite/contrat_paiement_securise/PaiementSecuriseService"
_PLACES = (None, SERVICE, f"{_NAMES}/requete", f"{_NAMES}/reponse")

_FAULT_CODE = re.compile(r"[A-Z]{1,2}[0-9]{1,3}")
_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "Accept": "text/xml"}


@dataclass(frozen=True, kw_only=True)
class SoapAnswer:
    """What PayFiP answered: the fields of its `return`, or the code of its FonctionnelleErreur."""

    fields: Mapping[str, str]  # what is empty or absent is left out
    fault: str | None  # "unknown" where the code is none
    digest: str  # SHA-256 of the bytes, in hexadecimal


def call(http: httpx.Client, service_url: str, operation: str, arguments: Mapping[str, str | None]) -> SoapAnswer:
    """Put one question. Raises Unreachable; Unreadable for an answer of PayFiP that says a thing twice, or in pieces.

    Codes of Unreachable: connect, tls, proxy, busy (nothing was sent); timeout, cut, too_long, encoded, empty,
    not_soap, soap_fault, http_NNN, tech_indisponibilite, tech_dysfonctionnement, tech_protocolaire. Of Unreadable:
    repeated_field, malformed_field.
    """
    try:
        answer = post(
            http,
            f"{service_url}services/securite",
            content=envelope(operation, arguments),
            headers=_HEADERS,
            largest=LARGEST_ANSWER,
        )
    except NoAnswer as none:
        raise Unreachable(none.code, sent=none.sent) from None
    if answer.status not in (200, 500):
        raise Unreachable(f"http_{answer.status}")
    return read_answer(operation, answer.status, answer.body)


def envelope(operation: str, arguments: Mapping[str, str | None]) -> bytes:
    """Write one question; arguments in the schema's order, None left out."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soapenv": SOAP, "pai": SERVICE})
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    argument = etree.SubElement(etree.SubElement(body, f"{{{SERVICE}}}{operation}"), "arg0")
    for name, value in arguments.items():
        if value is not None:
            etree.SubElement(argument, name).text = value
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def read_answer(operation: str, status: int, body: bytes) -> SoapAnswer:
    """Read what came back with status 200 or 500. Raises as `call`."""
    said = _what_is_said(status, body)
    if said.tag == f"{{{SOAP}}}Fault":
        return SoapAnswer(fields={}, fault=_fault_code(said), digest=sha256_hex(body))
    if status != 200:
        raise Unreachable(f"http_{status}")
    if said.tag != f"{{{SERVICE}}}{operation}Response":
        raise Unreachable("not_soap")
    returned = _children(said, "return")
    if len(returned) > 1:
        raise Unreadable("repeated_field")
    return SoapAnswer(fields=_leaves(returned[0]) if returned else {}, fault=None, digest=sha256_hex(body))


def _what_is_said(status: int, body: bytes) -> etree._Element:
    """The one element in the body of the one envelope."""
    nothing = Unreachable(f"http_{status}" if status != 200 else "not_soap" if body.strip() else "empty")
    parser = safe_xml.parser()
    if b"<!DOCTYPE" in body:  # before anything is parsed; another encoding's is seen below
        raise nothing
    try:
        root = etree.fromstring(body, parser)
    except (etree.LxmlError, ValueError):
        raise nothing from None
    if root.getroottree().docinfo.internalDTD is not None or root.tag != f"{{{SOAP}}}Envelope":
        raise nothing
    bodies = [child for child in _elements(root) if child.tag == f"{{{SOAP}}}Body"]
    said = list(_elements(bodies[0])) if len(bodies) == 1 else []
    if len(said) != 1:
        raise nothing
    return said[0]


def _fault_code(fault: etree._Element) -> str:
    details = _children(fault, "detail")
    told = [
        (etree.QName(error).localname, error)
        for detail in details
        for error in _elements(detail)
        if etree.QName(error).namespace == SERVICE
    ]
    if len(details) != 1 or len(told) != 1:
        raise Unreachable("soap_fault")
    name, error = told[0]
    if name in TECHNICAL_FAULTS:
        raise Unreachable(TECHNICAL_FAULTS[name])
    if name != "FonctionnelleErreur":
        raise Unreachable("soap_fault")
    codes = [_text(child) for child in _children(error, "code")]
    return codes[0] if len(codes) == 1 and _FAULT_CODE.fullmatch(codes[0]) else "unknown"


def _leaves(parent: etree._Element) -> dict[str, str]:
    fields: dict[str, str] = {}
    seen = set()
    for child in _elements(parent):
        place = etree.QName(child)
        if place.namespace not in _PLACES:
            continue
        if place.localname in seen:
            raise Unreadable("repeated_field")
        seen.add(place.localname)
        if text := _text(child):
            fields[place.localname] = text
    return fields


def _text(leaf: etree._Element) -> str:
    """What an element holds, outer spaces apart. Raises Unreadable if it holds anything but text."""
    if len(leaf):
        raise Unreadable("malformed_field")
    return (leaf.text or "").strip()


def _children(parent: etree._Element, name: str) -> list[etree._Element]:
    names = [(etree.QName(child), child) for child in _elements(parent)]
    return [child for place, child in names if place.localname == name and place.namespace in _PLACES]


def _elements(parent: etree._Element) -> Iterator[etree._Element]:
    return parent.iterchildren(tag=etree.Element)
