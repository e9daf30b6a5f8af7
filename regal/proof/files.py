"""Invariants of accounting files: what they confirm, what they contradict, what they lack."""

from regal.proof.findings import Invariant
from regal.proof.imports import IMPORTS_OF_TITRES

# Which contracts a file speaks of: the régie's of its client number, the comptable's of its budget's SIRET, or those of
# Paybox whose site and rank it names.
_ACCOUNTS_OF_FILES = """
    SELECT f.collectivite_id, f.id AS file_id, f.covers_from, f.covers_to, f.confirmed_at, g.id AS account_id
    FROM reconciliation_depositedfile f
    LEFT JOIN collectivites_gatewayaccount chosen
        ON chosen.collectivite_id = f.collectivite_id AND chosen.id = f.account_id
    LEFT JOIN collectivites_budget named ON named.collectivite_id = f.collectivite_id AND named.id = f.budget_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = f.collectivite_id AND g.environment <> 'test'
    LEFT JOIN collectivites_budget b ON b.collectivite_id = g.collectivite_id AND b.id = g.budget_id
    WHERE (f.kind = 'regisseur_csv' AND g.debt_kind = 'regie' AND g.identifier = chosen.identifier)
        OR (f.kind = 'pes_retour' AND g.debt_kind <> 'regie' AND b.siret = named.siret)
        OR (f.kind = 'paybox_remise' AND g.gateway = 'paybox'
            AND regexp_replace(g.identifier, '-[^-]*$', '') = ANY (string_to_array(f.contracts, ' ')))
"""

_ABSENT_UNTOLD = f"""WITH covered AS ({_ACCOUNTS_OF_FILES})
    SELECT DISTINCT a.collectivite_id, 'attempt ' || a.id || ': in no file, and nobody was told'
    FROM payments_attempt a
    JOIN covered f ON f.collectivite_id = a.collectivite_id AND f.account_id = a.account_id
        AND f.confirmed_at < %(now)s - interval '1 day'
        AND (a.announced_at AT TIME ZONE 'Europe/Paris')::date BETWEEN f.covers_from AND f.covers_to
    JOIN payments_attemptevent e ON e.collectivite_id = a.collectivite_id AND e.attempt_id = a.id
        AND e.event = 'announced' AND e.outcome = 'paid' AND e.recorded_at < %(now)s - interval '1 day'
    LEFT JOIN cases_case c ON c.collectivite_id = a.collectivite_id AND c.kind = 'absent_from_file'
        AND c.subject_kind = 'attempt' AND c.subject_id = a.id
    WHERE a.standing = 'announced_paid' AND c.id IS NULL
        AND (a.announced_at AT TIME ZONE 'Europe/Paris')::date <= %(absent_day)s
        AND EXISTS (SELECT 1 FROM procrastinate_workers
            WHERE last_heartbeat > %(now)s - interval '30 seconds')"""  # noqa: S608 - our own text

_SETTLED_UNFILED = f"""WITH covered AS ({_ACCOUNTS_OF_FILES})
    SELECT DISTINCT s.collectivite_id, 'attempt ' || s.attempt_id || ': settled, in no remise, and nobody was told'
    FROM payments_settlement s
    JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
        AND g.gateway = 'paybox'
    JOIN covered f ON f.collectivite_id = s.collectivite_id AND f.account_id = s.account_id
        AND f.confirmed_at < %(now)s - interval '1 day' AND s.accounting_day BETWEEN f.covers_from AND f.covers_to
    LEFT JOIN reconciliation_filedline l ON l.collectivite_id = s.collectivite_id AND l.attempt_id = s.attempt_id
        AND l.result IN ('confirmed', 'already_confirmed', 'firm')
    LEFT JOIN cases_case c ON c.collectivite_id = s.collectivite_id AND c.kind = 'absent_from_file'
        AND c.subject_kind = 'attempt' AND c.subject_id = s.attempt_id
    WHERE s.rank < 3 AND NOT a.is_provisional AND NOT a.is_reversed AND s.recorded_at < %(now)s - interval '1 day'
        AND s.accounting_day <= %(absent_day)s AND l.id IS NULL AND c.id IS NULL
        AND EXISTS (SELECT 1 FROM procrastinate_workers
            WHERE last_heartbeat > %(now)s - interval '30 seconds')"""  # noqa: S608 - our own text

FILES = (
    Invariant(
        id="I-30",
        sentence="Of what was announced paid, what the file of its day lacks waits for a person within a day; so does"
        " what Paybox answered paid, and no remise contains.",
        questions=(_ABSENT_UNTOLD, _SETTLED_UNFILED),
    ),
    Invariant(
        id="I-38",
        sentence="A file is taken once and whole; its lines are those it had; of titres, none is brought twice, and"
        " what was paid is never altered by one.",
        questions=(
            *IMPORTS_OF_TITRES,
            """SELECT collectivite_id, 'files ' || string_agg(id::text, ', ' ORDER BY id) || ': the same bytes'
            FROM reconciliation_depositedfile WHERE discarded_at IS NULL
            GROUP BY collectivite_id, digest HAVING count(*) > 1""",
            """SELECT collectivite_id, 'file ' || id || ': its bytes are not those of its digest'
            FROM reconciliation_depositedfile
            WHERE content IS NOT NULL AND digest <> encode(sha256(content), 'hex')""",
            """SELECT f.collectivite_id, 'file ' || f.id || ': ' || count(l.id) || ' line(s) and '
                || coalesce(sum(l.amount_cents) FILTER (WHERE l.kind = 'payment'), 0) || ' cents'
            FROM reconciliation_depositedfile f LEFT JOIN reconciliation_filedline l
                ON l.collectivite_id = f.collectivite_id AND l.file_id = f.id
            GROUP BY f.collectivite_id, f.id, f.count, f.total_cents, f.confirmed_at
            HAVING count(l.id) <> CASE WHEN f.confirmed_at IS NULL THEN 0 ELSE f.count END
                OR coalesce(sum(l.amount_cents) FILTER (WHERE l.kind = 'payment'), 0)
                    <> CASE WHEN f.confirmed_at IS NULL THEN 0 ELSE f.total_cents END""",
            """SELECT f.collectivite_id, 'file ' || f.id || ': confirmed, and nobody is to do it'
            FROM reconciliation_depositedfile f LEFT JOIN agenda_effect e ON e.collectivite_id = f.collectivite_id
                AND e.kind = 'confirm_file' AND e.subject_id = f.id
            WHERE f.confirm_asked_at IS NOT NULL AND e.id IS NULL""",
        ),
    ),
)

