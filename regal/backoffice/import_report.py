"""The report of an import as a CSV file: every line, its verdict, what is wrong and what to do. It names no debtor."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from regal.backoffice.import_words import VERDICTS
from regal.collectivites.models import Collectivite
from regal.lib import spreadsheets
from regal.lib.tenancy import tenant
from regal.titres import import_queries
from regal.titres.import_queries import ReportedLine
from regal.titres.importers import troubles
from regal.titres.models import Import

BATCH = 1_000


def csv_of(*, import_: Import, town: Collectivite) -> Iterator[bytes]:
    """Piece by piece; each batch is read in a transaction of its own, so a slow download holds nothing."""
    header = [_("Place"), _("Verdict"), _("Numéro"), _("Montant"), _("Cellule"), _("À savoir"), _("À faire"), _("Code")]
    yield (spreadsheets.BYTE_ORDER_MARK + spreadsheets.csv_line(header)).encode()
    after = 0
    while True:
        with tenant(town):
            lines = import_queries.lines_of(import_, after=after, limit=BATCH)
        if not lines:
            return
        after = lines[-1].number
        yield "".join(_rows(line) for line in lines).encode()


def _rows(line: ReportedLine) -> str:
    """One row, or one for each trouble."""
    amount = spreadsheets.decimal(line.amount) if line.amount is not None else ""
    begins = [spreadsheets.neutral(line.place), str(VERDICTS[line.verdict]), spreadsheets.as_text(line.titre_number)]
    told = [
        [
            spreadsheets.neutral(cell),
            spreadsheets.neutral(troubles.sentence(trouble)),
            spreadsheets.neutral(troubles.remedy(trouble)),
            trouble.code,
        ]
        for trouble, cell in zip(line.troubles, line.cells, strict=True)
    ]
    return "".join(spreadsheets.csv_line([*begins, amount, *cells]) for cells in told or [["", "", "", ""]])
