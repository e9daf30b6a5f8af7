"""The two files that say which payments were made, and are believed over any notification.

- For a régie: the régisseur's statement, a CSV whose lines are tagged `EN-TETE`, `LIGNE`, `PIED-DE-PAGE` (one source);
  its separator, columns and formats are settings.
- For titres and rôles: the comptable's return flow, PES Retour Recette, where PayFiP's payments bear `OrgEma` 10.

Test payments move no money and stand in neither.
"""

import csv
import io
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from flask import Response

from regal_sandbox.clients import Client, find_client
from regal_sandbox.debts import find_debt
from regal_sandbox.paris import in_paris
from regal_sandbox.references import read_role, read_titre
from regal_sandbox.settings import DATES, Settings, read_settings
from regal_sandbox.shapes import BadShape
from regal_sandbox.transaction import Transaction
from regal_sandbox.transactions import Filter, list_transactions
from regal_sandbox.world import World

PES = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/retour"
CODIQUE = "099042"  # of a treasury that does not exist
TREASURY = "SGC DU BAC A SABLE"
PAID_ONLINE = "10"  # OrgEma

_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ElementTree.register_namespace("n", PES)


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One payment of the statement, with what Hélios knows of its debt."""

    transaction: Transaction
    paid_at: datetime  # Paris
    label: str
    due: int  # cents: the debt's amount
    taken_in_charge_on: date | None


@dataclass(frozen=True, kw_only=True)
class Statement:
    name: str
    content_type: str
    content: bytes


def make_statement(world: World, db: sqlite3.Connection, client: Client, first: date, last: date) -> Statement:
    """What was paid to that client from `first` to `last` included, days of Paris."""
    settings = read_settings(db)
    payments = _payments(db, client, first, last, settings)
    if client.kind == "regie":
        name = f"PAYFIP_{client.numcli}_{first:%Y%m%d}_{last:%Y%m%d}.csv"
        content = regie_csv(client, payments, first, last, settings, made_at=in_paris(world.now()))
        return Statement(name=name, content_type="text/csv; charset=iso-8859-1", content=content)
    made_at = in_paris(world.now())
    name = f"PES2R_RCE__P_{_entity(client)}_00_{CODIQUE}_{last:%Y%m%d}_{made_at:%Y%m%d}_{made_at:%H%M%S}.xml"
    return Statement(
        name=name, content_type="application/xml", content=pes_retour(client, payments, name=name, made_at=made_at)
    )


def _payments(db: sqlite3.Connection, client: Client, first: date, last: date, settings: Settings) -> list[Payment]:
    left_out = {"T"} if settings.statement_has_activations else {"T", "X"}
    payments = []
    for transaction in list_transactions(db, Filter(numcli=client.numcli, state="paid")):
        if transaction.saisie in left_out or transaction.decided_at is None:
            continue
        paid_at = in_paris(transaction.decided_at)
        if not first <= paid_at.date() <= last:
            continue
        debt = find_debt(db, transaction.numcli, transaction.refdet)
        payments.append(
            Payment(
                transaction=transaction,
                paid_at=paid_at,
                label=(debt.label if debt else "") or transaction.objet,
                due=debt.montant if debt else transaction.montant,
                taken_in_charge_on=debt.taken_in_charge_on if debt else None,
            )
        )
    return sorted(payments, key=lambda one: (one.transaction.decided_at, one.transaction.id))


def regie_csv(
    client: Client, payments: Iterable[Payment], first: date, last: date, settings: Settings, *, made_at: datetime
) -> bytes:
    """The régisseur's statement."""
    payments = list(payments)
    day = DATES[settings.statement_dates]

    def amount(cents: int) -> str:
        return str(cents) if settings.statement_amounts == "cents" else f"{cents // 100},{cents % 100:02d}"

    def cells(payment: Payment) -> list[str]:
        told = payment.transaction
        known = {
            "date": payment.paid_at.strftime(day),
            "heure": payment.paid_at.strftime("%H%M"),
            "montant": amount(told.montant),
        }
        return [known.get(column) or str(getattr(told, column, "")) for column in settings.statement_columns]

    text = io.StringIO()
    writer = csv.writer(text, delimiter=settings.statement_separator, lineterminator="\r\n")
    writer.writerow(["EN-TETE", client.numcli, first.strftime(day), last.strftime(day), made_at.strftime(day)])
    if settings.statement_titles:
        writer.writerow(["LIGNE", *settings.statement_columns])
    writer.writerows(["LIGNE", *cells(payment)] for payment in payments)
    total = sum(payment.transaction.montant for payment in payments)
    writer.writerow(["PIED-DE-PAGE", str(len(payments)), amount(total)])
    return text.getvalue().encode("iso-8859-1", "replace")


