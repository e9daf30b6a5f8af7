"""Invariants of tickets: what payers in régie are sent."""

from regal.proof.findings import Invariant

OWED = """payments_settlement s
    JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id"""

ONE_TICKET = (
    # the agenda holds one effect of a kind and subject at most
    f"""SELECT s.collectivite_id, 'settlement ' || s.id || ': its payer is owed a ticket, and none is due'
    FROM {OWED}
    WHERE a.titre_id IS NOT NULL AND g.gateway <> 'payfip_url'
        AND EXISTS (SELECT 1 FROM payments_payer p WHERE p.collectivite_id = a.collectivite_id AND p.attempt_id = a.id)
        AND NOT EXISTS (SELECT 1 FROM agenda_effect f WHERE f.collectivite_id = s.collectivite_id
            AND f.kind = 'send_ticket' AND f.subject_id = s.id)""",  # noqa: S608 - our own words
    f"""SELECT f.collectivite_id, 'effect ' || f.id || ': a ticket for what owes none'
    FROM agenda_effect f
    WHERE f.kind = 'send_ticket' AND NOT EXISTS (SELECT 1 FROM {OWED}
        WHERE s.collectivite_id = f.collectivite_id AND s.id = f.subject_id
            AND a.titre_id IS NOT NULL AND g.gateway <> 'payfip_url')""",  # noqa: S608
    """SELECT f.collectivite_id, 'effect ' || f.id || ': its ticket is neither sent nor given up'
    FROM agenda_effect f LEFT JOIN receipts_ticket t ON t.collectivite_id = f.collectivite_id
        AND CASE f.kind WHEN 'send_ticket' THEN t.kind = 'first' AND t.settlement_id = f.subject_id
            ELSE t.kind = 'again' AND t.id = f.subject_id END
    WHERE f.kind IN ('send_ticket', 'send_ticket_copy') AND f.done_at IS NOT NULL
        AND t.sent_at IS NULL AND t.gave_up_at IS NULL""",
    """SELECT t.collectivite_id, 'ticket ' || t.id || ': nobody is to send it'
    FROM receipts_ticket t LEFT JOIN agenda_effect f ON f.collectivite_id = t.collectivite_id
        AND CASE t.kind WHEN 'first' THEN f.kind = 'send_ticket' AND f.subject_id = t.settlement_id
            ELSE f.kind = 'send_ticket_copy' AND f.subject_id = t.id END
    WHERE f.id IS NULL""",
    """SELECT collectivite_id, 'settlement ' || settlement_id || ': ' || count(*) || ' first tickets'
    FROM receipts_ticket WHERE kind = 'first' GROUP BY collectivite_id, settlement_id HAVING count(*) > 1""",
    """SELECT collectivite_id, 'ticket ' || id || ': its sending makes no sense'
    FROM receipts_ticket
    WHERE message_id = '' OR uncertain > 2 OR uncertain > tries OR (gave_up_at IS NULL) <> (why = '')
        OR sent_at IS NOT NULL AND (gave_up_at IS NOT NULL OR started_at IS NULL OR tries = 0)
        OR why = 'not_known' AND uncertain < 2 OR uncertain = 2 AND why <> 'not_known'""",
    """SELECT t.collectivite_id, 'ticket ' || t.id || ': it could not be sent, without a case'
    FROM receipts_ticket t JOIN payments_settlement s
        ON s.collectivite_id = t.collectivite_id AND s.id = t.settlement_id
    WHERE t.why IN ('bad_address', 'not_known')
        AND NOT EXISTS (SELECT 1 FROM cases_case c WHERE c.collectivite_id = t.collectivite_id
            AND c.kind = 'ticket_not_sent' AND c.subject_kind = 'attempt' AND c.subject_id = s.attempt_id)""",
)

TICKETS = (
    Invariant(
        id="I-28",
        sentence="No ticket waits more than 15 minutes after it was owed: while the mail is away, or refuses them,"
        " they wait, and none is lost.",
        questions=(
            """SELECT f.collectivite_id, 'effect ' || f.id || ': a ticket waits'
            FROM agenda_effect f
            LEFT JOIN payments_settlement s ON s.collectivite_id = f.collectivite_id AND s.id = f.subject_id
                AND f.kind = 'send_ticket'
            LEFT JOIN receipts_ticket t ON t.collectivite_id = f.collectivite_id AND t.id = f.subject_id
                AND f.kind = 'send_ticket_copy'
            WHERE f.kind IN ('send_ticket', 'send_ticket_copy') AND f.done_at IS NULL
                AND coalesce(s.recorded_at, t.owed_at) < %(now)s - interval '15 minutes'""",
        ),
        is_up_to_people=True,
    ),
)
