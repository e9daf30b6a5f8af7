"""The three operations: what is accepted, what is refused, and the exact shape of what is answered."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from lxml import etree

from regal_sandbox import Sandbox
from regal_sandbox.rules import RULES
from regal_sandbox.soap import CLIENT, DETAIL, ENVELOPE, SERVICE, TECHNICAL_FAULTS
from regal_sandbox.tests.cast import REGIE, Control, Payer, Service, Time, Told, read, regie_call
from regal_sandbox.wsdl import DOCUMENTED_PATH, SCHEMAS, schema_document

REFUSED: list[tuple[str, str, dict[str, str | None]]] = [
    ("S1", "saisie_invalid", {"saisie": None}),
    ("S1", "saisie_invalid", {"saisie": "A"}),
    ("S1", "saisie_invalid", {"saisie": "M"}),
    ("S1", "saisie_invalid", {"saisie": "P"}),
    ("T1", "numcli_invalid", {"numcli": "44444"}),
    ("T2", "numcli_unknown", {"numcli": "987654"}),
    ("T4", "web_service_not_allowed", {"numcli": "033333"}),  # a régie without the right
    ("T4", "web_service_not_allowed", {"numcli": "006382"}),  # titres never have it
    ("R3", "refdet_invalid", {"refdet": "ABCD"}),
    ("R3", "refdet_invalid", {"refdet": "2026-042-001"}),
    ("R3", "refdet_invalid", {"refdet": "A" * 31}),
    ("M1", "montant_invalid", {"montant": None}),
    ("M1", "montant_invalid", {"montant": "48.50"}),
    ("M1", "montant_invalid", {"montant": "1000.0"}),
    ("M3", "montant_too_small", {"montant": "99"}),
    ("M5", "montant_too_large", {"montant": "10000000"}),
    ("A1", "mel_missing", {"mel": None}),
    ("A2", "mel_invalid", {"mel": "leroy"}),
    ("A2", "mel_invalid", {"mel": "leroy", "montant": "9990000001"}),  # recorded: before the upper bound
    ("E1", "exer_invalid", {"exer": "26"}),
    ("O1", "objet_invalid", {"objet": "Cantine d'été"}),
    ("O1", "objet_invalid", {"objet": "Cantine/mars"}),
    ("N1", "urlnotif_invalid", {"urlnotif": "site.exemple.fr/notif"}),
    ("N1", "urlnotif_invalid", {"urlnotif": "https://site.exemple.fr/" + "a" * 230}),
    ("D1", "urlredirect_invalid", {"urlredirect": "ftp://site.exemple.fr/"}),
]


def canonical(xml: str | bytes) -> bytes:
    told: bytes = etree.tostring(etree.fromstring(xml), method="c14n")
    return told


@cache
def schema(flavour: str) -> etree.XMLSchema:
    """The schemas as they are served, written where their addresses lead."""
    with TemporaryDirectory() as folder:
        for number in SCHEMAS:
            document = schema_document(number, flavour=flavour, host=folder, path="/schema")
            Path(folder, f"schema{number}").write_bytes(document.replace(b"/schema?xsd=", b"/schema"))
        return etree.XMLSchema(etree.parse(f"{folder}/schema1"))


def check_shape(told: Told) -> None:
    """Valid against both states of the schemas, and qualified as recorded."""
    root = etree.fromstring(told.body)
    assert [etree.QName(one).localname for one in root] == ["Body"]  # no Header
    assert root.prefix == "S"
    [inside] = root[0]
    payload = inside.find("detail/*") if told.fault else inside
    assert payload is not None
    assert payload.prefix == "ns2"
    for flavour in ("current", "2019"):
        schema(flavour).assertValid(payload)
    assert told.status == (500 if told.fault else 200)


class TestCreation:
    def test_gives_an_idop_and_nothing_else(self, service: Service) -> None:
        told = service.create()
        check_shape(told)
        assert list(told.values) == ["idOp"]

    def test_has_the_recorded_shape_to_the_byte(self, service: Service) -> None:
        told = service.create()
        assert canonical(told.body) == canonical(
            f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Body><ns2:creerPaiementSecuriseResponse xmlns:ns2="{SERVICE}">'
            f"<return><idOp>{told.values['idOp']}</idOp></return>"
            "</ns2:creerPaiementSecuriseResponse></S:Body></S:Envelope>"
        )

    @pytest.mark.parametrize("absent", ["exer", "objet", "urlnotif", "urlredirect"])
    def test_does_without_what_is_optional(self, service: Service, absent: str) -> None:
        assert not service.create(**{absent: None}).fault

    @pytest.mark.parametrize("saisie", ["T", "X", "W"])
    def test_of_each_kind(self, service: Service, saisie: str) -> None:
        assert not service.create(saisie=saisie).fault

    def test_several_for_one_refdet(self, sandbox: Sandbox, service: Service) -> None:
        assert service.create().values != service.create().values
        assert {one["refdet"] for one in sandbox.idops()} == {"CANTINE2026"}

    @pytest.mark.parametrize("field", ["mel", "montant", "numcli", "refdet"])
    def test_drops_the_white_space_around_a_value(self, sandbox: Sandbox, service: Service, field: str) -> None:
        service.create()
        spaced = sandbox.idops()[0][field]
        service.create(**{field: f"\n   {spaced}\t"})
        assert sandbox.idops()[1][field] == spaced

    def test_requires_a_way_back_when_told(self, service: Service, control: Control) -> None:
        control("PUT", "/settings", {"urlredirect_required": True})
        assert service.create(urlredirect=None).values["code"] == "D1"


class TestIdop:
    def test_is_a_uuid_of_version_1_to_the_millisecond_from_one_node(self, service: Service) -> None:
        idops = [UUID(service.create().values["idOp"]) for _ in range(3)]
        assert {one.version for one in idops} == {1}
        assert {one.time % 10_000 for one in idops} == {0}
        assert len({one.node for one in idops}) == 1
        assert len({one.time for one in idops}) == 3  # within one millisecond of a clock that stands still

    def test_carries_its_hour(self, service: Service, time: Time) -> None:
        made = UUID(service.create().values["idOp"])
        assert (made.time - 0x01B21DD213814000) / 10**7 == time.now.timestamp()


class TestRefusals:
    @pytest.mark.parametrize(("code", "rule", "changed"), REFUSED)
    def test_are_functional_faults(
        self, sandbox: Sandbox, service: Service, control: Control, code: str, rule: str, changed: dict[str, str | None]
    ) -> None:
        told = service.create(**changed)
        check_shape(told)
        assert told.fault == "FonctionnelleErreur"
        assert list(told.values) == ["code", "descriptif", "libelle", "severite"]
        assert (told.values["code"], told.values["descriptif"], told.values["severite"]) == (code, "", "2")
        assert control("GET", "/refusals")["refusals"][-1]["rule"] == rule
        assert sandbox.idops() == []

    def test_of_a_client_that_is_closed_or_not_yet_active(self, service: Service, control: Control) -> None:
        regie = {"kind": "regie", "options": {"web_service": True}}
        control("PUT", f"/clients/{REGIE}", regie | {"phase": "test"})
        assert service.create(saisie="W").values["code"] == "T5"
        assert not service.create(saisie="T").fault
        control("PUT", f"/clients/{REGIE}", regie | {"phase": "closed"})
        assert service.create(saisie="T").values["code"] == "T3"

    def test_of_a_refdet_already_paid_when_the_client_wishes_it(
        self, service: Service, payer: Payer, control: Control
    ) -> None:
        payer.pay_by_idop(payer.create())
        assert not service.create().fault  # DGFiP's rule is unknown; by default it is accepted
        options = {"web_service": True, "refuse_paid_refdet": True}
        control("PUT", f"/clients/{REGIE}", {"kind": "regie", "phase": "active", "options": options})
        assert service.create().values["code"] == "R2"

    @pytest.mark.parametrize(
        ("changed", "code", "libelle"),
        [
            ({"mel": "x"}, "A2", "Adresse mél incorrecte. "),
            ({"refdet": "ABCD"}, "R3", "Le format du paramètre REFDET n'est pas conforme"),
        ],
    )
    def test_have_the_recorded_shape_to_the_byte(
        self, service: Service, changed: dict[str, str | None], code: str, libelle: str
    ) -> None:
        assert canonical(service.create(**changed).body) == canonical(recorded_fault(code, libelle))

    def test_may_be_told_other_words(self, service: Service, control: Control) -> None:
        control("PUT", "/settings", {"messages": {"mel_invalid": {"code": "A9", "message": "Autre phrase."}}})
        told = service.create(mel="x").values
        assert (told["code"], told["libelle"]) == ("A9", "Autre phrase.")

    def test_bear_a_code_each(self) -> None:
        of_the_service = [rule for rule in RULES if not rule.startswith(("debt_", "test_", "page_", "montant_differs"))]
        assert all(RULES[rule].code or RULES[rule].service_code for rule in of_the_service)


def recorded_fault(code: str, libelle: str) -> str:
    return (
        f'<S:Envelope xmlns:S="{ENVELOPE}"><S:Body><S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope">'
        "<faultcode>S:Server</faultcode>"
        "<faultstring>fr.gouv.finances.cp.tpa.webservice.exceptions.FonctionnelleErreur</faultstring>"
        f'<detail><ns2:FonctionnelleErreur xmlns:ns2="{SERVICE}"><code>{code}</code><descriptif/>'
        f"<libelle>{libelle}</libelle><severite>2</severite></ns2:FonctionnelleErreur></detail>"
        "</S:Fault></S:Body></S:Envelope>"
    )


class TestDetail:
    def test_of_a_payment_by_card(self, service: Service, payer: Payer) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop)
        told = service.detail(idop)
        check_shape(told)
        numauto = told.values["numauto"]
        assert len(numauto) == 6
        assert list(told.values.items()) == [
            ("dattrans", "16032026"),
            ("exer", "2026"),
            ("heurtrans", "1200"),
            ("idOp", idop),
            ("mel", "leroy@exemple.fr"),
            ("montant", "4850"),
            ("numauto", numauto),
            ("numcli", REGIE),
            ("objet", "Cantine mars"),
            ("refdet", "CANTINE2026"),
            ("resultrans", "P"),
            ("saisie", "W"),
        ]

    @pytest.mark.parametrize(
        ("decisions", "letter", "numauto_length"),
        [
            (("carte", "payer"), "P", 6),
            (("carte", "refuser"), "R", None),
            (("abandonner",), "A", None),
            (("carte", "abandonner"), "A", None),
            (("prelevement", "identifier", "payer"), "V", 16),
            (("prelevement", "identifier", "refuser"), "Z", None),
            (("virement", "payer"), "B", 16),
            (("virement", "refuser"), "C", None),
        ],
    )
    def test_of_each_outcome(
        self, service: Service, payer: Payer, decisions: tuple[str, ...], letter: str, numauto_length: int | None
    ) -> None:
        idop = payer.create()
        payer.pay_by_idop(idop, *decisions)
        told = service.detail(idop)
        check_shape(told)
        assert told.values["resultrans"] == letter
        assert (len(told.values["numauto"]) if "numauto" in told.values else None) == numauto_length

    def test_leaves_out_what_is_null(self, service: Service, payer: Payer) -> None:
        idop = payer.create(objet=None, exer=None)
        payer.pay_by_idop(idop, "abandonner")
        told = service.detail(idop)
        check_shape(told)
        assert {"objet", "exer", "numauto"} & set(told.values) == set()

    def test_may_tell_half_of_the_year_as_recorded(self, service: Service, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"exer_reply": "truncated"})
        idop = payer.create()
        payer.pay_by_idop(idop)
        assert service.detail(idop).values["exer"] == "20"

    @pytest.mark.parametrize(
        ("utc", "dattrans", "heurtrans"),
        [
            ("2026-03-29T00:59:00+00:00", "29032026", "0159"),  # the last minute before summer time
            ("2026-03-29T01:00:00+00:00", "29032026", "0300"),
            ("2026-10-25T00:30:00+00:00", "25102026", "0230"),  # twice that night
            ("2026-10-25T01:30:00+00:00", "25102026", "0230"),
            ("2026-12-31T23:30:00+00:00", "01012027", "0030"),
        ],
    )
    def test_counts_hours_as_paris_does(
        self, service: Service, payer: Payer, control: Control, utc: str, dattrans: str, heurtrans: str
    ) -> None:
        control("PUT", "/clock", {"now": utc})
        idop = payer.create()
        payer.pay_by_idop(idop)
        told = service.detail(idop).values
        assert (told["dattrans"], told["heurtrans"]) == (dattrans, heurtrans)

    def test_of_an_unknown_idop_is_the_recorded_p1(self, service: Service) -> None:
        told = service.detail("cc0cb210-1cd4-11ea-8cca-0213ad91a103")
        check_shape(told)
        assert canonical(told.body) == canonical(recorded_fault("P1", "IdOp incorrect."))

    def test_of_a_running_payment_is_the_recorded_p5(self, service: Service) -> None:
        told = service.detail(service.create().values["idOp"])
        check_shape(told)
        assert canonical(told.body) == canonical(recorded_fault("P5", "Résultat de la transaction non connu."))

    @pytest.mark.parametrize("asked", [{}, {"idOp": ""}, {"idop": "x"}, {"IDOP": "x"}])
    def test_wants_the_right_spelling(self, service: Service, asked: dict[str, str]) -> None:
        assert service(DETAIL, asked).values["code"] == "P1"


class TestClient:
    def test_has_three_labels_and_its_number(self, service: Service) -> None:
        told = service(CLIENT, {"numCli": REGIE})
        check_shape(told)
        assert list(told.values.items()) == [
            ("libelleN1", "RR CANTINE"),
            ("libelleN2", "SAINT AUBIN"),
            ("libelleN3", "PERISCOLAIRE"),
            ("numcli", REGIE),
        ]

    def test_without_a_label_says_nothing_of_it(self, service: Service) -> None:
        told = service(CLIENT, {"numCli": "006382"})
        check_shape(told)
        assert list(told.values) == ["libelleN1", "libelleN2", "numcli"]

    @pytest.mark.parametrize(
        ("asked", "code"),
        [({"numCli": "987654"}, "T2"), ({"numCli": "9"}, "T1"), ({}, "T1"), ({"numcli": REGIE}, "T1")],
    )
    def test_unknown_is_a_fault(self, service: Service, asked: dict[str, str], code: str) -> None:
        told = service(CLIENT, asked)
        check_shape(told)
        assert told.values["code"] == code


class TestTechnicalFaults:
    @pytest.mark.parametrize("name", TECHNICAL_FAULTS)
    def test_have_the_shape_that_the_schemas_declare(self, service: Service, control: Control, name: str) -> None:
        control("POST", "/faults", {"service": name, "next": 1}, status=201)
        told = service.create()
        check_shape(told)
        assert told.fault == name
        assert f"<faultstring>fr.gouv.finances.cp.tpa.webservice.exceptions.{name}<".encode() in told.body


class TestJournal:
    def test_keeps_each_call_with_its_answer(self, service: Service, payer: Payer, control: Control) -> None:
        idop = payer.create()
        service.create(mel="x")
        service.detail(idop)
        service.post("<Envelope")
        broken, asked, refused, created = control("GET", "/journal?kind=service")["exchanges"]
        assert (created["answer"], created["transaction"], created["numcli"]) == ({"idOp": idop}, 1, REGIE)
        assert (refused["code"], refused["parameters"]["mel"]) == ("A2", "x")
        assert (asked["operation"], asked["code"], asked["parameters"]) == (DETAIL, "P5", {"idOp": idop})
        assert (broken["code"], broken["sent"]) == ("S:Client", "<Envelope")


def test_answers_at_the_address_of_the_guide_too(service: Service) -> None:
    assert not read(service.browser.post(DOCUMENTED_PATH, data=regie_call(), content_type="text/xml")).fault
