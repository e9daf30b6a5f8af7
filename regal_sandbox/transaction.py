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
    urlcl: str
    saisie: str
    on_debt: bool
    entry: str  # form (`paiement.web`) or portal (`accueilportail.web`)
    means: str  # card or direct_debit, empty until the payer chose
    state: str  # recap, means, card, secure, sign_in, mandate, then paid, refused, abandoned or stopped
    resultrans: str  # empty until there is an outcome
    opened_at: datetime
    decided_at: datetime | None
    numauto: str  # once paid: 6 characters by card, 16 by prélèvement
    stopped_by: str | None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["opened_at"] = stamp(self.opened_at)
        told["decided_at"] = stamp(self.decided_at) if self.decided_at else None
        return told
