"""The XML of a PES Recette Aller, read element by element: bordereaux of raw pieces and lines, and nothing else kept.

Only the elements of `_FLOW` are read; attachments, signatures and private tags are passed over without being decoded,
and so is what is personal beyond a name and an address: births, bank accounts and social security numbers are never
even kept. A bordereau's lines wait until its end, since its totals decide whether they can be believed:
they wait compressed, so that memory hardly grows.

Never builds a tree, never follows an entity or an address; depth, length of tags and number of names are bounded.
"""

import codecs
import json
import re
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO
from xml.parsers import expat

from regal.lib.card_numbers import holds_card_number
from regal.titres.importers.base import NotThisFile, Trouble, Weight
from regal.titres.importers.xml_kinds import refuse_other_part, refuse_other_root

MAX_DEPTH = 60  # a flow has 8 levels; its signatures a dozen more
LONGEST_TAG = 1 << 20  # bytes that the parser may hold back; the longest value has 250 characters
MOST_NAMES = 20_000  # of elements and attributes: the parser keeps each until the end
LONGEST_VALUE = 300
MOST_DEBTORS = 20  # of one line
LARGEST_BORDEREAU = 64 * 1024 * 1024  # bytes, once compressed: several times the 99,999 pieces that PES allows
RECORDS_PER_PACK = 250

CHUNK = 64 * 1024
TWICE = "twice"  # in the values of a block: the element that is there two times
TOO_MANY, COLLECTED = "too_many", "collected"  # in those of a line: more debtors than we keep, money already received
RANK = "rank"  # in the values of a piece: 1, 2, 3 within its bordereau

_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:[.,]([0-9]{1,2}))?")

Values = dict[str, str]
# What is kept of one line: its piece's values, its own, its debtors. A piece without lines has one record with none.
Record = tuple[Values, Values | None, list[Values]]


@lru_cache(maxsize=4096)
def cents_of(text: str) -> int | None:
    """An amount of a PES in cents, with its sign; never rounded. None if it is none."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    sign, euros, cents = found.groups()
    amount = int(euros) * 100 + (int(cents.ljust(2, "0")) if cents else 0)
    return -amount if sign else amount


@dataclass
class Bordereau:
    """One bordereau, whole: what its head announces, and what was found in it."""

    told: Values = field(default_factory=dict)
    pieces: int = 0
    ht: int = 0  # cents
    tva: int = 0
    unreadable: int = 0  # lines whose amount is none
    _records: list[Record] = field(default_factory=list)
    _packs: list[bytes] = field(default_factory=list)
    _packed: int = 0  # bytes

    def keep(self, piece: Values, line: Values | None, debtors: list[Values]) -> None:
        """Keep one line until the bordereau ends. Raises NotThisFile if it has far too many."""
        self._records.append((piece, line, debtors))
        if len(self._records) >= RECORDS_PER_PACK:
            self._packs.append(zlib.compress(json.dumps(self._records).encode(), 1))
            self._packed += len(self._packs[-1])
            self._records = []
            if self._packed > LARGEST_BORDEREAU:
                raise NotThisFile(
                    Trouble("F566", Weight.ERROR, "Bordereau", {"batch": shown(self.told.get("IdBord", ""))})
                )

    def records(self) -> Iterator[Record]:
        """Its lines in order, piece after piece; once only: what was read is let go."""
        self._packs.reverse()
        while self._packs:
            yield from map(tuple, json.loads(zlib.decompress(self._packs.pop())))
        yield from self._records


def shown(text: str) -> str:
    """A value of the file, short enough to be quoted in a sentence."""
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if holds_card_number(text):
        return "…"
    return text if len(text) <= 40 else f"{text[:39]}…"


class _Value:
    """An element whose attribute V is read."""


_VALUE = _Value()


@dataclass(frozen=True)
class _Block:
    """An element that holds others."""

    inside: "Mapping[str, _Value | _Block]"
    anew: str = ""  # the method that begins a new set of values
    done: str = ""  # the method that is called at its end


def _values(*names: str) -> dict[str, _Value | _Block]:
    return dict.fromkeys(names, _VALUE)


_NOTHING: Mapping[str, _Value | _Block] = {}  # inside a value
_HEADS = {
    "Enveloppe": _Block({"Parametres": _Block(_values("TypFic"))}, anew="_begin_envelope", done="_end_envelope"),
    "EnTetePES": _Block(_values("IdPost", "IdColl", "CodCol", "CodBud"), anew="_begin_head"),
}
_DEBTOR = {
    "InfoTiers": _Block(_values("IdTiers", "NatIdTiers", "RefTiers", "TypTiers", "Nom", "ComplNom", "Prenom")),
    "Adresse": _Block(_values("Adr1", "Adr2", "Adr3", "CP", "Ville")),
}
_LINE = {
    "InfoLignePiece": _Block(_values("IdLigne", "ObjLignePce", "CodProdLoc", "MtHT", "MtTVA")),
    "InfoPrelevement": _Block(_values("DtePrel")),
    "InfoPrelevementSEPA": _Block(_values("DtePrel")),
    "RattachPiece": _Block(_values("NatPceOrig", "ExerRat", "IdPceOrig", "IdLigneOrig")),
    "LiensIdent": _Block(_values("IdRegie")),
}
_PIECE = {
    "BlocPiece": _Block(
        _values("IdPce", "TypPce", "NatPce", "DteAsp", "ObjPce", "NumDette", "Per", "Cle1", "Cle2", "IdRol")
    ),
    "LigneDePiece": _Block(
        {
            "BlocLignePiece": _Block(_LINE),
            "Tiers": _Block(_DEBTOR, anew="_begin_debtor", done="_end_debtor"),
            "Recouvrement": _Block(_values(), anew="_collected"),
        },
        anew="_begin_line",
        done="_end_line",
    ),
}
_BORDEREAU = {
    "BlocBordereau": _Block(
        _values("Exer", "IdBord", "DteBordEm", "TypBord", "NbrPce", "MtBordHt", "MtBordTVA", "DteAsp", "Objet"),
    ),
    "Piece": _Block(_PIECE, anew="_begin_piece", done="_end_piece"),
}
_FLOW: Mapping[str, _Value | _Block] = {
    **_HEADS,
    "PES_RecetteAller": _Block(
        {"Bordereau": _Block(_BORDEREAU, anew="_begin_bordereau", done="_end_bordereau")}, anew="_begin_recette"
    ),
}


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file are read, whatever the file says of itself."""

    name: str | None  # for the parser; None: it finds out by itself (UTF-16)
    shown: str
    lied: str = ""  # what the file declared, where that is not so


