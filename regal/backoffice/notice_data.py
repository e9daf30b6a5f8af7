"""What a town's own layout of notices needs: one line for each invoice to pay, with its link, its key and its code.

The names of the columns are those by which imports know them, where they do. Rows are read some hundreds at a time,
each time in a transaction of its own.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from regal.backoffice import titre_exports
from regal.backoffice.titre_exports import Cell
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.notices import operations
from regal.notices.wording import Asked, guichet_address

COLUMNS = (
    "NUMERO", "REFERENCE_IMPRIMEE", "NOM", "ADRESSE1", "ADRESSE2", "ADRESSE3", "ADRESSE4", "CP", "VILLE", "LIBELLE",
    "EXERCICE", "DATE_EMISSION", "DATE_ECHEANCE", "EMIS", "DU", "PAYE", "RESTE", "GUICHET", "LIEN_PAIEMENT",
    "CLE_PAIEMENT", "TEXTE_QR",
)  # fmt: skip
_CODES = frozenset(COLUMNS.index(name) for name in ("NUMERO", "REFERENCE_IMPRIMEE", "CP", "CLE_PAIEMENT"))


def rows(*, town: Collectivite, keys: Sequence[int]) -> Iterator[list[Cell]]:
    """A cell for each of COLUMNS; what is not to be paid has no line."""
    for start in range(0, len(keys), operations.PIECE):
        with tenant(town):
            found = operations.read_some(keys[start : start + operations.PIECE], collectivite=town)
        yield from (_row(asked, town) for asked in found.asked)


def _row(asked: Asked, town: Collectivite) -> list[Cell]:
    titre, debtor = asked.titre, asked.debtor
    address = [str(line) for line in debtor.address][:4]
    return [
        titre.number,
        asked.reference,
        debtor.name,
        *address,
        *[""] * (4 - len(address)),
        debtor.postcode,
        debtor.city,
        titre.label,
        titre.exercice,
        titre.issued_on,
        titre.due_on,
        titre.amount,
        asked.due,
        asked.paid,
        asked.left,
        guichet_address(town),
        asked.link,
        asked.key,
        asked.link,
    ]


def csv_of(found: Iterator[list[Cell]]) -> Iterator[bytes]:
    """A CSV file, piece by piece."""
    return titre_exports.csv_of(found, columns=COLUMNS, codes=_CODES)


def workbook_of(found: Iterator[list[Cell]]) -> BinaryIO:
    """A workbook of one sheet in a temporary file, at its beginning."""
    return titre_exports.workbook_of(found, columns=COLUMNS)
