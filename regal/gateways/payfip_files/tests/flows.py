"""Invented return flows of Valfictif's comptable, written piece by piece."""

NAMESPACE = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/retour"
NAME = "PES2R_RCE__P_047_00_099042_20260331_20260401_093012.xml"

Told = dict[str, str]


def values(told: Told) -> str:
    return "".join(f'<{name} V="{value}"/>' for name, value in told.items())


def settlement(amount: str = "38.40", day: str = "2026-03-24", origin: str = "10") -> str:
    told = values({"OrgEma": origin, "DteReco": day, "MtReco": amount})
    return f"<EncaissementEmargement>{told}</EncaissementEmargement>"


def line(*settlements: str, number: str = "1", **told: str) -> str:
    info = values({"IdLigne": number, **told})
    block = f"<BlocLignePiece><InfoLignePiece>{info}</InfoLignePiece></BlocLignePiece>"
    return f"<LigneDePiece>{block}{''.join(settlements)}</LigneDePiece>"


def piece(*lines: str, number: str = "412", type: str = "01", **told: str) -> str:
    block = values({"IdPce": number, "TypPce": type, "Obj": "CANTINE", "EtatPce": "02", **told})
    return f"<Piece><BlocPiece>{block}</BlocPiece>{''.join(lines)}</Piece>"


def article(*lines: str, number: str = "12", period: str = "1", **told: str) -> str:
    """A rôle's."""
    return piece(*lines, number="1", type="15", NumDette=number, Per=period, **told)


def bordereau(*pieces: str, type: str = "01", exercice: str = "2026") -> str:
    block = values({"Exer": exercice, "IdBord": "57", "TypBord": type})
    return f"<Bordereau><BlocBordereau>{block}</BlocBordereau>{''.join(pieces)}</Bordereau>"


def flow(*bordereaux: str, encoding: str = "ISO-8859-1", kind: str = "02", name: str = NAME, **head: str) -> bytes:
    """A whole file; `head` changes its EnTetePES, where an empty value leaves one out."""
    told: Told = {
        "DteStr": "2026-04-01",
        "LibellePoste": "SGC DE FICTIVILLE",
        "IdColl": "21990042000015",
        "CodBud": "00",
        "LibelleColBud": "COMMUNE DE VALFICTIF",
    }
    told |= head
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<n:PES_Retour xmlns:n="{NAMESPACE}">'
        f"<Enveloppe><Parametres>{values({'TypFic': 'PES2R_RCE', 'NomFic': name})}</Parametres></Enveloppe>"
        f"<EnTetePES>{values({name: value for name, value in told.items() if value})}</EnTetePES>"
        f"<PES_RecetteRetour><EnTeteRecette>{values({'TypRestit': kind})}</EnTeteRecette>"
        f"{''.join(bordereaux)}</PES_RecetteRetour></n:PES_Retour>\n"
    )
    return text.encode(encoding)


def paid(*settlements: str, **told: str) -> bytes:
    """A flow of one titre of one line."""
    return flow(bordereau(piece(line(*settlements, **told))))
