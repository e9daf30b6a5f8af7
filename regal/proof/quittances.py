"""Invariants of quittances: what a régie acknowledges to have received."""

from regal.proof.findings import Invariant

_NAMED = "'quittance ' || q.year || '-' || q.number || ' of régie ' || q.regie_id"

QUITTANCES = (
    Invariant(
        id="I-42",
        sentence="A régie's quittances of a year are numbered from 1 without a gap, in the order of their issue; each"
        " states the whole of one settlement, of real and confirmed money, and one copy of it alone is the original.",
        questions=(
            """SELECT coalesce(c.collectivite_id, q.collectivite_id),
                'quittances of ' || coalesce(c.year, q.year) || ', régie ' || coalesce(c.regie_id, q.regie_id)
                || ': ' || coalesce(q.count, 0) || ' up to ' || coalesce(q.highest, 0) || ', counted '
                || coalesce(c.last, 0)
            FROM receipts_quittancecounter c
            FULL JOIN (
                SELECT collectivite_id, regie_id, year, count(*) AS count, count(DISTINCT number) AS numbers,
                    min(number) AS lowest, max(number) AS highest, max(issued_at) AS last_at
                FROM receipts_quittance GROUP BY collectivite_id, regie_id, year
            ) AS q ON (q.collectivite_id, q.regie_id, q.year) = (c.collectivite_id, c.regie_id, c.year)
            WHERE (coalesce(c.last, 0), coalesce(c.last, 0), coalesce(c.last, 0), c.last_at)
                    IS DISTINCT FROM (coalesce(q.count, 0), coalesce(q.numbers, 0), coalesce(q.highest, 0), q.last_at)
                OR q.lowest <> 1""",
            f"""SELECT q.collectivite_id, {_NAMED} || ': issued in another year, or before the number above it'
            FROM (
                SELECT *, lag(issued_at) OVER (PARTITION BY collectivite_id, regie_id, year ORDER BY number) AS above
                FROM receipts_quittance
            ) AS q
            WHERE q.year <> extract(year FROM q.issued_at AT TIME ZONE 'Europe/Paris') OR q.issued_at < q.above""",  # noqa: S608 - our own words
            """SELECT e.collectivite_id, e.subject || ': issued as ' || (e.after->>'number') || ', and gone, or altered'
            FROM audit_auditentry e LEFT JOIN receipts_quittance q ON q.collectivite_id = e.collectivite_id
                AND 'quittance ' || q.id = e.subject
                AND q.year || '-' || lpad(q.number::text, greatest(6, length(q.number::text)), '0') = e.after->>'number'
                AND q.regie_id = (e.after->>'regie')::bigint AND q.amount_cents = (e.after->>'amount_cents')::bigint
            WHERE e.action = 'issue_quittance' AND q.id IS NULL""",
            """SELECT collectivite_id, 'settlement ' || settlement_id || ': ' || count(*) || ' quittances'
            FROM receipts_quittance GROUP BY collectivite_id, settlement_id HAVING count(*) > 1""",
            f"""SELECT q.collectivite_id, {_NAMED} || ': differs from its settlement'
            FROM receipts_quittance q
            LEFT JOIN payments_settlement s ON s.collectivite_id = q.collectivite_id AND s.id = q.settlement_id
            LEFT JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
            LEFT JOIN payments_counterreceipt r ON r.collectivite_id = s.collectivite_id AND r.id = s.receipt_id
            LEFT JOIN collectivites_gatewayaccount g ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
            WHERE (q.amount_cents, q.paid_at, q.regie_id)
                    IS DISTINCT FROM (s.amount_cents, s.occurred_at, coalesce(r.regie_id, g.regie_id))
                OR s.environment = 'test' OR r.book_number <> '' OR a.is_provisional
                OR (r.id IS NULL) <> (q.how IN ('online', 'online_card', 'direct_debit'))
                OR r.means <> q.how OR r.bank <> q.bank OR r.piece <> q.piece""",  # noqa: S608
            f"""SELECT q.collectivite_id, {_NAMED} || ': its parts and what is too much do not make up its amount'
            FROM receipts_quittance q
            WHERE q.excess_cents < 0 OR q.amount_cents <> q.excess_cents
                + (SELECT coalesce(sum((part->>'cents')::bigint), 0) FROM jsonb_array_elements(q.parts) AS part)""",  # noqa: S608
            f"""SELECT q.collectivite_id, {_NAMED} || ': its parts are not what paid the titres'
            FROM receipts_quittance q
            LEFT JOIN LATERAL (
                SELECT jsonb_object_agg(part->>'titre', (part->>'cents')::bigint) AS told
                FROM jsonb_array_elements(q.parts) AS part
                WHERE part->>'titre' IS NOT NULL AND (part->>'cents')::bigint > 0) AS stated ON true
            LEFT JOIN LATERAL (
                SELECT jsonb_object_agg(l.titre_id, l.amount_cents) AS told FROM payments_allocation l
                WHERE l.collectivite_id = q.collectivite_id AND l.settlement_id = q.settlement_id) AS there ON true
            WHERE stated.told IS DISTINCT FROM there.told""",  # noqa: S608
            f"""SELECT q.collectivite_id, {_NAMED} || ': its copies are not numbered from 1'
            FROM receipts_quittance q JOIN receipts_quittancedelivery d
                ON d.collectivite_id = q.collectivite_id AND d.quittance_id = q.id
            GROUP BY q.collectivite_id, q.id, q.year, q.number, q.regie_id
            HAVING (min(d.number), max(d.number), count(DISTINCT d.number)) IS DISTINCT FROM (1, count(*), count(*))""",  # noqa: S608
        ),
    ),
)

# I-33: who issued and who took each.
WITHOUT_THEIR_ACTS = (
    f"""SELECT q.collectivite_id, {_NAMED} || ': nothing in the audit says who issued it'
    FROM receipts_quittance q WHERE NOT EXISTS (SELECT 1 FROM audit_auditentry e
        WHERE e.collectivite_id = q.collectivite_id AND e.action = 'issue_quittance'
            AND e.subject = 'quittance ' || q.id AND e.actor_id IS NOT DISTINCT FROM q.issued_by_id
            AND e.at = q.issued_at)""",  # noqa: S608 - our own words
    """SELECT d.collectivite_id, 'copy ' || d.number || ' of quittance ' || d.quittance_id
        || ': nothing in the audit says who took it'
    FROM receipts_quittancedelivery d WHERE NOT EXISTS (SELECT 1 FROM audit_auditentry e
        WHERE e.collectivite_id = d.collectivite_id AND e.subject = 'quittance ' || d.quittance_id
            AND e.action = CASE d.number WHEN 1 THEN 'deliver_quittance' ELSE 'copy_quittance' END
            AND (e.after->>'copy')::bigint = d.number AND e.actor_id IS NOT DISTINCT FROM d.made_by_id)""",
)
