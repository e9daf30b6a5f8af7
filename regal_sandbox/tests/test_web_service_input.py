"""What the web service reads: anything that means a call, and nothing that could harm it."""

import time as real
from typing import Any

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.soap import CREATE, ENVELOPE, SERVICE
from regal_sandbox.tests.cast import REGIE, Control, Service, call, read, regie_call, regie_request

ASKED = "".join(f"<{name}>{value}</{name}>" for name, value in regie_request().items())
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def envelope(body: str, *, prefix: str = "soapenv", header: str = "") -> str:
    return (
        f'<{prefix}:Envelope xmlns:{prefix}="{ENVELOPE}" xmlns:s="{SERVICE}" xmlns:xsi="{SCHEMA_INSTANCE}">'
        f"{header}<{prefix}:Body>{body}</{prefix}:Body></{prefix}:Envelope>"
    )


def creation(arg0: str) -> str:
    return f"<s:creerPaiementSecurise><arg0>{arg0}</arg0></s:creerPaiementSecurise>"


class TestAccepts:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(envelope(creation(ASKED), prefix="SOAP-ENV"), id="PHP's SoapClient"),
            pytest.param(envelope(creation(ASKED), prefix="soap-env"), id="zeep"),
            pytest.param('<?xml version="1.0" encoding="utf-8"?>\n' + envelope(creation(ASKED)), id="declaration"),
            pytest.param(envelope(creation(ASKED), header="<soapenv:Header/>"), id="empty header"),
            pytest.param(envelope(creation(ASKED), header="<soapenv:Header><x>y</x></soapenv:Header>"), id="header"),
            pytest.param(envelope(creation(ASKED)).replace("><", ">\n    <"), id="indented"),
            pytest.param(
                f'<Envelope xmlns="{ENVELOPE}"><Body><creerPaiementSecurise xmlns="{SERVICE}">'
                f'<arg0 xmlns="">{ASKED}</arg0></creerPaiementSecurise></Body></Envelope>',
                id="default namespaces",
            ),
            pytest.param(envelope(creation(f"<!-- un --><?deux?>{ASKED}")), id="comments and instructions"),
            pytest.param(
                envelope(creation(ASKED.replace("Cantine mars", "<![CDATA[Cantine mars]]>"))), id="character data"
            ),
            pytest.param(envelope(creation(ASKED.replace("Cantine", "&#67;ant&#x69;ne"))), id="characters by number"),
            pytest.param(envelope(creation(ASKED)).replace("<arg0>", '<arg0 xsi:type="s:x">'), id="attribute"),
            pytest.param(envelope(creation("<autre>x</autre>" + ASKED)), id="unknown element"),
        ],
    )
    def test_any_way_to_write_a_call(self, sandbox: Sandbox, service: Service, body: str) -> None:
        assert not read(service.post(body)).fault
        made = sandbox.idops()[0]
        assert (made["numcli"], made["objet"], made["montant"]) == (REGIE, "Cantine mars", 4850)

    def test_elements_in_any_order(self, service: Service) -> None:
        asked = dict(reversed(regie_request().items()))
        assert not service(CREATE, asked).fault

    def test_a_null_as_something_absent(self, sandbox: Sandbox, service: Service) -> None:
        body = envelope(creation(ASKED.replace("<objet>Cantine mars</objet>", '<objet xsi:nil="true">x</objet>')))
        assert not read(service.post(body)).fault
        assert sandbox.idops()[0]["objet"] == ""

    @pytest.mark.parametrize(
        ("encoding", "content_type"),
        [
            ("utf-8", "text/xml"),
            ("utf-8", "text/xml; charset=utf-8"),
            ("utf-8", 'TEXT/XML; charset="UTF-8"'),
            ("utf-8", "application/xml"),
            ("utf-8", 'application/soap+xml; charset=utf-8; action=""'),
            ("utf-8", "text/xml; charset=inconnu"),
            ("utf-8-sig", "text/xml"),
            ("utf-16", "text/xml"),
            ("utf-16-le", "text/xml; charset=utf-16-le"),
            ("iso-8859-1", "text/xml; charset=iso-8859-1"),
            ("cp1252", "text/xml; charset=windows-1252"),
        ],
    )
    def test_any_charset(self, service: Service, control: Control, encoding: str, content_type: str) -> None:
        body = regie_call(mel="é@exemple.fr").encode(encoding)
        assert read(service.post(body, content_type)).values["code"] == "A2"
        assert control("GET", "/journal?kind=service")["exchanges"][0]["parameters"]["mel"] == "é@exemple.fr"

    def test_the_charset_of_the_declaration(self, service: Service, control: Control) -> None:
        body = '<?xml version="1.0" encoding="iso-8859-1"?>' + regie_call(mel="é@exemple.fr")
        service.post(body.encode("iso-8859-1"), "text/xml")
        assert control("GET", "/journal?kind=service")["exchanges"][0]["parameters"]["mel"] == "é@exemple.fr"

    @pytest.mark.parametrize("action", [None, "", '""', '"urn:autre"'])
    def test_any_soap_action(self, service: Service, action: str | None) -> None:
        headers = {} if action is None else {"SOAPAction": action}
        answer = service.browser.post(
            "/tpa/services/securite", data=regie_call(), headers=headers, content_type="text/xml"
        )
        assert not read(answer).fault

    def test_no_content_type_unless_told(self, service: Service, control: Control) -> None:
        assert not read(service.post(regie_call(), None)).fault
        control("PUT", "/settings", {"missing_content_type": False})
        assert service.post(regie_call(), None).status_code == 415


