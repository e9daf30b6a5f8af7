"""Saying what a file is when it is no file of payments, and what to do then."""

import io
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regal.gateways.files import NotThisFile
from regal.gateways.payfip_files import read_file, reading, refusals, sentence_of
from regal.gateways.payfip_files.tests.flows import NAMESPACE, article, bordereau, flow, line, piece, settlement

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"


def sample(name: str) -> Callable[[], bytes]:
    return (SAMPLES / name).read_bytes


def zipped(*names: str, first: bytes = b"") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, first)
    return content.getvalue()


def returned(domain: str, type: str = "") -> bytes:
    parameters = f'<Enveloppe><Parametres><TypFic V="{type}"/></Parametres></Enveloppe>'
    return f'<n:PES_Retour xmlns:n="{NAMESPACE}">{parameters}<{domain}/></n:PES_Retour>'.encode()


REQUESTS = bordereau(piece(line(), number="4711002401", type="13"), type="05")

OTHER_FILES: list[tuple[str, str, bytes | Callable[[], bytes]]] = [
    ("nothing", "F401", b""),
    ("blanks", "F401", b" \r\n\t\n"),
    ("a byte order mark and no more", "F401", b"\xef\xbb\xbf"),
    ("blanks of another kind", "F401", "\u00a0\n".encode() * 5000 + b"\x1a"),
    ("much nothing, then a letter", "F409", b"\n" * 10_000 + b"Bonjour"),
    ("a PDF", "F403", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    ("a workbook .xlsx", "F404", zipped("[Content_Types].xml", "xl/workbook.xml")),
    ("a workbook .ods", "F404", zipped("mimetype", first=b"application/vnd.oasis.opendocument.spreadsheet")),
    ("a workbook .xls", "F404", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)),
    ("a workbook in XML", "F404", b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'),
    ("a ZIP", "F405", zipped("releve.csv")),
    ("an empty ZIP", "F405", zipped()),
    ("a GZIP", "F405", b"\x1f\x8b\x08\x00\x00\x00"),
    ("a 7z", "F405", b"7z\xbc\xaf\x27\x1c\x00\x04"),
    ("a PNG", "F406", b"\x89PNG\r\n\x1a\n\x00\x00"),
    ("a JPEG", "F406", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    ("a telephone's photograph", "F406", b"\x00\x00\x00\x18ftypheic\x00"),
    ("a web page", "F407", b"<!DOCTYPE html>\n<html><title>Connexion</title>"),
    ("an old web page", "F407", b"\xef\xbb\xbf  <HTML><HEAD>"),
    ("a web page in XML", "F407", b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0" ""><html/>'),
    ("UTF-16", "F408", "EN-TETE;099043\r\nPIED-DE-PAGE\r\n".encode("utf-16")),
    ("UTF-16 without mark", "F408", "<n:PES_Retour/>".encode("utf-16-le")),
    ("bytes of no encoding", "F408", b"EN-TETE;\x81\x8d\x90\r\nPIED-DE-PAGE\r\n"),
    ("a program", "F408", b"\x7fELF\x02\x01\x01\x00"),
    ("a letter", "F409", "Bonjour, voici le relevé.\n".encode()),
    ("JSON", "F409", b'{"payments": []}'),
    ("PES Aller", "F411", sample("pes-recette-aller.xml")),
    ("PES Aller, cut", "F411", lambda: (SAMPLES / "pes-recette-aller.xml").read_bytes()[:2000]),
    ("PES_ACQUIT", "F412", b'<n:PES_ACQUIT xmlns:n="http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/acquit"/>'),
    ("the feed of TIPI, rôles", "F413", sample("tipi-role.xml")),
    ("the feed of TIPI, titres", "F413", returned("PES_TIPI_Recette", "TIPIREC")),
    ("the feed of TIPI by its name only", "F413", returned("PES_RecetteRetour", "TIPIHOP")),
    ("PES Retour Dépense", "F414", returned("PES_DepenseRetour", "PES2R_DEP")),
    ("PES Retour Dépense by its element only", "F414", returned("PES_DepenseRetour")),
    ("PES Retour Client", "F415", returned("PES_ClientRetour")),
    ("PES Retour ASAP", "F416", returned("PES_RetourASAP")),
    ("another PES Retour", "F417", returned("PES_BudgetRetour")),
    ("PES Retour Recette of rejections", "F418", flow(bordereau(piece(line())), kind="01")),
    ("P503 only", "F419", flow(REQUESTS, REQUESTS)),
    ("another XML", "F420", b"<facture><montant>12</montant></facture>"),
    ("a picture in XML", "F420", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    ("broken XML", "F422", flow()[:-20]),
    ("a table of titres", "F429", sample("titres.csv")),
    ("ROLMRE", "F430", sample("rolmre.txt")),
]


class TestOtherFile:
    @pytest.mark.parametrize(("code", "content"), [pytest.param(*told, id=name) for name, *told in OTHER_FILES])
    def test_is_named(self, code, content):
        with pytest.raises(NotThisFile) as refused:
            read_file(content if isinstance(content, bytes) else content())
        assert refused.value.code == code
        assert sentence_of(refused.value).endswith(f" ({code})")

    def test_that_is_too_large_is_refused_unread(self):
        with pytest.raises(NotThisFile) as refused:
            read_file(b"x" * (reading.MAX_BYTES + 1))
        assert refused.value.code == "F402"

    @pytest.mark.parametrize("word", ["BM", "RIFF", "Rar", "GIF8"])
    def test_that_is_text_is_no_image(self, word):
        with pytest.raises(NotThisFile) as refused:
            read_file(f"{word} et la suite\n".encode())
        assert refused.value.code == "F409"

    def test_of_p503_and_payments_is_read(self):
        titres = bordereau(piece(line(settlement())))
        roles = bordereau(article(line(settlement())), type="06")
        assert len(read_file(flow(titres, REQUESTS, roles)).payments) == 2


class TestSentences:
    VALUES = {
        "line": 2,
        "place": "titre 412",
        "element": "MtReco",
        "most": 1,
        "found": 2,
        "expected": 3,
        "count": 1,
        "total": "1",
    }

    @pytest.mark.parametrize("code", sorted(refusals.SENTENCES))
    def test_say_what_to_do_in_correct_french(self, code):
        sentence = sentence_of(NotThisFile(code, **self.VALUES))
        assert re.search(r"[Dd]épos|Demand|Vérifi|Connect|Télécharg|Indiqu|Montr|indiqu|demand", sentence)
        assert not re.search(r"%\(|'| [:;?!»]|« ", sentence)

    def test_are_all_told_by_the_readers(self):
        told = {
            code
            for file in HERE.parent.glob("*.py")
            if file.name != "refusals.py"
            for code in re.findall(r'"(F4[0-9]{2})"', file.read_text(encoding="utf-8"))
        }
        assert told == set(refusals.SENTENCES)


class TestAnyBytes:
    @settings(deadline=None)
    @given(st.binary(max_size=2000))
    def test_are_refused_with_a_sentence(self, content):
        with pytest.raises(NotThisFile) as refused:
            read_file(content)
        assert refused.value.code in sentence_of(refused.value)

    @settings(deadline=None)
    @given(st.sampled_from([told[2] for told in OTHER_FILES if isinstance(told[2], bytes)]), st.binary(max_size=50))
    def test_after_those_of_another_file_are_read_or_refused(self, content, more):
        with suppress(NotThisFile):
            read_file(content + more)
