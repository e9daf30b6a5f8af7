"""What other invariants ask of money received otherwise than online, and of reversals."""

from collections.abc import Iterator

from regal.payments.counter import digest_of
from regal.payments.models import CounterReceipt
from regal.proof.findings import Row, Snapshot

WHENCE = (
    """SELECT r.collectivite_id, 'receipt ' || r.id || ': ' || count(s.id) || ' settlement(s)'
    FROM payments_counterreceipt r LEFT JOIN payments_settlement s
        ON s.collectivite_id = r.collectivite_id AND s.receipt_id = r.id
    GROUP BY r.collectivite_id, r.id HAVING count(s.id) <> 1""",
    """SELECT collectivite_id, 'settlement ' || id || ': of an attempt and of a receipt' FROM payments_settlement
    WHERE receipt_id IS NOT NULL AND (attempt_id IS NOT NULL OR account_id IS NOT NULL OR evidence_id IS NOT NULL
        OR rank IS NOT NULL)""",
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': '
        || CASE WHEN a.is_reversed THEN 'marked reversed, without a reversal' ELSE 'reversed, and not marked' END
    FROM payments_attempt a
    LEFT JOIN payments_settlement s ON s.collectivite_id = a.collectivite_id AND s.attempt_id = a.id
    LEFT JOIN payments_reversal v ON v.collectivite_id = s.collectivite_id AND v.settlement_id = s.id
    WHERE a.is_reversed <> (v.id IS NOT NULL)""",
)

RECEIPTS_ALIKE = (
    """SELECT r.collectivite_id, 'receipt ' || r.id || ': differs from its settlement or its titre'
    FROM payments_counterreceipt r
    JOIN payments_settlement s ON s.collectivite_id = r.collectivite_id AND s.receipt_id = r.id
    JOIN titres_titre t ON t.collectivite_id = r.collectivite_id AND t.id = r.titre_id
    WHERE (s.amount_cents, s.debt_reference, s.exercice, r.regie_id, r.product_id)
        IS DISTINCT FROM (r.amount_cents, t.reference, t.exercice, t.regie_id, t.product_id)""",
    """SELECT e.collectivite_id, 'journal entry ' || e.number || ': differs from its receipt'
    FROM journal_entry e
    JOIN payments_settlement s ON s.collectivite_id = e.collectivite_id AND s.receipt_id = e.receipt_id
    JOIN payments_counterreceipt r ON r.collectivite_id = s.collectivite_id AND r.id = s.receipt_id
    WHERE e.kind = 'settlement' AND (
        (e.amount_cents, e.environment, e.debt_reference, e.exercice, e.regie_id, e.means, e.author)
        IS DISTINCT FROM (r.amount_cents, s.environment, s.debt_reference, s.exercice, r.regie_id, r.means,
            coalesce(r.made_by_id::text, 'regal'))
        OR NOT e.digests ? r.digest)""",
)

RECEIPTS_PROVE = (
    """SELECT collectivite_id, 'receipt ' || id || ': without its voucher' FROM payments_counterreceipt
    WHERE means NOT IN ('cash', 'cheque', 'card', 'transfer', 'vouchers')
        OR means = 'cheque' AND (bank = '' OR piece = '')""",
    """SELECT s.collectivite_id, 'receipt ' || s.receipt_id || ': not real money' FROM payments_settlement s
    WHERE s.receipt_id IS NOT NULL AND s.environment <> 'production'""",
    """SELECT r.collectivite_id, 'receipt ' || r.id || ': of a debt that the comptable collects'
    FROM payments_counterreceipt r JOIN titres_titre t
        ON t.collectivite_id = r.collectivite_id AND t.id = r.titre_id
    WHERE t.collector <> 'regie'""",
)

REVERSALS_IN_BOOKS = (
    """SELECT coalesce(v.collectivite_id, e.collectivite_id),
        coalesce('reversal ' || v.id || ' of settlement ' || v.settlement_id, 'journal entry ' || e.number)
        || ': not in the books as it is'
    FROM (
        SELECT v.id, v.collectivite_id, v.settlement_id, v.cause, v.made_by_id, v.accounting_day, v.made_at,
            s.amount_cents, c.id AS corrected, c.account_id, c.environment, c.attempt_id, c.regie_id, c.receipt_id,
            c.means, c.debt_reference, c.exercice
        FROM payments_reversal v
        JOIN payments_settlement s ON s.collectivite_id = v.collectivite_id AND s.id = v.settlement_id
        JOIN journal_entry c ON c.collectivite_id = s.collectivite_id AND c.kind = 'settlement'
            AND c.attempt_id IS NOT DISTINCT FROM s.attempt_id AND c.receipt_id IS NOT DISTINCT FROM s.receipt_id
    ) AS v
    FULL JOIN (SELECT * FROM journal_entry WHERE kind = 'reversal') AS e
        ON e.collectivite_id = v.collectivite_id AND e.corrects_id = v.corrected
    WHERE v.id IS NULL OR e.id IS NULL OR (e.amount_cents, e.account_id, e.environment, e.attempt_id, e.regie_id,
        e.receipt_id, e.means, e.debt_reference, e.exercice, e.reason, e.author, e.accounting_day, e.occurred_at)
        IS DISTINCT FROM (v.amount_cents, v.account_id, v.environment, v.attempt_id, v.regie_id, v.receipt_id,
        v.means, v.debt_reference, v.exercice, v.cause, coalesce(v.made_by_id::text, 'regal'), v.accounting_day,
        v.made_at)""",
    """SELECT collectivite_id, 'settlement ' || settlement_id || ': reversed ' || count(*) || ' times'
    FROM payments_reversal GROUP BY collectivite_id, settlement_id HAVING count(*) > 1""",
)

DAYS_OF_RECEIPTS = (
    """SELECT r.collectivite_id, 'receipt ' || r.id || ': received on ' || r.received_on || ', booked on '
        || s.accounting_day
    FROM payments_counterreceipt r JOIN payments_settlement s
        ON s.collectivite_id = r.collectivite_id AND s.receipt_id = r.id
    WHERE s.accounting_day <> r.received_on
        OR r.received_on > (r.made_at AT TIME ZONE 'Europe/Paris')::date""",
    """SELECT v.collectivite_id, 'reversal ' || v.id || ': time or day'
    FROM payments_reversal v JOIN payments_settlement s
        ON s.collectivite_id = v.collectivite_id AND s.id = v.settlement_id
    WHERE v.accounting_day <> (v.made_at AT TIME ZONE 'Europe/Paris')::date""",
    """SELECT e.collectivite_id, 'journal entry ' || e.number || ': time or day of a receipt'
    FROM journal_entry e JOIN payments_settlement s
        ON s.collectivite_id = e.collectivite_id AND s.receipt_id = e.receipt_id
    WHERE e.kind = 'settlement' AND (e.occurred_at, e.accounting_day)
        IS DISTINCT FROM (s.occurred_at, s.accounting_day)""",
)


def digests_of_receipts(snapshot: Snapshot) -> Iterator[Row]:
    """Every receipt's digest, computed again from its columns."""
    for receipt in CounterReceipt.objects.using(snapshot.using).order_by("pk").iterator(chunk_size=5000):
        if receipt.digest != digest_of(receipt):
            yield receipt.collectivite_id, f"receipt {receipt.pk}: not what its digest says"