_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_UTF8 = {"utf-8", "utf8", "us-ascii", "ascii", ""}
_ONE_BYTE = {
    "iso-8859-1": Encoding("windows-1252", "ISO-8859-1"),  # Windows' letters where it has none: œ, €
    "latin1": Encoding("windows-1252", "ISO-8859-1"),
    "windows-1252": Encoding("windows-1252", "Windows-1252"),
    "iso-8859-15": Encoding("iso-8859-15", "ISO-8859-15"),
}
_WINDOWS = "windows-1252"


def encoding_of(stream: BinaryIO) -> Encoding:
    """How a file is encoded: its bytes decide, then what it declares. Leaves the stream at its beginning."""
    stream.seek(0)
    start = stream.read(CHUNK)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in start[:4]:
        stream.seek(0)
        return Encoding(None, "UTF-16")
    has_mark = start.startswith(codecs.BOM_UTF8)
    declared = _declared(start)
    decoder, has_letters = codecs.getincrementaldecoder("utf-8")(), False
    chunk = start
    try:
        while chunk:
            has_letters = not decoder.decode(chunk).isascii() or has_letters
            chunk = stream.read(CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        has_letters = has_letters or not error.object[: error.start].isascii()
        is_utf8 = has_mark or (has_letters and declared in _UTF8)  # damaged then, as the parser will say
    else:
        is_utf8 = True
        has_letters = has_letters and not has_mark
    stream.seek(0)
    if is_utf8:
        return Encoding("utf-8", "UTF-8", declared if has_letters and declared not in _UTF8 else "")
    return _ONE_BYTE.get(declared) or Encoding(_WINDOWS, "Windows-1252", declared or "utf-8")


def _declared(start: bytes) -> str:
    found = _DECLARED.match(start.removeprefix(codecs.BOM_UTF8).lstrip())
    return found[1].decode().lower() if found else ""


class Flow:
    """One file being parsed. `finished` holds the bordereaux whose end was read, for the caller to take."""

    def __init__(self, stream: BinaryIO, encoding: Encoding) -> None:
        self.type_of_file = ""  # TypFic
        self.head: Values = {}
        self.first: Values | None = None  # the head of the first bordereau, once it is whole
        self.finished: deque[Bordereau] = deque()

        self._stream = stream
        self._parser = expat.ParserCreate(encoding.name)
        self._parser.ordered_attributes = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._root
        self._parser.EndElementHandler = self._end

        self._blocks: list[_Block] = []  # those that are open
        self._open: Mapping[str, _Value | _Block] = _NOTHING  # what is read of the innermost
        self._inside = self._open  # the same, or _NOTHING while a value is open
        self._passed = 0  # how many elements are open from one that is not read on
        self._root_name = ""
        self._parts: list[str] = []  # what stands under the root that we do not read
        self._heads = 0
        self._has_recette = False
        self._bordereau = Bordereau()
        self._piece: Values = {}
        self._piece_is_empty = True
        self._line: Values = {}
        self._debtors: list[Values] = []
        self._filled: Values = {}  # where values go

    def chunks(self) -> Iterator[None]:
        """Parse the file, a chunk for each item asked. Raises NotThisFile."""
        self._stream.seek(0)
        fed = 0
        try:
            while chunk := self._stream.read(CHUNK):
                self._parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - self._parser.CurrentByteIndex > LONGEST_TAG or len(self._parser.intern) > MOST_NAMES:
                    raise self._too_odd()
                yield
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            cut = error.code in _CUT
            raise NotThisFile(
                Trouble("F550" if cut else "F551", Weight.ERROR, "", {"line": str(error.lineno)})
            ) from None
        self._refuse_nothing()
        yield

    # What expat calls.

    def _doctype(self, *_told: object) -> None:
        raise NotThisFile(Trouble("F552", Weight.ERROR))

    def _root(self, name: str, attributes: list[str]) -> None:
        self._root_name = name.rpartition(":")[2]
        refuse_other_root(name, dict(zip(attributes[::2], attributes[1::2], strict=True)))
        self._blocks.append(_Block(_FLOW if self._root_name == "PES_Aller" else _HEADS))
        self._inside = self._open = self._blocks[0].inside
        self._parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: list[str]) -> None:
        if self._passed:
            self._passed += 1
            if self._passed > MAX_DEPTH:
                raise self._too_odd()
            return
        found = self._inside.get(name)
        if found is _VALUE:
            self._inside = _NOTHING
            if name in self._filled:
                self._filled[TWICE] = name
            is_plain = len(attributes) == 2 and attributes[0] == "V"
            self._filled[name] = (attributes[1] if is_plain else _v_of(attributes))[:LONGEST_VALUE]
        elif found is None:
            self._passed = 1
            if len(self._blocks) == 1:
                self._part(name)
        else:
            assert isinstance(found, _Block)
            self._blocks.append(found)
            self._inside = self._open = found.inside
            if found.anew:
                getattr(self, found.anew)()

    def _end(self, _name: str) -> None:
        if self._passed:
            self._passed -= 1
        elif self._inside is _NOTHING:
            self._inside = self._open  # a value ends
        else:
            block = self._blocks.pop()
            if self._blocks:
                self._inside = self._open = self._blocks[-1].inside
            if block.done:
                getattr(self, block.done)()

    # What its blocks make.

    def _begin_envelope(self) -> None:
        self._filled = {}

    def _end_envelope(self) -> None:
        self.type_of_file = self._filled.get("TypFic", "").strip().upper()
        refuse_other_part(self._root_name, self._parts, self.type_of_file, is_whole=False)

    def _begin_head(self) -> None:
        self._heads += 1
        if self._heads > 1:
            raise NotThisFile(Trouble("F567", Weight.ERROR, "EnTetePES"))
        self._filled = self.head

    def _begin_recette(self) -> None:
        self._has_recette = True

    def _begin_bordereau(self) -> None:
        self._bordereau = Bordereau()
        self._filled = self._bordereau.told

    def _begin_piece(self) -> None:
        bordereau = self._bordereau
        if self.first is None:
            self.first = bordereau.told
        bordereau.pieces += 1
        self._piece = {RANK: str(bordereau.pieces)}
        self._piece_is_empty = True
        self._filled = self._piece

    def _begin_line(self) -> None:
        self._line = self._filled = {}
        self._debtors = []

    def _begin_debtor(self) -> None:
        self._filled = {}

    def _end_debtor(self) -> None:
        debtor = self._filled
        self._filled = self._line
        if debtor.pop("NatIdTiers", "").strip() not in ("01", "1"):
            debtor.pop("IdTiers", None)  # only a firm's SIRET is kept: it may be a social security number
        if len(self._debtors) < MOST_DEBTORS:
            self._debtors.append(debtor)
        else:
            self._line[TOO_MANY] = "yes"

    def _collected(self) -> None:
        self._line[COLLECTED] = "yes"

    def _end_line(self) -> None:
        line, bordereau = self._line, self._bordereau
        ht, tva = cents_of(line.get("MtHT", "")), cents_of(line.get("MtTVA", "0"))
        if ht is None or tva is None:
            bordereau.unreadable += 1
        else:
            bordereau.ht += ht
            bordereau.tva += tva
        self._piece_is_empty = False
        bordereau.keep(self._piece, line, self._debtors)
        self._filled = self._piece

    def _end_piece(self) -> None:
        if self._piece_is_empty:
            self._bordereau.keep(self._piece, None, [])
        self._filled = self._bordereau.told

    def _end_bordereau(self) -> None:
        if self.first is None:
            self.first = self._bordereau.told
        self.finished.append(self._bordereau)
        self._bordereau = Bordereau()
        self._filled = {}

    def _part(self, name: str) -> None:
        if len(self._parts) < 20:
            self._parts.append(name)
        if self._root_name != "PES_Aller":
            refuse_other_part(self._root_name, [name], self.type_of_file, is_whole=False)

    def _refuse_nothing(self) -> None:
        if self.first is None:
            if self._has_recette:
                raise NotThisFile(Trouble("F565", Weight.ERROR, "PES_RecetteAller"))
            refuse_other_part(self._root_name, self._parts, self.type_of_file, is_whole=True)

    def _too_odd(self) -> NotThisFile:
        return NotThisFile(Trouble("F553", Weight.ERROR, "", {"line": str(self._parser.CurrentLineNumber)}))


def _v_of(attributes: list[str]) -> str:
    """The attribute V among others; "" if there is none."""
    pairs = zip(attributes[::2], attributes[1::2], strict=True)
    return next((value for name, value in pairs if name == "V"), "")


_CUT = {
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}