def pes_retour(client: Client, payments: Iterable[Payment], *, name: str, made_at: datetime) -> bytes:
    """The periodic return flow. Its bordereau numbers are invented: PayFiP's feed is not played that far."""
    root = Element(f"{{{PES}}}PES_Retour")
    parameters = SubElement(SubElement(root, "Enveloppe"), "Parametres")
    _values(parameters, Version="2", TypFic="PES2R_RCE", NomFic=name)
    _values(
        SubElement(root, "EnTetePES"),
        DteStr=made_at.date().isoformat(),
        IdPost=CODIQUE,
        LibellePoste=TREASURY,
        IdColl=_siret(client),
        CodColl=_entity(client),
        CodBud="00",
        LibelleColBud=client.labels[1][:38] or client.numcli,
    )
    flow = SubElement(root, "PES_RecetteRetour")
    _values(SubElement(flow, "EnTeteRecette"), TypRestit="02", IdVer="2", NatInf="2")
    for exer, pieces in sorted(_by_piece(payments, kind=client.kind).items()):
        bordereau = SubElement(flow, "Bordereau")
        kind = "06" if client.kind == "role" else "01"
        _values(SubElement(bordereau, "BlocBordereau"), Exer=exer, IdBord="1", TypBord=kind)
        for number, lines in sorted(pieces.items()):
            _piece(bordereau, number, lines, kind=client.kind)
    ElementTree.indent(root, " ")
    written: bytes = ElementTree.tostring(root, encoding="ISO-8859-1", xml_declaration=True)
    return written + b"\n"


@dataclass(frozen=True, kw_only=True, order=True)
class _Place:
    """Where a payment goes in the flow."""

    exer: str
    piece: str  # as the notice shows it: a rôle's 01 and 1 are two debts
    line: int
    product: str = ""  # code recette of a rôle
    period: str = ""


def _place(payment: Payment, *, kind: str) -> _Place | None:
    """None when the reference is of another kind: the client changed kinds after the payment."""
    refdet = payment.transaction.refdet
    if kind == "role":
        role = read_role(refdet)
        if role is None:
            return None
        return _Place(exer=role.exer, piece=role.number, line=1, product=role.code, period=role.period)
    titre = read_titre(refdet)
    return _Place(exer=titre.exer, piece=f"{titre.number:08d}", line=titre.line) if titre else None


_Lines = dict[_Place, list[Payment]]


def _by_piece(payments: Iterable[Payment], *, kind: str) -> dict[str, dict[tuple[str, str, str], _Lines]]:
    """Payments of one line together, lines of one piece together, pieces of one exercice together."""
    found: dict[str, dict[tuple[str, str, str], _Lines]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for payment in payments:
        place = _place(payment, kind=kind)
        if place is None:
            continue
        found[place.exer][place.piece, place.product, place.period][place].append(payment)
    return found


def _piece(bordereau: Element, number: tuple[str, str, str], lines: _Lines, *, kind: str) -> None:
    first = next(iter(lines.values()))[0]
    piece = SubElement(bordereau, "Piece")
    block = SubElement(piece, "BlocPiece")
    plain = str(int(number[0]))
    _values(block, IdPce=plain, TypPce="15" if kind == "role" else "01", NatPce="01", Obj=first.label[:160])
    if kind == "role":
        _values(block, NumDette=plain, Per=number[2])
    _values(block, DtePcePec=first.taken_in_charge_on.isoformat() if first.taken_in_charge_on else "", EtatPce="02")
    for place, payments in sorted(lines.items()):
        line = SubElement(piece, "LigneDePiece")
        told = SubElement(line, "BlocLignePiece")
        _values(
            SubElement(told, "InfoLignePiece"),
            IdLigne=str(place.line),
            CodProdLoc=place.product,
            EtatLigPce="05",
            MtHT=_euros(payments[0].due),
        )
        total = sum(payment.transaction.montant for payment in payments)
        _values(SubElement(told, "InfoRecouvrement"), NbrReco=str(len(payments)), MtRecoTot=_euros(total))
        for payment in payments:
            _values(
                SubElement(line, "EncaissementEmargement"),
                OrgEma=PAID_ONLINE,
                DteReco=payment.paid_at.date().isoformat(),
                MtReco=_euros(payment.transaction.montant),
            )


def _values(parent: Element, **told: str) -> None:
    """Children that bear their value in `V`; an empty one is left out."""
    for name, value in told.items():
        if value:
            SubElement(parent, name, V=_NOT_XML.sub(" ", value))


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _entity(client: Client) -> str:
    return client.numcli[-3:]


def _siret(client: Client) -> str:
    """The client's, or else fourteen digits that pass Luhn's check, in a range that no town has."""
    if client.siret is not None:
        return client.siret
    siren = _with_luhn_digit("2199" + client.numcli[-4:])
    return _with_luhn_digit(siren + "0001")


def _with_luhn_digit(digits: str) -> str:
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(one - 9 if one > 9 else one for one in doubled) % 10)


def asked_days(told: Mapping[str, str], today: date) -> tuple[date, date]:
    """`day`, or `from` and `to`, or neither: today; an empty one is as none. Raises BadShape."""
    try:
        days = {name: date.fromisoformat(told[name]) for name in ("day", "from", "to") if told.get(name)}
    except ValueError:
        raise BadShape("statement: a day such as 2026-03-31 is expected") from None
    first = days.get("day") or days.get("from") or today
    last = days.get("day") or days.get("to") or max(first, today)
    if last < first or last - first > timedelta(days=3660):
        raise BadShape("statement: the last day comes before the first, or ten years after it")
    return first, last


def download(world: World, numcli: str, asked: Mapping[str, str]) -> Response | None:
    """The statement of the days asked for, to keep and never to show; None when nobody knows the client.

    Raises BadShape.
    """
    with world.store.transaction() as db:
        client = find_client(db, numcli)
        if client is None:
            return None
        statement = make_statement(world, db, client, *asked_days(asked, world.today()))
    response = Response(statement.content, content_type=statement.content_type)
    response.headers.set("Content-Disposition", "attachment", filename=statement.name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
