"""One transaction as every other part reads it, and the letters PayFiP uses for outcomes."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from regal_sandbox.store import stamp

RESULTRANS = {"paid": "P", "refused": "R", "abandoned": "A"}  # by card
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
    state: str  # recap, card, paid, refused, abandoned, stopped
    resultrans: str  # empty until there is an outcome
    opened_at: datetime
    decided_at: datetime | None
    numauto: str  # six hexadecimal characters once paid
    stopped_by: str | None

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["opened_at"] = stamp(self.opened_at)
        told["decided_at"] = stamp(self.decided_at) if self.decided_at else None
        return told