# What I-08 asks of days that a file reconciles.
RECONCILED_DAYS = (
    """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': of a file, and of no line'
    FROM payments_settlement s
    JOIN payments_evidence v ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
    LEFT JOIN reconciliation_filedline l ON l.collectivite_id = s.collectivite_id AND l.evidence_id = v.id
        AND l.attempt_id = s.attempt_id AND l.result = 'confirmed'
    WHERE v.source = 'file' AND l.id IS NULL""",
    """SELECT l.collectivite_id, 'line ' || l.file_id || '.' || l.number || ': ' || l.result || ', and not settled so'
    FROM reconciliation_filedline l
    LEFT JOIN payments_settlement s ON s.collectivite_id = l.collectivite_id AND s.attempt_id = l.attempt_id
    WHERE l.result IN ('confirmed', 'already_confirmed', 'firm') AND (s.id IS NULL OR s.amount_cents <> l.amount_cents
        OR l.result = 'confirmed' AND s.evidence_id IS DISTINCT FROM l.evidence_id
        OR l.transaction <> '' AND s.transaction NOT IN ('', l.transaction))""",
    """SELECT l.collectivite_id, 'line ' || l.file_id || '.' || l.number || ': ' || l.result
        || ', and still provisional'
    FROM reconciliation_filedline l
    JOIN payments_attempt a ON a.collectivite_id = l.collectivite_id AND a.id = l.attempt_id
    WHERE l.result IN ('confirmed', 'already_confirmed', 'firm') AND a.is_provisional""",
    """SELECT collectivite_id, 'transaction ' || transaction || ' of ' || contract || ': paid '
        || count(DISTINCT attempt_id) || ' attempts'
    FROM reconciliation_filedline
    WHERE transaction <> '' AND result IN ('confirmed', 'already_confirmed', 'firm')
    GROUP BY collectivite_id, contract, transaction HAVING count(DISTINCT attempt_id) > 1""",
    """SELECT l.collectivite_id, 'line ' || l.file_id || '.' || l.number || ': ' || l.result || ', and no case'
    FROM reconciliation_filedline l LEFT JOIN cases_case c
        ON c.collectivite_id = l.collectivite_id AND (
            (l.result, c.kind) IN (('ambiguous', 'ambiguous_line'), ('paid_twice', 'double_payment'))
                AND c.subject_kind = 'filed_line' AND c.subject_id = l.id
            OR l.result = 'other_amount' AND c.kind = 'other_amount' AND c.subject_kind = 'attempt'
                AND c.subject_id = l.attempt_id)
    WHERE l.result IN ('ambiguous', 'other_amount', 'paid_twice') AND NOT l.is_repeated AND c.id IS NULL""",
    """SELECT l.collectivite_id, 'line ' || l.file_id || '.' || l.number || ': ' || l.result
        || ' of a payment, and no case'
    FROM reconciliation_filedline l
    JOIN reconciliation_depositedfile f ON f.collectivite_id = l.collectivite_id AND f.id = l.file_id
    JOIN payments_settlement s ON s.collectivite_id = l.collectivite_id AND s.attempt_id = l.attempt_id
    JOIN payments_evidence v ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
    LEFT JOIN cases_case c ON c.collectivite_id = l.collectivite_id AND c.kind = 'contradiction'
        AND c.subject_kind = 'attempt' AND c.subject_id = l.attempt_id
    WHERE l.result IN ('refund', 'cancelled') AND NOT l.is_repeated AND c.id IS NULL
        AND (s.recorded_at <= f.confirmed_at OR v.source = 'file')""",
    """SELECT v.collectivite_id, 'evidence ' || v.id || ': of a file, and of no line'
    FROM payments_evidence v LEFT JOIN reconciliation_filedline l
        ON l.collectivite_id = v.collectivite_id AND l.evidence_id = v.id AND l.attempt_id = v.attempt_id
    WHERE v.source = 'file' AND l.id IS NULL""",
)

# What I-23 asks of files: tests move no money, and a file's lines are of the contracts that it speaks of.
ACCOUNTS_OF_LINES = f"""WITH spoken_of AS ({_ACCOUNTS_OF_FILES})
    SELECT l.collectivite_id, 'line ' || l.file_id || '.' || l.number || ': of an account that its file does not name'
    FROM reconciliation_filedline l
    JOIN payments_attempt a ON a.collectivite_id = l.collectivite_id AND a.id = l.attempt_id
    LEFT JOIN spoken_of s ON s.collectivite_id = l.collectivite_id AND s.file_id = l.file_id
        AND s.account_id = a.account_id
    LEFT JOIN collectivites_gatewayaccount g ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
    WHERE s.account_id IS NULL OR l.contract NOT IN ('', regexp_replace(g.identifier, '-[^-]*$', ''))"""  # noqa: S608 - our own text
