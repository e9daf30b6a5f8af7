"""Files as the comptable and PayFiP make them: a PES Retour Recette of a budget, a régisseur's statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import quoteattr

PES = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/retour"
SIRET = "21350001600011"  # of the budget of every town of the cast
DAY = date(2026, 11, 24)


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One payment as a file names it: a titre's 18 digits, an invoice's number, or a rôle's four parts."""

    reference: str
    cents: int
    day: date = DAY
    origin: str = "10"  # OrgEma

    @property
    def euros(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02d}"


def statement(payments: Iterable[Paid], *, numcli: str, first: date = DAY, last: date = DAY) -> bytes:
    """A régie's statement."""
    payments = list(payments)
    lines = [f"EN-TETE;{numcli};{first:%d/%m/%Y};{last:%d/%m/%Y}"]
    lines += [f"LIGNE;{one.day:%d/%m/%Y};{one.reference};{one.euros.replace('.', ',')}" for one in payments]
    total = sum(one.cents for one in payments)
    lines.append(f"PIED-DE-PAGE;{len(payments)};{total // 100},{total % 100:02d}")
    return "\r\n".join([*lines, ""]).encode("iso-8859-1")


def pes(
    titres: Sequence[Paid] = (),
    *,
    roles: Sequence[Paid] = (),
    siret: str = SIRET,
    made_on: date = DAY,
    label: str = "COMMUNE DE SAINT-AUBIN",
    post: str = "SGC DU PAYS",
) -> bytes:
    """A comptable's flow; a rôle's reference is its four parts, `2026-EA-00-12`, whose number loses its zeros here."""
    pieces = [_piece(*_titre(one.reference), one) for one in titres]
    pieces += [_piece(*_role(one.reference), one) for one in roles]
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n:PES_Retour xmlns:n="{PES}"><Enveloppe><Parametres><Version V="2"/><TypFic V="PES2R_RCE"/><NomFic V="PES2R.xml"/>
</Parametres></Enveloppe><EnTetePES><DteStr V="{made_on}"/><IdPost V="099042"/><LibellePoste V={quoteattr(post)}/>
<IdColl V="{siret}"/><CodColl V="001"/><CodBud V="00"/><LibelleColBud V={quoteattr(label)}/></EnTetePES>
<PES_RecetteRetour><EnTeteRecette><TypRestit V="02"/><IdVer V="2"/><NatInf V="2"/></EnTeteRecette>{"".join(pieces)}
</PES_RecetteRetour></n:PES_Retour>""".encode()


def _titre(reference: str) -> tuple[str, str, str, str]:
    return (
        reference[:4],
        "01",
        f'<IdPce V="{int(reference[4:12])}"/><TypPce V="01"/><NatPce V="01"/>',
        f'<IdLigne V="{int(reference[12:])}"/>',
    )


def _role(reference: str) -> tuple[str, str, str, str]:
    exercice, code, period, number = reference.split("-")
    plain = int(number)
    piece = f'<IdPce V="{plain}"/><TypPce V="15"/><NatPce V="01"/><NumDette V="{plain}"/>'
    piece += f'<Per V="{period}"/>' if period else ""
    return exercice, "06", piece, '<IdLigne V="1"/>' + (f'<CodProdLoc V="{code}"/>' if code else "")


def _piece(exercice: str, bordereau: str, piece: str, line: str, one: Paid) -> str:
    return f"""<Bordereau><BlocBordereau><Exer V="{exercice}"/><IdBord V="1"/><TypBord V="{bordereau}"/></BlocBordereau>
<Piece><BlocPiece>{piece}<EtatPce V="02"/></BlocPiece><LigneDePiece><BlocLignePiece><InfoLignePiece>{line}
<EtatLigPce V="05"/></InfoLignePiece></BlocLignePiece><EncaissementEmargement><OrgEma V="{one.origin}"/>
<DteReco V="{one.day}"/><MtReco V="{one.euros}"/></EncaissementEmargement></LigneDePiece></Piece></Bordereau>"""
