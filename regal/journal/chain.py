"""What an entry's hash covers: every column but the hash itself and the row's own id, chained to the entry before."""

from regal.journal.models import Entry
from regal.lib import canonical

GENESIS = "0" * 64


def hash_of(entry: Entry) -> str:
    """SHA-256 in hexadecimal over the canonical JSON of the entry's columns, the previous hash among them."""
    return canonical.digest(
        {
            "collectivite": entry.collectivite_id,
            "number": entry.number,
            "kind": str(entry.kind),
            "account": entry.account_id,
            "environment": entry.environment,
            "attempt": entry.attempt_id,
            "debt_reference": entry.debt_reference,
            "exercice": entry.exercice,
            "cents": None if entry.amount is None else entry.amount.cents,
            "occurred_at": entry.occurred_at,
            "accounting_day": entry.accounting_day,
            "recorded_at": entry.recorded_at,
            "digests": entry.digests,
            "corrects": entry.corrects_id,
            "author": entry.author,
            "reason": entry.reason,
            "previous_hash": entry.previous_hash,
            **_received_otherwise(entry),
        }
    )


def _received_otherwise(entry: Entry) -> dict[str, object]:
    """Columns that came later: covered where they say something, so that the hashes before stay true."""
    said = {"regie": entry.regie_id, "receipt": entry.receipt_id, "means": entry.means}
    return {name: value for name, value in said.items() if value}
