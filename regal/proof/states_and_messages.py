"""Invariants of attempts, of what is heard of them, and of work that is due."""

from regal.proof.cases import CASES_THAT_MUST_EXIST, HISTORY
from regal.proof.findings import Invariant
from regal.proof.repairs import LEASES
from regal.proof.signed import PROVISIONAL_MARKS
from regal.proof.titres import BLOCKED_TITRES, HISTORY_OF_TITRES, UNWARNED_OF_TITRES

STATES_AND_MESSAGES = (
    Invariant(
        id="I-14",
        sentence="The status of an attempt, or of a titre, is the fold of its events through the declared table; a"
        " titre is held by a live attempt of its own.",
        questions=(
            """SELECT e.collectivite_id, 'event ' || e.attempt_id || '.' || e.number || ': not in the table'
            FROM payments_attemptevent e LEFT JOIN
                unnest(%(edges_from)s::text[], %(edges_event)s::text[], %(edges_to)s::text[])
                    AS t(source, event, target)
                ON (t.source, t.event, t.target) = (e.from_state, e.event, e.to_state)
            WHERE t.event IS NULL""",
            """SELECT collectivite_id, 'event ' || attempt_id || '.' || number || ': out of order'
            FROM (
                SELECT collectivite_id, attempt_id, number, from_state,
                    row_number() OVER ordered AS expected, coalesce(lag(to_state) OVER ordered, '') AS before
                FROM payments_attemptevent
                WINDOW ordered AS (PARTITION BY collectivite_id, attempt_id ORDER BY number, id)
            ) AS steps WHERE number <> expected OR from_state <> before""",
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': ' || a.status || ', its events say '
                || coalesce(last.to_state, 'nothing')
            FROM payments_attempt a LEFT JOIN (
                SELECT DISTINCT ON (collectivite_id, attempt_id) collectivite_id, attempt_id, to_state
                FROM payments_attemptevent ORDER BY collectivite_id, attempt_id, number DESC
            ) AS last ON last.collectivite_id = a.collectivite_id AND last.attempt_id = a.id
            WHERE last.to_state IS DISTINCT FROM a.status""",
            """WITH said AS (
                SELECT DISTINCT ON (collectivite_id, attempt_id) collectivite_id, attempt_id, outcome, occurred_at
                FROM payments_attemptevent WHERE event = 'announced'
                ORDER BY collectivite_id, attempt_id, outcome = 'paid' DESC,
                    CASE WHEN outcome = 'paid' THEN number ELSE -number END
            )
            SELECT a.collectivite_id, 'attempt ' || a.id || ': not what was announced'
            FROM payments_attempt a LEFT JOIN said ON said.collectivite_id = a.collectivite_id
                AND said.attempt_id = a.id
            WHERE a.announced <> coalesce(said.outcome, '') OR a.announced_at IS DISTINCT FROM said.occurred_at""",
            """SELECT collectivite_id, 'event ' || attempt_id || '.' || number || ': outcome'
            FROM payments_attemptevent WHERE (event = 'announced') <> (outcome <> '')""",
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': ' || a.status || ' is impossible in form mode'
            FROM payments_attempt a JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
            WHERE g.gateway = 'payfip_url' AND a.status <> ALL (%(form_mode)s::text[])""",
            *HISTORY_OF_TITRES,
            *PROVISIONAL_MARKS,
        ),
    ),
    Invariant(
        id="I-16",
        sentence="A second live hand-off of one debt and amount, or of one titre whatever its amount, carries a"
        " recorded warning, also while PayFiP may still take back a refusal; no titre that is paid, cancelled or"
        " blocked is handed off.",
        # Rows are numbered in the order in which payers of one debt pass (`payments.operations._queue_for_debt`). What
        # was being written while the second passed may count or not: only what is certain is reported.
        questions=(
            """SELECT later.collectivite_id, 'attempt ' || later.id || ': not warned of attempt ' || earlier.id
            FROM payments_attempt later
            JOIN payments_attempt earlier ON earlier.collectivite_id = later.collectivite_id
                AND earlier.account_id = later.account_id AND earlier.debt_reference = later.debt_reference
                AND earlier.amount_cents = later.amount_cents AND earlier.id < later.id
            JOIN payments_attemptevent first ON first.collectivite_id = later.collectivite_id
                AND first.attempt_id = later.id AND first.number = 1
            JOIN payments_attemptevent gone ON gone.collectivite_id = earlier.collectivite_id
                AND gone.attempt_id = earlier.id AND gone.event = 'payer_left' AND gone.id < first.id
            WHERE NOT later.warned AND later.titre_id IS NULL AND (
                NOT EXISTS (SELECT 1 FROM payments_attemptevent e WHERE e.collectivite_id = earlier.collectivite_id
                    AND e.attempt_id = earlier.id AND e.id < first.id
                    AND (e.event
                        IN ('refused', 'abandoned', 'outcome_unknown', 'fell_silent', 'never_left', 'key_denied')
                        OR (e.event = 'announced' AND e.outcome IN ('refused', 'abandoned'))))
                OR EXISTS (SELECT 1 FROM payments_attemptevent e WHERE e.collectivite_id = earlier.collectivite_id
                    AND e.attempt_id = earlier.id AND e.recorded_at < later.created_at - interval '5 minutes'
                    AND (e.event = 'settled' OR (e.event = 'announced' AND e.outcome = 'paid'))))""",
            *UNWARNED_OF_TITRES,
            *BLOCKED_TITRES,
        ),
    ),
    Invariant(
        id="I-17",
        sentence="No hand-off before its record: the gateway never knows a reference that we have not stored.",
        questions=(
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': left before it was recorded'
            FROM payments_attempt a
            LEFT JOIN payments_attemptevent left_ ON left_.collectivite_id = a.collectivite_id
                AND left_.attempt_id = a.id AND left_.event = 'payer_left'
            LEFT JOIN payments_attemptevent recorded ON recorded.collectivite_id = a.collectivite_id
                AND recorded.attempt_id = a.id AND recorded.event = 'recorded'
            WHERE (a.status = 'handed_off' OR a.handed_off_at IS NOT NULL OR left_.id IS NOT NULL)
                AND (left_.id IS NULL OR recorded.id IS NULL OR recorded.number >= left_.number
                    OR left_.occurred_at < recorded.occurred_at OR a.handed_off_at IS DISTINCT
                        FROM left_.occurred_at)""",
            """SELECT m.collectivite_id, 'message ' || m.id || ': older than its attempt'
            FROM payments_inboxmessage m JOIN payments_attempt a
                ON a.collectivite_id = m.collectivite_id AND a.id = m.attempt_id
            WHERE m.received_at < a.created_at - interval '1 minute'""",
        ),
    ),
    Invariant(
        id="I-18",
        sentence="Every message is stored raw before any effect, and its judgement is due or done.",
        questions=(
            """SELECT m.collectivite_id, 'message ' || m.id || ': nobody is to judge it'
            FROM payments_inboxmessage m LEFT JOIN agenda_effect f ON f.collectivite_id = m.collectivite_id
                AND f.kind = 'judge_message' AND f.subject_id = m.id
            WHERE f.id IS NULL""",
            """SELECT f.collectivite_id, 'message ' || f.subject_id || ': judged, yet nothing was kept of it'
            FROM agenda_effect f LEFT JOIN payments_evidence v
                ON v.collectivite_id = f.collectivite_id AND v.message_id = f.subject_id
            WHERE f.kind = 'judge_message' AND f.done_at IS NOT NULL AND v.id IS NULL""",
            """SELECT collectivite_id, 'message ' || id || ': its bytes are not those of its digest'
            FROM payments_inboxmessage
            WHERE CASE WHEN query IS NULL AND body IS NULL THEN false ELSE digest IS DISTINCT FROM encode(sha256(
                convert_to(octet_length(method) || ':' || method || octet_length(query) || ':', 'UTF8') || query
                || convert_to(octet_length(body) || ':', 'UTF8') || body), 'hex') END""",
            """SELECT m.collectivite_id, 'message ' || m.id || ': its bytes went before it was judged'
            FROM payments_inboxmessage m LEFT JOIN payments_evidence v
                ON v.collectivite_id = m.collectivite_id AND v.message_id = m.id
            WHERE m.query IS NULL AND m.body IS NULL AND v.id IS NULL""",
            """SELECT m.collectivite_id, 'message ' || m.id || ': cut, yet read'
            FROM payments_inboxmessage m JOIN payments_evidence v
                ON v.collectivite_id = m.collectivite_id AND v.message_id = m.id
            WHERE m.is_cut AND v.verdict <> 'unreadable'""",
        ),
    ),
    Invariant(
        id="I-19",
        sentence="What is not proved changes no status and settles nothing; what changes a status names its evidence.",
        questions=(
            """SELECT e.collectivite_id, 'event ' || e.attempt_id || '.' || e.number || ': moved by rank ' || v.rank
            FROM payments_attemptevent e JOIN payments_evidence v
                ON v.collectivite_id = e.collectivite_id AND v.id = e.evidence_id
            JOIN collectivites_gatewayaccount g ON g.collectivite_id = v.collectivite_id AND g.id = v.account_id
            WHERE v.rank < CASE WHEN g.gateway = ANY (%(signed_gateways)s::text[]) THEN 1 ELSE 2 END
                AND (e.from_state <> e.to_state OR e.event <> 'announced')""",
            """SELECT collectivite_id, 'event ' || attempt_id || '.' || number || ': without evidence'
            FROM payments_attemptevent
            WHERE evidence_id IS NULL AND event NOT IN ('recorded', 'key_asked', 'key_given', 'key_denied',
                'payer_left', 'fell_silent', 'never_left')""",
            """SELECT collectivite_id, 'event ' || attempt_id || '.' || number || ': ours, yet with evidence'
            FROM payments_attemptevent
            WHERE evidence_id IS NOT NULL
                AND event IN ('recorded', 'key_asked', 'key_given', 'key_denied', 'payer_left')""",
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': by rank ' || v.rank
            FROM payments_settlement s JOIN payments_evidence v
                ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
            WHERE v.rank = 0""",
        ),
    ),
    Invariant(
        id="I-21",
        sentence="What contradicts, speaks of another payment, is unknown or is paid twice waits in exactly one case;"
        " the case is the fold of its events, and its end says who decided what and why, or which rule closed it.",
        questions=(
            *CASES_THAT_MUST_EXIST,
            *HISTORY,
            """SELECT wanted.collectivite_id, 'attempt ' || wanted.attempt_id || ': ' || wanted.kind
                || ' without a case'
            FROM (
                SELECT collectivite_id, attempt_id, 'contradiction' AS kind FROM payments_attemptevent
                WHERE event = 'contradicted'
                UNION
                SELECT collectivite_id, attempt_id, 'unknown_outcome' FROM payments_attemptevent
                WHERE event = 'outcome_unknown'
                UNION
                SELECT collectivite_id, attempt_id, 'other_payment' FROM payments_evidence
                WHERE verdict = 'differs' AND attempt_id IS NOT NULL
            ) AS wanted LEFT JOIN cases_case c ON c.collectivite_id = wanted.collectivite_id
                AND c.kind = wanted.kind AND c.subject_kind = 'attempt' AND c.subject_id = wanted.attempt_id
            WHERE c.id IS NULL""",
            """SELECT collectivite_id, kind || ' of ' || subject_kind || ' ' || subject_id || ': ' || count(*)
                || ' open cases'
            FROM cases_case WHERE closed_at IS NULL
            GROUP BY collectivite_id, kind, subject_kind, subject_id HAVING count(*) > 1""",
        ),
    ),
    Invariant(
        id="I-24",
        sentence="While a worker is alive, no message waits more than 60 s for its judgement.",
        questions=(
            """SELECT m.collectivite_id, 'message ' || m.id || ': not judged'
            FROM payments_inboxmessage m LEFT JOIN payments_evidence v
                ON v.collectivite_id = m.collectivite_id AND v.message_id = m.id
            WHERE v.id IS NULL AND m.received_at < %(now)s - interval '60 seconds'
                AND EXISTS (SELECT 1 FROM procrastinate_workers
                    WHERE last_heartbeat > %(now)s - interval '30 seconds')""",
        ),
    ),
    Invariant(
        id="I-29",
        sentence="While a worker is alive, nothing that is due waits more than 120 s, nor does a question that somebody"
        " died on.",
        questions=(
            *LEASES,
            """SELECT collectivite_id, 'effect ' || id || ': ' || kind || ' ' || subject_id || ' is overdue'
            FROM agenda_effect
            WHERE done_at IS NULL AND due_at < %(now)s - interval '120 seconds'
                AND EXISTS (SELECT 1 FROM procrastinate_workers
                    WHERE last_heartbeat > %(now)s - interval '30 seconds')""",
        ),
    ),
)
