"""The files that the demonstration's software would hand over: invoices of a régie (CSV), rents (PES). All invented."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from xml.sax.saxutils import quoteattr

from regal.lib.money import Money

MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
HOUSEHOLDS = (
    ("LEROY", "Solène"),
    ("BENALI", "Karim"),
    ("KEROUANTON", "Maëlle"),
    ("DA SILVA", "Inês"),
    ("NGUYEN", "Linh"),
    ("PETITJEAN", "Rémi"),
    ("L’HOSTIS", "Gwenaëlle"),
    ("SANSLESOU", "Prosper"),
    ("D’ARGENT-FICTIF", "Éloïse"),
    ("OZTÜRK", "Defne"),
    ("MARCHAND", "Côme"),
    ("TRAORÉ", "Aminata"),
    ("LE GOFF", "Yann"),
    ("FONTAINE", "Anaïs"),
)
TENANTS, RENT_MONTHS = HOUSEHOLDS[1:12:2], 3
MEAL, CARE = Money(385), Money(210)
PES = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0"
_COLUMNS = (
    "NUMERO;EXERCICE;LIBELLE;REF_REDEVABLE;NOM;PRENOM;ADRESSE1;CP;VILLE;EMAIL;MONTANT_TTC;DATE_EMISSION;DATE_ECHEANCE;"
    "TYPE"
)


@dataclass(frozen=True, kw_only=True)
class Bill:
    """One line of a file of the régie's software."""

    number: str
    label: str
    household: int  # of HOUSEHOLDS
    amount: Money
    issued_on: date
    is_credit: bool = False
    street: str = "rue des Lavandières"
    town: str = "35999;SAINT-AUBIN"

    @property
    def due_on(self) -> date:
        return self.issued_on + timedelta(days=30)

    def as_csv(self) -> str:
        name, first_name = HOUSEHOLDS[self.household]
        sign = "-" if self.is_credit else ""
        return ";".join(
            (
                self.number,
                f"{self.issued_on.year}",
                self.label,
                f"FAM{self.household + 1:04d}",
                name,
                first_name,
                f"{3 + self.household * 2} {self.street}",
                self.town,
                f"famille{self.household + 1:02d}@exemple.invalid",
                f"{sign}{in_figures(self.amount)}",
                f"{self.issued_on:%d/%m/%Y}",
                f"{self.due_on:%d/%m/%Y}",
                "A" if self.is_credit else "F",
            )
        )


@dataclass(frozen=True, kw_only=True)
class Rent:
    """One titre of the town's rents, and what the comptable says of it."""

    number: int
    tenant: int  # of TENANTS
    amount: Money
    issued_on: date
    state: str  # "settled", "in part", "suspended"; "": the comptable has said nothing of it yet

    @property
    def received(self) -> Money:
        """What the comptable received."""
        return {"settled": self.amount, "in part": Money(10_000)}.get(self.state, Money.zero)

    @property
    def is_heard(self) -> bool:
        return bool(self.state)