class TestTurnsAway:
    """With a fault that names the reason, at once, and nothing is created."""

    @pytest.mark.parametrize(
        ("body", "faultcode"),
        [
            pytest.param("", "S:Client", id="nothing"),
            pytest.param("bonjour", "S:Client", id="text"),
            pytest.param("<Envelope", "S:Client", id="cut"),
            pytest.param(regie_call()[:-5], "S:Client", id="cut at the end"),
            pytest.param(regie_call() + "<x/>", "S:Client", id="two roots"),
            pytest.param("<a/>", "S:Client", id="not an envelope"),
            pytest.param(regie_call().replace(ENVELOPE, "urn:x"), "S:VersionMismatch", id="another envelope"),
            pytest.param(
                regie_call().replace(ENVELOPE, "http://www.w3.org/2003/05/soap-envelope"),
                "S:VersionMismatch",
                id="SOAP 1.2",
            ),
            pytest.param(envelope(""), "S:Client", id="empty body"),
            pytest.param(call("autreOperation", {}), "S:Client", id="unknown operation"),
            pytest.param(regie_call().replace(SERVICE, "urn:x"), "S:Client", id="operation of another service"),
            pytest.param(regie_call().replace("CANTINE2026", "&inconnu;"), "S:Client", id="undeclared entity"),
            pytest.param(regie_call().replace("CANTINE2026", "\x00"), "S:Client", id="no character of XML"),
            pytest.param("<a>" * 10_000 + "</a>" * 5_000, "S:Client", id="too deep"),
            pytest.param("<a" + " b='c'" * 2 + "/>", "S:Client", id="an attribute twice"),
        ],
    )
    def test_what_is_no_call(self, sandbox: Sandbox, service: Service, body: str, faultcode: str) -> None:
        answer = service.post(body)
        assert answer.status_code == 500
        assert answer.headers["Content-Type"] == "text/xml;charset=utf-8"
        assert f"<faultcode>{faultcode}</faultcode>" in answer.text
        assert "<detail>" not in answer.text
        assert sandbox.idops() == []

    def test_with_400_when_told(self, service: Service, control: Control) -> None:
        control("PUT", "/settings", {"malformed_status": 400})
        assert service.post("<Envelope").status_code == 400
        assert service.create(mel="x").status == 500

    @pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/html"])
    def test_what_says_it_is_no_xml(self, sandbox: Sandbox, service: Service, content_type: str) -> None:
        assert service.post(regie_call(), content_type).status_code == 415
        assert sandbox.idops() == []

    def test_what_is_too_large(self, service: Service) -> None:
        answer = service.post(regie_call(objet="a" * 100_000))
        assert (answer.status_code, "too large" in answer.text) == (500, True)


HOSTILE = {
    "an external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
    "an entity fetched": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]>',
    "an entity": '<!DOCTYPE x [<!ENTITY e "CANTINE2026">]>',
    "a thousand million laughs": "<!DOCTYPE x [<!ENTITY a0 'rire'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "<!ENTITY e '&a9;'>]>",
    "a parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
    "a schema elsewhere": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "a plain doctype": "<!DOCTYPE x>",
}


class TestHostileXml:
    @pytest.mark.parametrize("doctype", HOSTILE.values(), ids=HOSTILE)
    @pytest.mark.parametrize("place", ["text", "attribute"])
    def test_is_turned_away_at_once(self, sandbox: Sandbox, service: Service, doctype: str, place: str) -> None:
        entity = "&e;" if "ENTITY e" in doctype else "x"
        body = doctype + regie_call().replace(
            "CANTINE2026" if place == "text" else "<arg0>",
            {
                "text": entity,
                "attribute": f'<arg0 a="{entity}">',
            }[place],
        )
        begun = real.process_time()
        answer = service.post(body)
        assert real.process_time() - begun < 2
        assert answer.status_code == 500
        assert "<faultcode>S:Client</faultcode>" in answer.text
        assert sandbox.idops() == []

    def test_tells_nothing_of_the_machine(self, service: Service, control: Control) -> None:
        with open("/etc/passwd") as known:
            line = known.readline().strip()
        doctype = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        answer = service.post(doctype + regie_call().replace("CANTINE2026", "&e;"))
        assert line not in answer.text
        assert line not in str(control("GET", "/journal"))

    def test_in_an_answer_is_text(self, service: Service, control: Control) -> None:
        labels = ["A & B", "<b>gras</b>", "]]>"]
        control("PUT", f"/clients/{REGIE}", {"kind": "regie", "labels": labels, "options": {"web_service": True}})
        told: dict[str, Any] = service("recupererDetailClient", {"numCli": REGIE}).values
        assert [told[f"libelleN{n}"] for n in (1, 2, 3)] == labels
