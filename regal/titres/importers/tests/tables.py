"""Make small tables, and read them. What may be absent is typed Any: a test that meets None fails there."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from regal.titres.importers.base import Line, NotThisFile, Trouble
from regal.titres.importers.opening import open_file

SAMPLES = Path(__file__).parent / "samples"
HEADER = ("NUMERO", "EXERCICE", "LIBELLE", "NOM", "MONTANT_TTC", "DATE_EMISSION", "DATE_ECHEANCE")
GOOD = ("000412", "2026", "Cantine de février", "TESTARD", "38,40", "12/03/2026", "15/04/2026")


def csv_of(*rows: Sequence[str], separator: str = ";", encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    """The rows as they are, without quotes."""
    return "".join(separator.join(row) + end for row in rows).encode(encoding)


def good(**changed: str) -> tuple[str, ...]:
    """A row without fault, but for what the test says: `good(NUMERO="1,23E+05")`."""
    return tuple(changed.get(name, cell) for name, cell in zip(HEADER, GOOD, strict=True))


def xlsx_of(*rows: Sequence[Any], formats: Mapping[int, str] | None = None) -> bytes:
    """A workbook of one sheet; `formats` gives a number format to columns, by rank."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Factures")
        styles = {rank: book.add_format({"num_format": code}) for rank, code in (formats or {}).items()}
        for number, row in enumerate(rows):
            for rank, value in enumerate(row):
                if isinstance(value, str) and not value.startswith("=SUM"):
                    sheet.write_string(number, rank, value)
                elif value is not None:
                    sheet.write(number, rank, value, styles.get(rank) if number else None)
    return content.getvalue()


def lines_of(content: bytes, **options: object) -> list[Any]:
    """Every line of a file."""
    return list(open_file(io.BytesIO(content), options=options).lines())


def line_of(content: bytes, **options: object) -> Any:
    """The only line of a file."""
    (line,) = lines_of(content, **options)
    return line


def titre_of(content: bytes, **options: object) -> Any:
    """The only debt of a file, without error."""
    line = line_of(content, **options)
    assert line.titre is not None, line.troubles
    return line.titre


def codes(line: Line) -> list[str]:
    """The codes of a line's troubles."""
    return [trouble.code for trouble in line.troubles]


def refusal_of(content: bytes, **options: object) -> Trouble:
    """Why a whole file is refused."""
    try:
        lines_of(content, **options)
    except NotThisFile as refused:
        return refused.trouble
    raise AssertionError("this file was read")
