"""What other invariants ask of signed messages: no signature settles alone what it is not bound to."""

from collections.abc import Iterator
from datetime import timedelta

from regal.payments.confirmation import confirmation_due_at
from regal.proof.findings import Invariant, Row, Snapshot

OPENED_WITHIN = timedelta(hours=2)  # the duty that opens these cases comes round every hour

SIGNED_SETTLEMENTS = (
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': by rank 1, yet nothing is signed there'
    FROM payments_settlement s JOIN collectivites_gatewayaccount g
        ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
    WHERE s.rank = 1 AND g.gateway <> ALL (%(signed_gateways)s::text[])""",
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': by what the browser brought'
    FROM payments_settlement s JOIN payments_evidence v
        ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
    WHERE v.source = 'return'""",
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': signed, at no secret address'
    FROM payments_settlement s JOIN payments_evidence v
        ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
    LEFT JOIN payments_inboxmessage m ON m.collectivite_id = v.collectivite_id AND m.id = v.message_id
    WHERE s.rank = 1 AND (m.id IS NULL OR m.attempt_id IS NOT NULL)""",
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': confirmed, yet of no signed message'
    FROM payments_settlement s JOIN collectivites_gatewayaccount g
        ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
    WHERE s.rank = 2 AND s.transaction <> '' AND g.gateway = ANY (%(signed_gateways)s::text[]) AND NOT EXISTS (
        SELECT 1 FROM payments_evidence v WHERE v.collectivite_id = s.collectivite_id AND v.attempt_id = s.attempt_id
            AND v.rank = 1 AND v.verdict = 'fits' AND v.outcome = 'paid'
            AND v.facts->>'transaction' = s.transaction)""",
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id
        || ': confirmed, yet nothing binds its transaction to its reference'
    FROM payments_settlement s JOIN payments_attempt a
        ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
    WHERE s.rank = 2 AND g.gateway = ANY (%(signed_gateways)s::text[]) AND NOT EXISTS (
        SELECT 1 FROM payments_evidence v JOIN payments_inboxmessage m
            ON m.collectivite_id = v.collectivite_id AND m.id = v.message_id
        WHERE v.collectivite_id = s.collectivite_id AND v.attempt_id = s.attempt_id AND m.attempt_id IS NULL
            AND v.rank = 1 AND v.verdict = 'fits' AND v.outcome = 'paid' AND v.facts->>'transaction' = s.transaction)
        AND NOT EXISTS (
        SELECT 1 FROM payments_evidence v JOIN payments_evidence said
            ON said.collectivite_id = v.collectivite_id AND said.attempt_id = v.attempt_id
            AND said.facts->>'transaction' = v.facts->>'transaction' AND said.facts->>'call' = v.facts->>'call'
        WHERE v.collectivite_id = s.collectivite_id AND v.attempt_id = s.attempt_id AND v.source = 'inquiry'
            AND v.rank = 2 AND v.verdict = 'fits' AND v.facts->>'exists' = 'yes'
            AND v.facts->>'reference' = a.reference AND v.facts->>'transaction' = s.transaction
            AND said.rank = 1 AND said.verdict = 'fits' AND said.outcome = 'paid')""",
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': paid at an impossible moment'
    FROM payments_settlement s
    JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
    WHERE s.rank < 3 AND g.gateway = ANY (%(signed_gateways)s::text[])
        AND (s.occurred_at < coalesce(a.handed_off_at, a.created_at) - interval '2 hours'
            OR s.occurred_at > s.recorded_at + interval '10 minutes')""",
)

PROVISIONAL_MARKS = (
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': '
        || CASE WHEN a.is_provisional THEN 'provisional' ELSE 'not provisional' END || ', its events say otherwise'
    FROM payments_attempt a
    LEFT JOIN payments_settlement s ON s.collectivite_id = a.collectivite_id AND s.attempt_id = a.id AND s.rank = 1
    WHERE a.is_provisional <> (s.id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM payments_attemptevent e JOIN payments_evidence v
            ON v.collectivite_id = e.collectivite_id AND v.id = e.evidence_id
        WHERE e.collectivite_id = a.collectivite_id AND e.attempt_id = a.id AND e.event = 'confirmed'
            AND v.rank >= 2))""",
)

TRANSACTIONS = (
    """SELECT min(collectivite_id), 'account ' || account_id || ': a transaction of attempts '
        || string_agg(attempt_id::text, ', ' ORDER BY attempt_id)
    FROM payments_settlement WHERE transaction <> '' GROUP BY account_id, transaction HAVING count(*) > 1""",
    """SELECT NULL, 'a transaction seen twice: ' || string_agg(id::text, ', ' ORDER BY id)
    FROM payments_transactionseen GROUP BY digest HAVING count(*) > 1""",
)


def unconfirmed(snapshot: Snapshot) -> Iterator[Row]:
    """SQL does not know the public holidays: it finds what is provisional, and the calendar says the rest."""
    for collectivite_id, attempt_id, recorded_at in snapshot.ask(
        """SELECT a.collectivite_id, a.id, s.recorded_at FROM payments_attempt a
        JOIN payments_settlement s ON s.collectivite_id = a.collectivite_id AND s.attempt_id = a.id
        LEFT JOIN cases_case c ON c.collectivite_id = a.collectivite_id AND c.kind = 'not_confirmed'
            AND c.subject_kind = 'attempt' AND c.subject_id = a.id
        WHERE a.is_provisional AND NOT a.is_reversed AND c.id IS NULL
            AND s.recorded_at < %(now)s - interval '2 days' ORDER BY a.id"""
    ):
        if snapshot.now >= confirmation_due_at(recorded_at) + OPENED_WITHIN:
            yield collectivite_id, f"attempt {attempt_id}: provisional for more than two working days, without a case"


SIGNED = (
    Invariant(
        id="I-22",
        sentence="What a signature settles has an authorisation, which outside test is not that of the test platform;"
        " its payer had left, not long ago, and its reference could not be guessed.",
        questions=(
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': authorised by nobody'
            FROM payments_settlement s
            JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
            JOIN payments_evidence v ON v.collectivite_id = s.collectivite_id AND v.attempt_id = s.attempt_id
                AND v.rank = 1 AND v.verdict = 'fits' AND v.outcome = 'paid'
            WHERE coalesce(v.facts->>'authorisation', '') = ''
                OR a.environment <> 'test' AND v.facts->>'authorisation' ~* '^X+$'""",
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': signed before its payer left,'
                || ' or long after'
            FROM payments_settlement s
            JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
            JOIN payments_evidence v ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
            WHERE s.rank = 1 AND (a.handed_off_at IS NULL OR v.received_at < a.handed_off_at - interval '1 minute'
                OR v.received_at > a.handed_off_at + interval '11 days')""",
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': its reference may be guessed'
            FROM payments_attempt a JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
            WHERE g.gateway = ANY (%(signed_gateways)s::text[])
                AND a.reference !~ ('^' || a.debt_reference || '-[A-Za-z0-9]{22}$')""",
        ),
    ),
)
