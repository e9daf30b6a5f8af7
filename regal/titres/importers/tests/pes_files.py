"""PES files for tests: made of the samples, or built piece by piece. Everybody in them is invented.

What is read is `Any`: a test that finds no titre where it looks for one should fail there.
"""

import io
from pathlib import Path
from typing import Any

from regal.titres.importers.base import FileFormat, Line, NotThisFile, Weight
from regal.titres.importers.pes import open_pes, recognise_xml

SAMPLES = Path(__file__).parent / "samples"
ALLER, ORMC = "pes-recette-aller-exemple.xml", "pes-ormc-exemple.xml"

NAMESPACE = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/aller"
DEBTOR = (
    '<Tiers><InfoTiers><RefTiers V="FAM1"/><CatTiers V="01"/><NatJur V="01"/><TypTiers V="01"/><Civilite V="MME"/>'
    '<Nom V="LEROY"/><Prenom V="ANNE"/></InfoTiers><Adresse><TypAdr V="1"/><Adr2 V="1 RUE DU PONT"/><CP V="99042"/>'
    '<Ville V="SAINT-AUBIN"/><CodRes V="0"/></Adresse></Tiers>'
)


def sample(name: str) -> bytes:
    """The bytes of a sample."""
    return (SAMPLES / name).read_bytes()


def values(**told: str) -> str:
    """Elements with their values."""
    return "".join(f'<{name} V="{value}"/>' for name, value in told.items())


def line(
    id_ligne: str = "1", *, ht: str = "38.40", tva: str = "", label: str = "CANTINE", more: str = "", block: str = "",
    debtors: str = DEBTOR, info: str = "",
) -> str:  # fmt: skip
    """A LigneDePiece; `more` stands beside InfoLignePiece, `block` at the end of it, `info` replaces its amounts."""
    amounts = info or values(MtHT=ht, **({"MtTVA": tva} if tva else {}))
    said = values(IdLigne=id_ligne, ObjLignePce=label, CodProdLoc="CANT", Nature="7067", Majo="0", TvaIntraCom="0")
    return (
        f"<LigneDePiece><BlocLignePiece><InfoLignePiece>{said}{amounts}{block}</InfoLignePiece>{more}</BlocLignePiece>"
        f"{debtors}</LigneDePiece>"
    )


def piece(number: str = "412", *lines: str, kind: str = "01", nature: str = "01", more: str = "") -> str:
    """A Piece, with one ordinary line if none is told."""
    told = values(IdPce=number, TypPce=kind, NatPce=nature, ObjPce="CANTINE MARS")
    return f"<Piece><BlocPiece>{told}{more}</BlocPiece>{''.join(lines or (line(),))}</Piece>"


def article(number: str = "1", debt: str = "202600001", *lines: str, keys: str = '<Per V="1"/>') -> str:
    """A Piece of a rôle."""
    return piece(number, *lines, kind="15", more=f'<NumDette V="{debt}"/>{keys}' if debt else keys)


def bordereau(
    *pieces: str, kind: str = "01", ht: str = "38.40", tva: str = "", count: str = "", number: str = "57",
    exer: str = "2026", day: str = "2026-03-12", more: str = "",
) -> str:  # fmt: skip
    """A Bordereau; `ht` and `tva` are what it announces."""
    told = values(Exer=exer, IdBord=number, DteBordEm=day, TypBord=kind, NbrPce=count or str(len(pieces)), MtBordHt=ht)
    told += values(MtBordTVA=tva) if tva else ""
    return f"<Bordereau><BlocBordereau>{told}{more}</BlocBordereau>{''.join(pieces)}</Bordereau>"


def flow(
    *bordereaux: str, before: str = "", after: str = "", encoding: str = "UTF-8", prolog: str = "", head: str = "",
    type_of_file: str = "PESALR2",
) -> bytes:  # fmt: skip
    """A whole PES Aller; `before` and `after` stand beside its PES_RecetteAller."""
    head = head or values(DteStr="2026-03-12", IdPost="099042", IdColl="21990042000015", CodCol="047", CodBud="00")
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>{prolog}<n:PES_Aller xmlns:n="{NAMESPACE}"><Enveloppe><Parametres>'
        f"{values(Version='2', TypFic=type_of_file, NomFic='x.xml')}</Parametres></Enveloppe>"
        f"<EnTetePES>{head}</EnTetePES>{before}<PES_RecetteAller>"
        f'<EnTeteRecette><IdVer V="2"/></EnTeteRecette>{"".join(bordereaux)}</PES_RecetteAller>{after}</n:PES_Aller>'
    ).encode(encoding)


def opened(content: bytes, **options: object) -> Any:
    """A reader of these bytes."""
    return open_pes(io.BytesIO(content), options=options)


def read(content: bytes, **options: object) -> Any:
    """All the lines of these bytes."""
    return list(opened(content, **options).lines())


def one(content: bytes, **options: object) -> Any:
    """The only line of these bytes."""
    (only,) = read(content, **options)
    return only


def recognised(content: bytes) -> FileFormat:
    """What these bytes are."""
    return recognise_xml(io.BytesIO(content))


def refusal(content: bytes) -> Any:
    """Why these bytes are refused, at the latest while their lines are read."""
    try:
        read(content)
    except NotThisFile as refused:
        return refused.trouble
    return None


def codes(line: Line, weight: Weight | None = None) -> list[str]:
    """The codes of a line's troubles."""
    return [trouble.code for trouble in line.troubles if weight in (None, trouble.weight)]


def errors(line: Line) -> list[str]:
    """The codes of what makes a line wrong."""
    return codes(line, Weight.ERROR)
