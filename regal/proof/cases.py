"""Invariants of what waits for a person."""

from collections.abc import Iterator

from regal.cases.delays import look_due_at
from regal.proof.findings import Invariant, Row, Snapshot

CASES_THAT_MUST_EXIST = (
    """SELECT s.collectivite_id, 'attempt ' || min(s.attempt_id) || ': ' || count(*)
        || ' settlements of its invoice, and ' || count(c.id) || ' double_payment cases'
    FROM payments_settlement s
    JOIN payments_attempt t ON t.collectivite_id = s.collectivite_id AND t.id = s.attempt_id
    JOIN collectivites_gatewayaccount a ON a.collectivite_id = s.collectivite_id AND a.id = s.account_id
    LEFT JOIN LATERAL (SELECT min(id) AS id FROM cases_case
        WHERE collectivite_id = s.collectivite_id AND kind = 'double_payment' AND subject_kind = 'attempt'
            AND subject_id = s.attempt_id) c ON true
    WHERE a.debt_kind = 'regie' AND t.titre_id IS NULL AND NOT t.is_reversed
    GROUP BY s.collectivite_id, s.account_id, s.debt_reference
    HAVING count(*) > 1 AND count(c.id) < count(*) - 1""",
    """SELECT late.collectivite_id, 'attempt ' || late.attempt_id || ': paid after its end, without a late_payment case'
    FROM payments_attemptevent late
    JOIN payments_attempt a ON a.collectivite_id = late.collectivite_id AND a.id = late.attempt_id
    LEFT JOIN cases_case c ON c.collectivite_id = late.collectivite_id AND c.kind = 'late_payment'
        AND c.subject_kind = 'attempt' AND c.subject_id = late.attempt_id
    WHERE late.event = 'settled' AND late.from_state IN ('expired_presumed', 'never_started')
        AND a.titre_id IS NOT NULL AND c.id IS NULL""",
)

HISTORY = (
    """SELECT collectivite_id, 'case ' || id || ': closed without who or which rule, a decision, or a reason'
    FROM cases_case
    WHERE CASE WHEN closed_at IS NULL
        THEN closed_by_id IS NOT NULL OR closed_rule <> '' OR decision <> '' OR reason <> ''
        ELSE decision = '' OR (closed_by_id IS NULL) = (closed_rule = '')
            OR (closed_by_id IS NOT NULL AND length(reason) < 10) END""",
    """SELECT collectivite_id, 'case ' || case_id || ': ' || count(*) || ' events, the last is number ' || max(number)
    FROM cases_caseevent GROUP BY collectivite_id, case_id
    HAVING max(number) <> count(*) OR min(number) <> 1""",
    """SELECT e.collectivite_id, 'case ' || e.case_id || ': an event after it was closed'
    FROM cases_caseevent e JOIN cases_caseevent closed
        ON closed.collectivite_id = e.collectivite_id AND closed.case_id = e.case_id AND closed.step = 'closed'
    WHERE e.number > closed.number""",
    """SELECT c.collectivite_id, 'case ' || c.id || ': its row is not the fold of its events'
    FROM cases_case c
    LEFT JOIN cases_caseevent seen ON seen.collectivite_id = c.collectivite_id AND seen.case_id = c.id
        AND seen.step = 'first_seen'
    LEFT JOIN cases_caseevent closed ON closed.collectivite_id = c.collectivite_id AND closed.case_id = c.id
        AND closed.step = 'closed'
    LEFT JOIN LATERAL (SELECT to_user_id FROM cases_caseevent
        WHERE collectivite_id = c.collectivite_id AND case_id = c.id AND step IN ('assigned', 'released')
        ORDER BY number DESC LIMIT 1) held ON true
    WHERE (c.first_seen_at, c.first_seen_by_id) IS DISTINCT FROM (seen.at, seen.by_id)
        OR c.assigned_to_id IS DISTINCT FROM held.to_user_id
        OR (c.closed_at, c.closed_by_id) IS DISTINCT FROM (closed.at, closed.by_id)
        OR (c.closed_rule, c.decision, c.reason) IS DISTINCT FROM
            (coalesce(closed.rule, ''), coalesce(closed.decision, ''), coalesce(closed.text, ''))""",
)


def _never_looked_at(snapshot: Snapshot) -> Iterator[Row]:
    """SQL does not know the public holidays: it finds what is a day old, and the calendar says the rest."""
    for collectivite_id, key, opened_at in snapshot.ask(
        "SELECT collectivite_id, id, opened_at FROM cases_case"
        " WHERE closed_at IS NULL AND first_seen_at IS NULL AND opened_at < %(now)s - interval '1 day' ORDER BY id"
    ):
        if snapshot.now >= look_due_at(opened_at):
            yield collectivite_id, f"case {key}: nobody has looked at it"


CASES = (
    Invariant(
        id="I-31",
        sentence="A case is looked at by the end of the working day after the one it was opened on.",
        questions=(_never_looked_at,),
        is_up_to_people=True,
    ),
)