def first_of_month(today: date, ago: int) -> date:
    """The first day of the month that was so many months ago."""
    months = today.year * 12 + today.month - 1 - ago
    return date(months // 12, months % 12 + 1, 1)


def rents(today: date) -> list[Rent]:
    """Of this month and the two before it: what the oldest owed is settled."""
    found = []
    for ago in range(RENT_MONTHS - 1, -1, -1):
        first = first_of_month(today, ago)
        for tenant in range(len(TENANTS)):
            state = ("", {1: "suspended", 4: "in part"}.get(tenant, "settled"), "settled")[ago]
            number = 600 + first.month * 10 + tenant + 1
            found.append(
                Rent(number=number, tenant=tenant, amount=Money(38_000 + tenant * 2_150), issued_on=first, state=state)
            )
    return found


def in_figures(amount: Money) -> str:
    """12,50: as a spreadsheet writes it."""
    return f"{amount.cents // 100},{amount.cents % 100:02d}"


def number_of(month: date, place: int) -> str:
    """Of a month's invoice."""
    return f"AP-{month:%y%m}{place:02d}"


def month_of(issued_on: date) -> str:
    """The month that an invoice bills: the one before it is issued."""
    before = issued_on - timedelta(days=15)
    return f"{MONTHS[before.month - 1]} {before.year}"


def bill(issued_on: date, household: int, *, meals: int | None = None) -> Bill:
    """What a household owes for the month before."""
    meals = 6 + (household * 5 + issued_on.month * 3) % 12 if meals is None else meals
    cares = (household + issued_on.month) % 5
    eaten = f"{meals} repas" + (f", {cares} garderie{'s' if cares > 1 else ''}" if cares else "")
    return Bill(
        number=number_of(issued_on, household + 1),
        label=f"Accueil périscolaire, {month_of(issued_on)} : {eaten}",
        household=household,
        amount=Money(MEAL.cents * meals + CARE.cents * cares),
        issued_on=issued_on,
    )


def csv(bills: Iterable[Bill], *others: str) -> bytes:
    """A file as an old program makes it, in Windows' own encoding."""
    lines = [_COLUMNS, *(one.as_csv() for one in bills), *others, ""]
    return "\r\n".join(lines).encode("cp1252")


def sample(today: date) -> bytes:
    """A file to deposit: six new invoices, and three lines to correct."""
    day = today - timedelta(days=3)
    day = day if day.year >= today.year else today
    new = [
        Bill(
            number=number_of(day, 51 + place),
            label="Classe de découverte, première moitié",
            household=place * 2,
            amount=Money(6_450),
            issued_on=day,
        )
        for place in range(6)
    ]
    wrong = replace(new[0], number=number_of(day, 58)).as_csv()
    without_amount = wrong.replace(";64,50;", ";;")
    too_much = wrong.replace(";64,50;", ";6450,00;").replace(number_of(day, 58), number_of(day, 59))
    other_form = wrong.replace(number_of(day, 58), "CLASSE58")
    return csv(new, without_amount, too_much, other_form)


def canteen(today: date) -> bytes:
    """The file with which the start page begins: six new invoices of the second town's canteen, nothing to correct."""
    day = today - timedelta(days=3)
    day = day if day.year >= today.year else today
    return csv(
        Bill(
            number=f"CT-{day:%y%m}{51 + place}",
            label=f"Cantine, {month_of(day)}",
            household=place * 2 + 1,
            amount=Money(MEAL.cents * (9 + place)),
            issued_on=day,
            street="rue de la Colline",
            town="61999;VAL-DE-L’ORNE",
        )
        for place in range(6)
    )


def pes_aller(rents: Sequence[Rent], *, bordereau: int, siret: str, made_on: date) -> bytes:
    """A bordereau of titres, as finance software hands it to the comptable."""
    total = sum((rent.amount for rent in rents), Money.zero)
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<n:PES_Aller xmlns:n="{PES}/aller"><Enveloppe><Parametres>{_values(Version="2", TypFic="PESALR2", NomFic="loyers.xml")}
</Parametres></Enveloppe><EnTetePES>{_values(DteStr=made_on, IdPost="035999", IdColl=siret, CodCol="099", CodBud="00")}
</EnTetePES><PES_RecetteAller><EnTeteRecette><IdVer V="2"/></EnTeteRecette><Bordereau><BlocBordereau>
{_values(Exer=made_on.year, IdBord=bordereau, DteBordEm=made_on, TypBord="01", NbrPce=len(rents))}
{_values(MtBordHt=_plain(total))}
</BlocBordereau>{"".join(_titre(rent) for rent in rents)}</Bordereau></PES_RecetteAller></n:PES_Aller>
""".encode("iso-8859-1")


def _titre(rent: Rent) -> str:
    name, first_name = TENANTS[rent.tenant]
    label = f"LOYER {month_of(rent.issued_on + timedelta(days=31)).upper()}"
    piece = _values(IdPce=rent.number, TypPce="01", NatPce="01", ObjPce=label)
    line = _values(IdLigne=1, ObjLignePce=label, CodProdLoc="LOY", Nature="752", Majo="0", TvaIntraCom="0")
    who = _values(RefTiers=f"LOC{rent.tenant + 1:03d}", CatTiers="01", NatJur="01", TypTiers="01", Nom=name)
    street = f"{rent.tenant + 1} rue du Presbytère"
    where = _values(TypAdr="1", Adr2=street, CP="35999", Ville="SAINT-AUBIN", CodRes="0")
    return f"""<Piece><BlocPiece>{piece}</BlocPiece><LigneDePiece><BlocLignePiece><InfoLignePiece>{line}
{_values(MtHT=_plain(rent.amount))}</InfoLignePiece></BlocLignePiece><Tiers><InfoTiers>{who}{_values(Prenom=first_name)}
</InfoTiers><Adresse>{where}</Adresse></Tiers></LigneDePiece></Piece>
"""


_SAID = {"in part": ("02", "04"), "settled": ("02", "05"), "suspended": ("01", "03")}


def pes_retour(rents: Sequence[Rent], *, siret: str, made_on: date, town: str) -> bytes:
    """Where the comptable says that these titres stand, and what he received of them otherwise than online."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n:PES_Retour xmlns:n="{PES}/retour"><Enveloppe><Parametres>
{_values(Version="2", TypFic="PES2R_RCE", NomFic="PES2R.xml")}</Parametres></Enveloppe><EnTetePES>
{_values(DteStr=made_on, IdPost="035999", LibellePoste="SGC DU PAYS", IdColl=siret)}
{_values(CodColl="099", CodBud="00", LibelleColBud=town)}</EnTetePES><PES_RecetteRetour><EnTeteRecette>
{_values(TypRestit="02", IdVer="2", NatInf="2")}</EnTeteRecette>{"".join(_said(rent) for rent in rents)}
</PES_RecetteRetour></n:PES_Retour>
""".encode()


def _said(rent: Rent) -> str:
    piece, line = _SAID[rent.state]
    told = ""
    if rent.received > Money.zero:
        paid_on = rent.issued_on + timedelta(days=6 + rent.tenant)
        told = _values(OrgEma="02", DteReco=paid_on, MtReco=_plain(rent.received))
        told = f"<EncaissementEmargement>{told}</EncaissementEmargement>"
    head = _values(Exer=rent.issued_on.year, IdBord=rent.issued_on.month, TypBord="01")
    return f"""<Bordereau><BlocBordereau>{head}</BlocBordereau><Piece><BlocPiece>
{_values(IdPce=rent.number, TypPce="01", NatPce="01", EtatPce=piece)}</BlocPiece><LigneDePiece><BlocLignePiece>
<InfoLignePiece>{_values(IdLigne=1, EtatLigPce=line)}</InfoLignePiece></BlocLignePiece>{told}</LigneDePiece></Piece>
</Bordereau>"""


def _plain(amount: Money) -> str:
    return f"{amount.cents // 100}.{amount.cents % 100:02d}"


def _values(**told: object) -> str:
    return "".join(f"<{name} V={quoteattr(str(value))}/>" for name, value in told.items())
