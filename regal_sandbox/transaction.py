"""One transaction as every other part reads it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from regal_sandbox.store import stamp

FINISHED = frozenset({"paid", "refused", "abandoned", "stopped"})


@dataclass(frozen=True, kw_only=True)
class Transaction:
    id: int
    token: str
    numcli: str
    exer: str
    refdet: str
    objet: str
    montant: int  # cents
    mel: str
    urlcl: str  # of the web service: `urlnotif`
    saisie: str
    on_debt: bool
    entry: str  # form (`paiement.web`), portal (`accueilportail.web`) or service (`paiementws.web`)
    means: str  # card, direct_debit or transfer, empty until the payer chose
    state: str  # (created,) recap, means, card, secure, sign_in, mandate, transfer, then one of FINISHED
    resultrans: str  # empty until there is an outcome
    opened_at: datetime
    decided_at: datetime | None
    numauto: str  # once paid: 6 characters by card, 16 by prélèvement
    stopped_by: str | None
    idop: str = ""  # of the web service
    urlredirect: str = ""
    entered_at: datetime | None = None  # when the payer last opened `paiementws.web`

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["opened_at"] = stamp(self.opened_at)
        for name in ("decided_at", "entered_at"):
            told[name] = stamp(told[name]) if told[name] else None
        return told
