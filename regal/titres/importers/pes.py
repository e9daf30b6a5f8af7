"""Read a PES V2 Recette Aller: the titres, or the rôle, that a town's finance software sends to the comptable.

A titre recapitulating a rôle, or money that a régie has already collected, is never a debt that somebody could pay.
Facts: the DGFiP's technical dossier of PES V2 v5.19 (25 October 2022), and what programs were seen to write.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import BinaryIO

from regal.lib.siret import is_siret
from regal.titres.importers.base import FileFormat, Head, Line, Trouble, Weight
from regal.titres.importers.pes_flow import Encoding, Flow, Values, encoding_of, shown
from regal.titres.importers.pes_kinds import ROLE
from regal.titres.importers.pes_lines import File, lines_of


def recognise_xml(stream: BinaryIO) -> FileFormat:
    """Which PES an XML file is. Raises NotThisFile, which says what else it is. Leaves the stream at its beginning."""
    flow, _encoding = _begin(stream)
    return _format(flow)


def open_pes(stream: BinaryIO, *, options: Mapping[str, object]) -> "PesReader":
    """Open a PES Recette Aller, of titres or of a rôle. Raises NotThisFile, and ValueError for unsound options.

    The option `several_years` makes debts of titres that fall due over several years.
    """
    several_years = options.get("several_years", False)
    if not isinstance(several_years, bool):
        raise ValueError("several_years")
    flow, encoding = _begin(stream)
    return PesReader(stream, flow, encoding, several_years=several_years)


class PesReader:
    """One PES being read."""

    def __init__(self, stream: BinaryIO, flow: Flow, encoding: Encoding, *, several_years: bool) -> None:
        self._stream, self._encoding = stream, encoding
        self._file = File(_code(flow.head, "CodBud"), _code(flow.head, "CodCol"), several_years)
        self.head = _head(flow, encoding)

    def lines(self) -> Iterator[Line]:
        """Every line in order, bordereau after bordereau. Raises NotThisFile where the file turns out damaged."""
        flow, ranks = Flow(self._stream, self._encoding), count(1)
        for _chunk in flow.chunks():
            while flow.finished:
                yield from lines_of(flow.finished.popleft(), self._file, ranks)


def _begin(stream: BinaryIO) -> tuple[Flow, Encoding]:
    """Read as far as the first piece."""
    encoding = encoding_of(stream)
    flow = Flow(stream, encoding)
    for _chunk in flow.chunks():
        if flow.first is not None:
            break
    stream.seek(0)
    return flow, encoding


def _format(flow: Flow) -> FileFormat:
    """By the first bordereau's type: what a file says of its own (`TypFic`) depends on the program that wrote it."""
    is_role = (flow.first or {}).get("TypBord", "").strip().zfill(2) == ROLE
    return FileFormat.PES_ORMC if is_role else FileFormat.PES_ALLER


def _code(told: Values, element: str) -> str:
    """A code whose zeros count: 2 or 3 letters and digits."""
    code = told.get(element, "").strip()
    return code if code.isascii() and code.isalnum() and len(code) <= 3 else ""


def _head(flow: Flow, encoding: Encoding) -> Head:
    siret = flow.head.get("IdColl", "").strip()
    troubles: list[Trouble] = []
    if encoding.lied:
        said = {"declared": shown(encoding.lied).upper(), "found": encoding.shown}
        troubles.append(Trouble("F569", Weight.WARNING, "encoding", said))
    if not is_siret(siret):
        troubles.append(Trouble("L201", Weight.WARNING, "IdColl", {"value": shown(siret)}))
        siret = siret if len(siret) == 14 and siret.isascii() and siret.isdecimal() else ""
    if not _code(flow.head, "CodBud"):
        troubles.append(Trouble("L202", Weight.WARNING, "CodBud"))
    return Head(
        format=_format(flow),
        encoding=encoding.shown,
        siret=siret,
        budget=_code(flow.head, "CodBud"),
        troubles=tuple(troubles),
    )
