"""What a file is, from its bytes; what it is not, said with a remedy; and what is proposed to the agent."""

import io
import struct
import zipfile

import pytest

from regal.titres.importers.base import FileFormat, NotThisFile
from regal.titres.importers.opening import propose, recognise
from regal.titres.importers.tests.tables import GOOD, HEADER, SAMPLES, csv_of, xlsx_of
from regal.titres.importers.troubles import remedy, sentence

PES = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<n:%s xmlns:n="http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/aller">'


def archive(**parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in parts.items():
            made.writestr(name.replace("__", "/").replace("_", "."), text)
    return content.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(NotThisFile) as caught:
        recognise(io.BytesIO(content))
    trouble = caught.value.trouble
    assert sentence(trouble)
    assert remedy(trouble)
    return trouble.code


class TestRecognise:
    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (csv_of(HEADER, GOOD), FileFormat.CSV),
            (csv_of(HEADER, GOOD, encoding="utf-16"), FileFormat.CSV),
            (csv_of(HEADER, GOOD, encoding="utf-8-sig"), FileFormat.CSV),
            (xlsx_of(HEADER, GOOD), FileFormat.XLSX),
            ((SAMPLES / "pes-recette-aller-exemple.xml").read_bytes(), FileFormat.PES_ALLER),
            ((SAMPLES / "pes-ormc-exemple.xml").read_bytes(), FileFormat.PES_ORMC),
        ],
    )
    def test_says_what_a_file_is_and_leaves_it_at_its_beginning(self, content, found):
        stream = io.BytesIO(content)

        assert recognise(stream) is found
        assert stream.tell() == 0

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "F501"),
            (b"\xef\xbb\xbf \r\n\r\n", "F501"),
            (b"%PDF-1.7 ...", "F503"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "Workbook".encode("utf-16-le"), "F504"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"), "F509"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "WordDocument".encode("utf-16-le"), "F511"),
            (archive(factures_csv="NUMERO;MONTANT"), "F505"),
            (b"\x1f\x8b\x08\x00abcdef", "F505"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "F506"),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF", "F506"),
            (b"<!DOCTYPE html><html><body>Session expir\xe9e", "F507"),
            (bytes(range(256)) * 20, "F508"),
            (archive(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "F510"),
            (archive(mimetype="application/vnd.oasis.opendocument.text"), "F511"),
            (archive(word__document_xml="<x/>"), "F511"),
            (b"{\\rtf1\\ansi", "F511"),
            (archive(xl__workbook_bin="x"), "F512"),
            (b"<?xml version='1.0'?><factures/>", "F563"),
            (PES % b"PES_ACQUIT", "F556"),
            (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="x">', "F560"),
            (b"1" * 500 + b"\r\n" + b"1" * 500, "F517"),
            (b"EN-TETE;123456;01/03/2026\r\nLIGNE;1;2", "F518"),
        ],
    )
    def test_says_what_another_file_is_and_what_to_do(self, content, code):
        assert refused(content) == code


def archive_of_parts(count: int, *, is_zip64: bool) -> bytes:
    """An archive that is nothing but its directory."""
    fields = (b"PK\1\2", *[20] * 2, *[0] * 7, 7, *[0] * 6)
    parts = b"".join(struct.pack("<4s4H2H3L5H2L", *fields) + b"%07d" % number for number in range(count))
    start = b"PK\3\4" + bytes(26)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[min(count, 65_535)] * 2, len(parts), len(start), 0)
    if is_zip64:
        at = len(start) + len(parts)
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(parts), len(start))
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[65_535] * 2, *[0xFFFFFFFF] * 2, 0)
        end = end64 + struct.pack("<4sLQL", b"PK\6\7", 0, at, 1) + end
    return start + parts + end


class TestDirectories:
    @pytest.mark.parametrize("is_zip64", [False, True])
    @pytest.mark.parametrize("count", [5_001, 100_000])
    def test_of_too_many_parts_are_refused(self, count, is_zip64):
        assert refused(archive_of_parts(count, is_zip64=is_zip64)) == "F531"

    @pytest.mark.parametrize("is_zip64", [False, True])
    def test_that_are_large_are_refused_before_they_are_read(self, is_zip64, monkeypatch):
        monkeypatch.setattr(zipfile, "ZipInfo", None)  # what each part that is counted becomes

        assert refused(archive_of_parts(100_000, is_zip64=is_zip64)) == "F531"

    @pytest.mark.parametrize("is_zip64", [False, True])
    def test_of_some_parts_are_read(self, is_zip64):
        assert refused(archive_of_parts(5_000, is_zip64=is_zip64)) == "F505"


class TestPropose:
    def test_gives_the_columns_their_meanings_and_the_first_rows(self):
        content = (SAMPLES / "titres-regie-exemple.csv").read_bytes()
        proposal = propose(io.BytesIO(content), options={})

        assert proposal.head.columns[0] == "NUMERO"
        assert proposal.meanings == {
            "number": "NUMERO",
            "exercice": "EXERCICE",
            "regie": "REGIE",
            "product": "CODE_PRODUIT",
            "label": "LIBELLE",
            "debtor_reference": "REF_REDEVABLE",
            "title": "CIVILITE",
            "name": "NOM",
            "first_name": "PRENOM",
            "address1": "ADRESSE1",
            "address2": "ADRESSE2",
            "postcode": "CP",
            "city": "VILLE",
            "email": "EMAIL",
            "amount": "MONTANT_TTC",
            "issued_on": "DATE_EMISSION",
            "due_on": "DATE_ECHEANCE",
            "kind": "TYPE",
        }
        assert len(proposal.rows) == 6
        assert proposal.rows[0][:2] == ("000412", "2026")
        assert proposal.has_header

    def test_gives_what_a_source_remembers_before_what_it_would_guess(self):
        content = csv_of((*HEADER, "RESTE_DU"), (*GOOD, "10,00"))
        columns = {"number": "NUMERO", "amount": "RESTE_DU"}

        assert propose(io.BytesIO(content), options={"columns": columns}).meanings == columns

    def test_never_refuses_a_table_for_its_columns(self):
        content = csv_of(("A", "B"), ("x", "y"))
        proposal = propose(io.BytesIO(content), options={"columns": {"number": "NUMERO", "amount": "MONTANT"}})

        assert proposal.meanings == {}
        assert proposal.rows == (("x", "y"),)

    def test_of_a_file_without_header_knows_columns_by_their_rank(self):
        proposal = propose(io.BytesIO(csv_of(GOOD, GOOD)), options={})

        assert not proposal.has_header
        assert proposal.head.columns[:3] == ("1", "2", "3")
        assert proposal.meanings["amount"] == "5"
        assert len(proposal.rows) == 2

    def test_of_a_workbook_tells_its_sheets(self):
        assert propose(io.BytesIO(xlsx_of(HEADER, GOOD)), options={}).sheets == ("Factures",)
