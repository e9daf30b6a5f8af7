"""Spoilt files of every kind: read, refused with a sentence, and never anything else."""

import io
import random
import time
import zipfile

import pytest

from regal.titres.importers.base import NotThisFile
from regal.titres.importers.opening import open_file, propose
from regal.titres.importers.tests.tables import GOOD, HEADER, SAMPLES, csv_of, good, xlsx_of
from regal.titres.importers.troubles import remedy, sentence

TRAPS = (SAMPLES / "titres-regie-pieges.csv").read_bytes()
BOOK = xlsx_of(HEADER, *[(*good(NUMERO=f"{n:06}")[:4], n + 0.25, *GOOD[5:]) for n in range(40)])
PIECES = [
    *(b";", b"\t", b",", b"|", b'"', b'""', b"\r", b"\n", b"\r\n", b"\x00", b"\x1a", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"=cmd|' /C calc'!A0", b"@SUM(1)", b"+1", b"-1", "é".encode(), "é".encode("cp1252"), b"\x81", b"\xed\xa0\x80"),
    *(
        b"1,23E+05",
        b"-12,00",
        b"1.234",
        b"#REF!",
        b"TOTAL",
        b"9" * 5000,
        b"4111111111111111",
        b";" * 10_000,
        b"sep=;\r\n",
    ),
    *(b"1;2;3;4;5;6;7", b"000412;2026;REG01;CANT"),
    *("\u202e".encode(), "\u200b".encode(), "٣".encode(), "²".encode(), b"'", b"<", b"%PDF-", b"PK\x03\x04", b""),
]
OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"sums_lines": True},
    {"encoding": "utf-8", "separator": ","},
    {"encoding": "utf-16"},
    {"has_header": False},
    {"columns": {"number": "1", "amount": "15", "exercice": "2"}, "has_header": False},
    {"columns": {"number": "NUMERO", "amount": "MONTANT_TTC", "reduces": "LIBELLE"}, "default_exercice": 2026},
    {"decimal": ".", "accepts_units": True, "numbers_without_zeros": "distinct"},
)


def survive(content: bytes, options: dict[str, object]) -> None:
    """Read it all, or be told why not; either way in words, and before long."""
    begun = time.process_time()
    for read in (_lines, propose):
        trouble = None
        try:
            read(io.BytesIO(content), options=options)
        except NotThisFile as refused:
            trouble = refused.trouble
        assert trouble is None or (sentence(trouble) and remedy(trouble))
    assert time.process_time() - begun < 20


def _lines(stream, *, options):
    reader = open_file(stream, options=options)
    for trouble in reader.head.troubles:
        assert sentence(trouble)
    above = 0
    for line in reader.lines():
        assert line.number > above
        above = line.number
        assert line.titre is None or (not line.is_wrong and line.titre.cents > 0)
        for trouble in line.troubles:
            assert sentence(trouble)
            assert "4111111111111111" not in repr(trouble)
        if line.titre is not None:
            repr(line.titre).encode()  # no half of a character


def spoilt(content: bytes, dice: random.Random) -> bytes:
    data = bytearray(content)
    for _time in range(dice.randrange(1, 6)):
        place = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[place:place] = dice.choice(PIECES)
            case 1:
                del data[place : place + dice.randrange(60)]
            case 2:
                del data[place:]
            case 3:
                data[place:place] = data[dice.randrange(len(data) + 1) :][:200]
            case _:
                if place < len(data):
                    data[place] = dice.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("seed", range(20))
def test_a_spoilt_csv_file_is_read_or_refused(seed):
    dice = random.Random(seed)  # noqa: S311
    for _time in range(12):
        survive(spoilt(TRAPS, dice), dice.choice(OPTIONS))


@pytest.mark.parametrize("seed", range(10))
def test_a_spoilt_workbook_is_read_or_refused(seed):
    dice = random.Random(seed)  # noqa: S311
    for _time in range(6):
        survive(spoilt(BOOK, dice), dice.choice(OPTIONS))


@pytest.mark.parametrize("seed", range(10))
def test_a_workbook_whose_parts_are_spoilt_is_read_or_refused(seed):
    dice = random.Random(seed)  # noqa: S311
    for _time in range(4):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(BOOK)) as book, zipfile.ZipFile(out, "w") as copy:
            target = dice.choice(book.namelist())
            for name in book.namelist():
                data = book.read(name)
                copy.writestr(name, spoilt(data, dice) if name == target else data)
        survive(out.getvalue(), dice.choice(OPTIONS))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "iso-8859-15", "utf-16", "utf-32", "cp850", "utf-7"]
)
def test_any_encoding_with_any_declared_is_read_or_refused(encoding):
    content = csv_of(HEADER, GOOD, encoding=encoding)
    for declared in ("", "utf-8", "windows-1252", "iso-8859-15", "utf-16", "cp850"):
        survive(content, {"encoding": declared})


def test_noise_is_read_or_refused():
    dice = random.Random(7)  # noqa: S311
    for size in (1, 2, 3, 4, 5, 50, 500, 70_000):
        for _time in range(10):
            survive(dice.randbytes(size), {})


@pytest.mark.parametrize(
    "content",
    [
        b'"' * 100_000,
        b'"\n' * 100_000,
        b";" * 60_000,
        b"\n" * 200_000,
        b"\r" * 100_000,
        b";\n" * 20_000,
        b"NUMERO;MONTANT;EXERCICE\n" + b"1;2;3\n" * 2_000,
        b"NUMERO;MONTANT;EXERCICE\n" + b'1;"2\n' * 5_000,
        b"NUMERO;MONTANT;EXERCICE\n" + b"9" * 60_000 + b";1,00;2026\n",
        b"NUMERO;MONTANT;EXERCICE\n1;" + b" " * 60_000 + b"x;2026\n",
        b"NUMERO;MONTANT;EXERCICE\n1;" + b"1 " * 30_000 + b";2026\n",
        b"NUMERO;MONTANT;EXERCICE;LIBELLE;TYPE\n1;1,00;2026;" + b"facture " * 7_000 + b";A\n",
        b"NUMERO;MONTANT;EXERCICE;LIBELLE;TYPE\n1;1,00;2026;facture " + b"1-" * 30_000 + b";A\n",
        b"NUMERO;MONTANT;EXERCICE;LIBELLE\n;1,00;2026;total " + b"total " * 9_000 + b"\n",
        b"NUMERO;MONTANT;EXERCICE;EMAIL;NOM\n1;20,00;2026;" + b"a." * 30_000 + b"@;X\n",
        b"<" * 60_000,
        b"<!--" * 20_000,
    ],
)
def test_what_is_made_to_hang_does_not(content):
    for options in OPTIONS[:2]:
        survive(content, options)
