"""Files as the comptable, PayFiP and Paybox make them: a PES Retour Recette, a régisseur's statement, remises."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import quoteattr

from regal.collectivites.models import GatewayAccount, Product
from regal.gateways.files import FileKind, Said
from regal.gateways.paybox_files.tests.tables import Line as RemiseLine
from regal.lib import canonical
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence
from regal.payments.states import State
from regal.reconciliation.matching import Result
from regal.reconciliation.models import DepositedFile, FiledLine, FiledState
from regal.titres.models import Titre, TitreEvent
from regal.titres.states import Event
from regal.titres.states import State as TitreState
from tests.cast import MORNING, Town, make_titre

PES = "http://www.minefi.gouv.fr/cp/helios/pes_v2/Rev0/retour"
SIRET = "21350001600011"  # of the budget of every town of the cast
DAY = date(2026, 11, 24)
_number = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Paid:
    """One payment as a file names it: a titre's 18 digits, an invoice's number, or a rôle's four parts."""

    reference: str
    cents: int
    day: date = DAY
    origin: str = "10"  # OrgEma
    piece: str = "02"  # EtatPce: taken in charge
    line: str = "05"  # EtatLigPce: settled
    in_all: int | None = None  # MtRecoTot, in cents

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
<Piece><BlocPiece>{piece}<EtatPce V="{one.piece}"/></BlocPiece><LigneDePiece><BlocLignePiece><InfoLignePiece>{line}
<EtatLigPce V="{one.line}"/></InfoLignePiece>{_recovery(one)}</BlocLignePiece>{_settlement(one)}</LigneDePiece></Piece>
</Bordereau>"""


def _recovery(one: Paid) -> str:
    if one.in_all is None:
        return ""
    total = f"{one.in_all // 100}.{one.in_all % 100:02d}"
    return f'<InfoRecouvrement><NbrReco V="1"/><MtRecoTot V="{total}"/></InfoRecouvrement>'


def _settlement(one: Paid) -> str:
    """None for a titre of which nothing is collected."""
    if not one.cents:
        return ""
    told = f'<OrgEma V="{one.origin}"/><DteReco V="{one.day}"/><MtReco V="{one.euros}"/>'
    return f"<EncaissementEmargement>{told}</EncaissementEmargement>"


def keep_line(town: Town, evidence: Evidence) -> FiledLine:
    """A confirmed file of one line, written by hand: for tests of tables. Call it inside `tenant()`."""
    assert evidence.attempt is not None
    file = _keep(town, b"x", FileKind.PES_RETOUR, budget=town.account.budget, count=1, total=evidence.attempt.amount)
    return FiledLine.objects.create(
        collectivite=town.collectivite,
        file=file,
        number=1,
        place="x",
        amount=evidence.attempt.amount,
        day=DAY,
        result=Result.CONFIRMED,
        is_repeated=False,
        attempt=evidence.attempt,
        evidence=evidence,
    )


def keep_state(file: DepositedFile, titre: Titre) -> FiledState:
    """What a confirmed file said of a comptable's titre, written by hand. Call it inside `tenant()`."""
    TitreEvent.objects.create(
        collectivite=file.collectivite,
        titre=titre,
        number=3,
        event=Event.TAKEN_CHARGE,
        from_state=TitreState.OPEN,
        to_state=TitreState.OPEN,
        recorded_at=MORNING,
    )
    return FiledState.objects.create(
        collectivite=file.collectivite,
        file=file,
        number=1,
        place="x",
        titre=titre,
        told_on=DAY,
        said=Said.TAKEN,
        is_late=False,
        steps=1,
        last_step=3,
    )


def keep_statement(town: Town, account: GatewayAccount) -> DepositedFile:
    """A confirmed statement of a régie without any line, written by hand. Call it inside `tenant()`."""
    return _keep(town, b"y", FileKind.REGISSEUR_CSV, account=account, count=0, total=Money(0))


def _keep(town: Town, content: bytes, kind: FileKind, **whose: Any) -> DepositedFile:
    return DepositedFile.objects.create(
        collectivite=town.collectivite,
        kind=kind,
        digest=canonical.sha256_hex(content),
        name="x",
        content=content,
        covers_from=DAY,
        covers_to=DAY,
        left_out=0,
        deposited_by=town.agent,
        deposited_at=MORNING,
        confirm_asked_by=town.agent,
        confirm_asked_at=MORNING,
        confirmed_at=MORNING,
        **whose,
    )


def leave_for_paybox(product: Product, *, cents: int = 12_550, now: datetime = MORNING, **changes: Any) -> Attempt:
    """Mme Leroy leaves for Paybox's page with an invoice of our own base. What her browser did is written by hand."""
    number = next(_number)
    invoice = f"FC2026{number:06d}"
    with tenant(product.collectivite):
        titre = make_titre(product, reference=invoice, amount=Money(cents), now=now)
        usual: dict[str, Any] = {
            "collectivite": product.collectivite,
            "account": product.account,
            "product": product,
            "titre": titre,
            "environment": product.account.environment,
            "reference": f"{invoice}-{number:022d}",
            "debt_reference": invoice,
            "amount": Money(cents),
            "label": product.name,
            "status": State.HANDED_OFF,
            "flow_digest": f"f{number:063d}",
            "handle_digest": f"h{number:063d}",
            "notification_digest": f"a{number:063d}",
            "created_at": now,
            "handed_off_at": now,
        }
        attempt = Attempt.objects.create(**(usual | changes))
        for place, (event, before, after) in enumerate(
            (("recorded", "", "created"), ("payer_left", "created", "handed_off")), 1
        ):
            AttemptEvent.objects.create(
                collectivite=product.collectivite,
                attempt=attempt,
                number=place,
                event=event,
                from_state=before,
                to_state=after,
                occurred_at=now,
                recorded_at=now,
            )
    return attempt


def collected(attempt: Attempt, **changes: Any) -> RemiseLine:
    """The line of a remise that an attempt is."""
    site, rank, _ = attempt.account.identifier.split("-")
    usual: dict[str, Any] = {
        "reference": attempt.reference,
        "cents": attempt.amount.cents,
        "transaction": f"{attempt.pk:010d}",
        "call": f"{attempt.pk + 1_000_000:010d}",
        "site": site,
        "rank": rank,
    }
    return RemiseLine(**(usual | changes))
