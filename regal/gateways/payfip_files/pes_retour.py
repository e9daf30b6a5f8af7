"""PES Retour Recette: what became of titres and rôles at the comptable's, with each settlement of each line.

One settlement (`EncaissementEmargement`) whose origin (`OrgEma`) is 10 is one payment made through PayFiP, but:
- a payment of a rôle's article settles all its lines at once: the lines' settlements of one day are added up, as long
  as each line has as many of them that day; otherwise nobody can tell which go together, and they stay apart;
- a line with a negative settlement had a collection cancelled: which one is not said, so none of it is a payment;
- nothing on a rejected piece or line, in a bordereau that is neither of titres (01) nor of rôles (06), or of nothing at
  all (0.00) is a payment.
All that is no payment is counted in `left_out`.

It also says where each titre and each rôle's article stands, however it is collected: in charge, en instance, rejected,
cancelled, settled, written off. Whoever wants that is told piece after piece; one whose state cannot be read says
nothing, and never makes the file unreadable.

Strict on what decides of a payment (piece, line, day, amount, origin), tolerant of unknown elements. The tree is never
built: memory does not grow with the file but for the payments found.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from django.utils.translation import gettext_lazy as _
from lxml import etree

from regal.gateways.base import DebtKind
from regal.gateways.files import FiledDebt, FiledPayment, FiledPiece, FileKind, NotThisFile, PaymentsFile, Said
from regal.lib import safe_xml
from regal.lib.canonical import sha256_hex
from regal.lib.money import Money
from regal.lib.references import TitreReference, UnreadableReference

PAID_ONLINE = "10"  # OrgEma of what was paid through TIPI/PayFiP
MAX_PAYMENTS = 100_000
MAX_DEPTH = 40  # a flow has 7 levels

_NAMESPACE = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/retour"
_ROOT = f"{{{_NAMESPACE}}}PES_Retour"
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_ENCODINGS = {b"utf-8", b"iso-8859-1", b"iso-8859-15", b"us-ascii", b"windows-1252"}
_BOM = b"\xef\xbb\xbf"
_CHUNK = 64 * 1024

_AMOUNT = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,2})?")
_DAY = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")
_SIRET = re.compile(r"[0-9]{14}")
_EXER = re.compile(r"[1-9][0-9]{3}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_CODE = re.compile(r"[A-Za-z0-9]{1,4}")
_PERIOD = re.compile(r"[0-9]{1,2}")
_SITUATION = re.compile(r"_(2[0-9]{3})([0-9]{2})([0-9]{2})_[0-9]{8}_[0-9A-Za-z]+\.xml", re.IGNORECASE)
_LONGEST_NAME = 80

_REJECTIONS = "01"  # TypRestit
_TITRES, _ROLES, _P503 = "01", "06", "05"  # TypBord
_OTHER_BORDEREAUX = {"02", "03", "04", _P503, "07"}
_ROLE_PIECES = {"08", "15"}  # TypPce
_REQUEST = "13"  # TypPce of a P503
_REJECTED_PIECE, _REJECTED_LINE = "04", "01"  # EtatPce, EtatLigPce

_FLOW = "/PES_RecetteRetour"
_BORDEREAU = f"{_FLOW}/Bordereau"
_PIECE = f"{_BORDEREAU}/Piece"
_LINE = f"{_PIECE}/LigneDePiece"
_INFO = f"{_LINE}/BlocLignePiece/InfoLignePiece"
_SETTLEMENTS = {f"{_LINE}/EncaissementEmargement", f"{_LINE}/BlocLignePiece/EncaissementEmargement"}
_CODES = {"TypRestit", "TypBord", "TypPce", "EtatPce", "EtatLigPce", "OrgEma"}  # of two digits
_SETTLEMENT_NAMES = frozenset({"OrgEma", "DteReco", "MtReco"})

_BLOCKS: dict[str, frozenset[str]] = {  # what is read of each block: the values of these children
    "/Enveloppe/Parametres": frozenset({"TypFic", "NomFic"}),
    "/EnTetePES": frozenset({"DteStr", "LibellePoste", "IdColl", "CodBud", "LibelleColBud"}),
    f"{_FLOW}/EnTeteRecette": frozenset({"TypRestit"}),
    f"{_BORDEREAU}/BlocBordereau": frozenset({"Exer", "TypBord"}),
    f"{_PIECE}/BlocPiece": frozenset({"IdPce", "TypPce", "NumDette", "Per", "EtatPce"}),
    _INFO: frozenset({"IdLigne", "CodProdLoc", "EtatLigPce"}),
    **dict.fromkeys(_SETTLEMENTS, _SETTLEMENT_NAMES),
}
_RECOVERY = f"{_LINE}/BlocLignePiece/InfoRecouvrement"
_ASIDE = {_INFO: {"MtHT", "MtTVA"}, _RECOVERY: {"MtRecoTot"}}  # amounts that decide of no payment: twice is unreadable
_OF_PIECES = {"01": Said.SUSPENDED, "04": Said.REJECTED, "05": Said.CANCELLED}  # EtatPce; else its lines say
_IN_CHARGE = {"02", "03"}
_OF_LINES = {  # EtatLigPce
    "01": Said.REJECTED,
    "02": Said.CANCELLED,
    "03": Said.SUSPENDED,
    "04": Said.TAKEN,
    "05": Said.SETTLED,
    "06": Said.WRITTEN_OFF,
}
# Of an article in several lines: what is still to be paid of one is to be paid of it.
_GRAVITY = (Said.TAKEN, Said.SUSPENDED, Said.REJECTED, Said.SETTLED, Said.WRITTEN_OFF, Said.CANCELLED)
_SEVERAL = {_BORDEREAU, _PIECE, _LINE}  # each begins anew the blocks inside it

_OTHER_ROOTS = {"PES_ALLER": "F411", "PES_ACQUIT": "F412", "WORKBOOK": "F404"}
_OTHER_FLOWS = (("tipi", "F413"), ("dep", "F414"), ("cli", "F415"), ("asap", "F416"))


Listener = Callable[[FiledPiece], None]


def read_pes_retour(content: bytes, *, tell: Listener | None = None) -> PaymentsFile:
    """Read an XML file as a PES Retour Recette, and tell where each debt stands as it comes. Raises NotThisFile."""
    declared = _ENCODING.match(content.removeprefix(_BOM)[:_CHUNK])
    if declared and declared[1].lower() not in _ENCODINGS:
        raise NotThisFile("F423")
    flow = _Flow(tell)
    parser = safe_xml.parser(target=flow)
    try:
        for start in range(0, len(content), _CHUNK):
            parser.feed(content[start : start + _CHUNK])
        parser.close()
    except etree.XMLSyntaxError as error:
        raise NotThisFile("F422", line=error.lineno or 1) from None
    return flow.file(digest=sha256_hex(content))


_Values = Mapping[str, str]


@dataclass
class _Line:
    told: _Values = field(default_factory=dict)
    settlements: list[_Values] = field(default_factory=list)
    aside: _Values = field(default_factory=dict)

    @property
    def amount(self) -> Money | None:
        """What it was issued for; a line without VAT bears the whole in MtHT."""
        return _sum([self.aside.get("MtHT", ""), self.aside.get("MtTVA", "0")])

    @property
    def collected(self) -> Money | None:
        """In all: as the file sums it up, else the sum of the settlements that it shows."""
        total = self.aside.get("MtRecoTot")
        return _sum([one.get("MtReco", "") for one in self.settlements] if total is None else [total])


@dataclass(frozen=True)
class _Online:
    """One settlement made online, of one line."""

    line: _Values
    amount: Money
    day: date


class _Flow:
    """What the parser tells, element by element (a "target" of lxml), and what is kept of it."""

    def __init__(self, tell: Listener | None) -> None:
        self._tell = tell
        self._paths: list[str] = []  # of the elements that are open, each whole; the root's is ""
        self._foreign = 0  # how many are open from a foreign or unwanted one on
        self._blocks: dict[str, dict[str, str]] = {}  # by path
        self._lines: list[_Line] = []
        self._bordereaux: set[str] = set()  # their types
        self._other_flows: list[str] = []
        self._left_out = 0
        self._payments: list[FiledPayment] = []
        self._aside: dict[str, str] = {}  # of the line that is open
        self._titre = str(_("titre %(number)s, ligne %(line)s"))
        self._role = str(_("rôle, dette %(number)s"))
        self._piece = str(_("pièce %(number)s"))

    # What lxml calls.

    def doctype(self, *_told: str | None) -> None:
        raise NotThisFile("F421")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._paths) + self._foreign >= MAX_DEPTH:
            raise NotThisFile("F424")
        if self._foreign or (self._paths and tag[0] == "{"):
            self._foreign += 1
            return
        if not self._paths:
            _refuse_other_roots(tag)
            self._paths.append("")
            return
        parent = self._paths[-1]
        path = f"{parent}/{tag}"
        self._paths.append(path)
        if tag == "EncaissementEmargement" and path.startswith(_FLOW) and path not in _SETTLEMENTS:
            raise NotThisFile("F426", place=self._shown_piece(), element=tag)  # what else stands where none was seen?
        if path in _BLOCKS:
            if path in self._blocks:
                raise NotThisFile("F427", element=tag)
            self._blocks[path] = {}
        elif parent in _BLOCKS:
            self._value(parent, tag, attributes.get("V", ""))
        elif parent in _ASIDE:
            self._keep_aside(parent, tag, attributes.get("V", ""))
        elif path in _SEVERAL:
            self._forget(path)
        elif len(self._paths) == 2 and tag.startswith("PES_"):
            self._begin_flow(tag)
        if path == _LINE:
            self._lines.append(_Line())
            self._aside = {}

    def end(self, _tag: str) -> None:
        if self._foreign:
            self._foreign -= 1
            return
        path = self._paths.pop()
        if path in _SETTLEMENTS:
            self._lines[-1].settlements.append(self._blocks.pop(path))
        elif path == _LINE:
            self._lines[-1].told, self._lines[-1].aside = self._blocks.get(_INFO, {}), self._aside
        elif path == _PIECE:
            self._close_piece()
        elif path == _BORDEREAU:
            self._bordereaux.add(self._block(f"{_BORDEREAU}/BlocBordereau").get("TypBord", ""))

    def close(self) -> None:
        pass

    # What is made of it.

    def file(self, *, digest: str) -> PaymentsFile:
        """The file, once the parser has come to its end. Raises NotThisFile."""
        parameters, head = self._block("/Enveloppe/Parametres"), self._block("/EnTetePES")
        if parameters.get("TypFic", "").upper().startswith("TIPI"):
            raise NotThisFile("F413")
        if f"{_FLOW}/" not in self._blocks:
            raise NotThisFile(_other_flow(*self._other_flows, parameters.get("TypFic", "")))
        if self._block(f"{_FLOW}/EnTeteRecette").get("TypRestit") == _REJECTIONS:
            raise NotThisFile("F418")
        if self._bordereaux == {_P503}:
            raise NotThisFile("F419")
        siret, made_on = head.get("IdColl", ""), _day(head.get("DteStr", ""))
        if not _SIRET.fullmatch(siret) or made_on is None:
            raise NotThisFile("F425")
        return PaymentsFile(
            kind=FileKind.PES_RETOUR,
            digest=digest,
            payments=tuple(self._payments),
            left_out=self._left_out,
            account_identifier=None,
            siret=siret,
            entity=_entity(head),
            first_day=None,
            last_day=min(_situation_day(parameters.get("NomFic", "")) or made_on, made_on),
            made_on=made_on,
        )

    def _begin_flow(self, tag: str) -> None:
        path = f"/{tag}"
        if path != _FLOW:
            self._other_flows.append(tag[:_LONGEST_NAME])
        elif f"{path}/" in self._blocks:
            raise NotThisFile("F427", element=tag)
        else:
            self._blocks[f"{path}/"] = {}

    def _block(self, path: str) -> dict[str, str]:
        return self._blocks.get(path, {})

    def _value(self, block: str, name: str, value: str) -> None:
        if name not in _BLOCKS[block]:
            self._keep_aside(block, name, value)
            return
        if name in self._blocks[block]:
            raise NotThisFile("F427", element=name)
        value = value.strip()
        self._blocks[block][name] = value.zfill(2) if name in _CODES else value

    def _keep_aside(self, block: str, name: str, value: str) -> None:
        if name in _ASIDE.get(block, ()):
            self._aside[name] = "" if name in self._aside else value.strip()

    def _forget(self, path: str) -> None:
        """A bordereau, a piece or a line begins: nothing of the one before is its own."""
        for known in [known for known in self._blocks if known.startswith(f"{path}/")]:
            del self._blocks[known]
        if path != _LINE:
            self._lines = []

    def _close_piece(self) -> None:
        piece = self._block(f"{_PIECE}/BlocPiece")
        bordereau = self._block(f"{_BORDEREAU}/BlocBordereau")
        found: list[_Online] = []
        for line in self._lines:
            online = [one for one in line.settlements if one.get("OrgEma") == PAID_ONLINE]
            self._left_out += len(line.settlements) - len(online)
            if online and not self._is_payment(bordereau, piece, line):
                self._left_out += len(online)
                continue
            read = [self._online(line.told, settlement) for settlement in online]
            found += [one for one in read if one.amount > Money.zero]
            self._left_out += sum(one.amount == Money.zero for one in read)
        if found:
            self._pay(bordereau, piece, found)
        if self._tell is not None:
            for told in self._states(bordereau, piece):
                self._tell(told)
        self._lines = []

    def _is_payment(self, bordereau: _Values, piece: _Values, line: _Line) -> bool:
        kind = bordereau.get("TypBord", "")
        if kind in _OTHER_BORDEREAUX or piece.get("TypPce") == _REQUEST:
            return False
        if kind not in (_TITRES, _ROLES):
            raise NotThisFile("F426", place=self._shown_piece(), element="TypBord")
        if piece.get("EtatPce") == _REJECTED_PIECE or line.told.get("EtatLigPce") == _REJECTED_LINE:
            return False
        return not any(one.get("MtReco", "").startswith("-") for one in line.settlements)

    def _online(self, line: _Values, settlement: _Values) -> _Online:
        amount, day = settlement.get("MtReco", ""), _day(settlement.get("DteReco", ""))
        if not _AMOUNT.fullmatch(amount):
            raise NotThisFile("F426", place=self._shown_piece(), element="MtReco")
        if day is None:
            raise NotThisFile("F426", place=self._shown_piece(), element="DteReco")
        return _Online(line, Money.parse(amount), day)

    def _pay(self, bordereau: _Values, piece: _Values, found: list[_Online]) -> None:
        exercice, number = bordereau.get("Exer", ""), piece.get("NumDette") or piece.get("IdPce", "")
        is_role = _is_role(bordereau, piece)
        for element, text, form in (
            ("Exer", exercice, _EXER),
            ("NumDette" if is_role else "IdPce", number, _NUMBER),
        ):
            if not form.fullmatch(text):
                raise NotThisFile("F426", place=self._shown_piece(), element=element)
        if is_role:
            place = self._role % {"number": int(number)}
            for together in _together(found):
                debt = _role_debt(int(exercice), int(number), piece, [one.line for one in together])
                self._add(debt, together, place)
            return
        for one in found:
            line = one.line.get("IdLigne", "")
            if not _NUMBER.fullmatch(line):
                raise NotThisFile("F426", place=self._shown_piece(), element="IdLigne")
            place = self._titre % {"number": int(number), "line": int(line)}
            self._add(_titre_debt(int(exercice), int(number), int(line)), [one], place)

    def _states(self, bordereau: _Values, piece: _Values) -> Iterator[FiledPiece]:
        """Where the piece's debts stand: each line of a titre is one, a rôle's article is one with all its lines."""
        exercice, number = bordereau.get("Exer", ""), piece.get("NumDette") or piece.get("IdPce", "")
        if bordereau.get("TypBord") not in (_TITRES, _ROLES) or piece.get("TypPce") == _REQUEST:
            return
        if not (_EXER.fullmatch(exercice) and _NUMBER.fullmatch(number)):
            return
        said = [_said(piece, line) for line in self._lines]
        if _is_role(bordereau, piece):
            if self._lines and None not in said:
                debt = _role_debt(int(exercice), int(number), piece, [line.told for line in self._lines])
                place = self._role % {"number": int(number)}
                gravest = min((one for one in said if one is not None), key=_GRAVITY.index)
                yield _piece(place, debt, gravest, self._lines)
            return
        for line, one in zip(self._lines, said, strict=True):
            rank = line.told.get("IdLigne", "")
            if one is None or not _NUMBER.fullmatch(rank):
                continue
            place = self._titre % {"number": int(number), "line": int(rank)}
            yield _piece(place, _titre_debt(int(exercice), int(number), int(rank)), one, [line])

    def _add(self, debt: FiledDebt, together: list[_Online], place: str) -> None:
        if len(self._payments) >= MAX_PAYMENTS:
            raise NotThisFile("F428", most=MAX_PAYMENTS)
        amount, day = sum((one.amount for one in together), Money.zero), together[0].day
        facts = {
            "origin": FileKind.PES_RETOUR.value,
            "origin_code": PAID_ONLINE,
            "amount_cents": str(amount.cents),
            "day": day.isoformat(),
            "debt_reference": debt.reference,
            "exercice": str(debt.exercice),
            "number": debt.number,
            "code": debt.code,
            "period": debt.period,
        }
        self._payments.append(
            FiledPayment(
                number=len(self._payments) + 1,
                place=place,
                debt=debt,
                amount=amount,
                day=day,
                facts={name: value for name, value in facts.items() if value is not None},
            )
        )

    def _shown_piece(self) -> str:
        number = self._block(f"{_PIECE}/BlocPiece").get("IdPce", "")
        return self._piece % {"number": number if _NUMBER.fullmatch(number) else "?"}


def _refuse_other_roots(tag: str) -> None:
    if tag == _ROOT:
        return
    name = tag.rpartition("}")[2].upper()
    raise NotThisFile(_OTHER_ROOTS.get(name, "F420"))


def _other_flow(*names: str) -> str:
    said = " ".join(names).lower()
    return next((code for word, code in _OTHER_FLOWS if word in said), "F417")


def _together(found: list[_Online]) -> list[list[_Online]]:
    """The settlements of a rôle's article that are one payment: see the top of this module."""
    by_day: dict[date, dict[str, list[_Online]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        by_day[one.day][one.line.get("IdLigne", "")].append(one)
    payments: list[list[_Online]] = []
    for lines in by_day.values():
        if len({len(several) for several in lines.values()}) == 1:
            payments += [list(one) for one in zip(*lines.values(), strict=True)]
        else:
            payments += [[one] for several in lines.values() for one in several]
    return payments


def _is_role(bordereau: _Values, piece: _Values) -> bool:
    return bordereau["TypBord"] == _ROLES or piece.get("TypPce") in _ROLE_PIECES or "NumDette" in piece


def _said(piece: _Values, line: _Line) -> Said | None:
    """Of one line; None where the file says nothing that we know."""
    of_piece, of_line = piece.get("EtatPce"), line.told.get("EtatLigPce")
    if of_piece in _OF_PIECES:
        return _OF_PIECES[of_piece]
    if of_line is None:
        return Said.TAKEN if of_piece in _IN_CHARGE else None
    return _OF_LINES.get(of_line) if of_piece is None or of_piece in _IN_CHARGE else None


def _piece(place: str, debt: FiledDebt, said: Said, lines: list[_Line]) -> FiledPiece:
    collected, amounts = [line.collected for line in lines], [line.amount for line in lines]
    return FiledPiece(
        place=place,
        debt=debt,
        said=said,
        collected=_all(collected),
        amount=_all(amounts),
        is_told=all("EtatLigPce" in line.told for line in lines),
    )


def _all(amounts: list[Money | None]) -> Money | None:
    known = [one for one in amounts if one is not None]
    return sum(known, Money.zero) if len(known) == len(amounts) else None


def _sum(written: list[str]) -> Money | None:
    """None where one of them cannot be read, or the sum is negative; « -12.00 » takes off."""
    cents = 0
    for text in written:
        if not _AMOUNT.fullmatch(text.removeprefix("-")):
            return None
        amount = Money.parse(text.removeprefix("-"))
        cents += -amount.cents if text.startswith("-") else amount.cents
    return Money(cents) if cents >= 0 else None


def _titre_debt(exercice: int, number: int, line: int) -> FiledDebt:
    """A titre whose number is longer than a reference bears (8 digits) has none: PayFiP cannot have known it."""
    try:
        reference = TitreReference(exercice, number, line).digits
    except UnreadableReference:
        return FiledDebt(kind=DebtKind.TITRE, exercice=exercice, number=str(number))
    return FiledDebt(kind=DebtKind.TITRE, reference=reference, exercice=exercice)


def _role_debt(exercice: int, number: int, piece: _Values, lines: list[_Values]) -> FiledDebt:
    """The code is told only if all lines bear the same: which of several the notice bears is not said."""
    codes = {one.get("CodProdLoc", "") for one in lines}
    code = codes.pop() if len(codes) == 1 else ""
    period = piece.get("Per", "")
    return FiledDebt(
        kind=DebtKind.ORMC,
        exercice=exercice,
        number=str(number),
        code=code if _CODE.fullmatch(code) else None,
        period=period if _PERIOD.fullmatch(period) else None,
    )


@lru_cache(maxsize=1024)
def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _situation_day(name: str) -> date | None:
    """DateSituation in the name `PES2R_RCE__P_047_00_099042_20260331_20260401_093012.xml`."""
    found = _SITUATION.search(name)
    return _day("-".join(found.groups())) if found else None


def _entity(head: _Values) -> str:
    budget = head.get("CodBud", "")
    parts = [_printable(head.get("LibellePoste", "")), _printable(head.get("LibelleColBud", ""))]
    parts.append(str(_("budget %(code)s")) % {"code": _printable(budget)} if budget else "")
    return ", ".join(part for part in parts if part)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)[:_LONGEST_NAME].strip()
