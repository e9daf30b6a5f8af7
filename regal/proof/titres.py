"""Invariants of titres: paid by sums, and by nothing else. What other invariants ask of titres stands here too."""

from regal.proof.findings import Invariant

# What was due, and what settlements that no reversal names extinguished of it.
_SUMS = """sums AS (
    SELECT t.collectivite_id, t.id, t.paid_at, t.is_paid_in_part, t.amount_cents, t.amount_cents
        + coalesce((SELECT sum(CASE j.direction WHEN 'increase' THEN j.amount_cents ELSE -j.amount_cents END)::bigint
            FROM titres_adjustment j WHERE j.collectivite_id = t.collectivite_id AND j.titre_id = t.id), 0) AS due,
        coalesce((SELECT sum(l.amount_cents)::bigint FROM payments_allocation l
            WHERE l.collectivite_id = t.collectivite_id AND l.titre_id = t.id
                AND NOT EXISTS (SELECT 1 FROM payments_reversal v
                    WHERE v.collectivite_id = l.collectivite_id AND v.settlement_id = l.settlement_id)), 0) AS paid
    FROM titres_titre t)"""

AMOUNTS_OF_TITRES = (
    f"""WITH {_SUMS} SELECT collectivite_id, 'titre ' || id || ': ' || due || ' cents due' FROM sums
    WHERE due <= 0 OR due > 999999999 OR amount_cents <= 0""",  # noqa: S608 - our own text
    """SELECT collectivite_id, 'adjustment ' || id || ': amount' FROM titres_adjustment
    WHERE amount_cents IS NULL OR amount_cents <= 0 OR amount_cents > 999999999
        OR direction NOT IN ('increase', 'decrease')""",
    """SELECT collectivite_id, 'allocation ' || id || ': amount' FROM payments_allocation
    WHERE amount_cents IS NULL OR amount_cents <= 0 OR amount_cents > 999999999""",
)

HISTORY_OF_TITRES = (
    """SELECT e.collectivite_id, 'event ' || e.number || ' of titre ' || e.titre_id || ': not in the table'
    FROM titres_titreevent e LEFT JOIN
        unnest(%(titre_edges_from)s::text[], %(titre_edges_event)s::text[], %(titre_edges_to)s::text[])
            AS t(source, event, target) ON (t.source, t.event, t.target) = (e.from_state, e.event, e.to_state)
    WHERE t.event IS NULL""",
    """SELECT collectivite_id, 'event ' || number || ' of titre ' || titre_id || ': out of order'
    FROM (
        SELECT collectivite_id, titre_id, number, from_state,
            row_number() OVER ordered AS expected, coalesce(lag(to_state) OVER ordered, '') AS before
        FROM titres_titreevent
        WINDOW ordered AS (PARTITION BY collectivite_id, titre_id ORDER BY number, id)
    ) AS steps WHERE number <> expected OR from_state <> before""",
    """SELECT t.collectivite_id, 'titre ' || t.id || ': ' || t.status || ', its events say '
        || coalesce(last.to_state, 'nothing')
    FROM titres_titre t LEFT JOIN (
        SELECT DISTINCT ON (collectivite_id, titre_id) collectivite_id, titre_id, to_state
        FROM titres_titreevent ORDER BY collectivite_id, titre_id, number DESC
    ) AS last ON last.collectivite_id = t.collectivite_id AND last.titre_id = t.id
    WHERE last.to_state IS DISTINCT FROM t.status""",
    """SELECT coalesce(j.collectivite_id, e.collectivite_id), 'adjustment ' || coalesce(j.id, e.adjustment_id)
        || ' of titre ' || coalesce(j.titre_id, e.titre_id) || ': not in its events once'
    FROM titres_adjustment j FULL JOIN titres_titreevent e ON e.collectivite_id = j.collectivite_id
        AND e.adjustment_id = j.id AND e.titre_id = j.titre_id AND e.event = 'adjusted'
    WHERE j.id IS NULL AND e.adjustment_id IS NOT NULL OR e.id IS NULL""",
    """SELECT collectivite_id, 'event ' || number || ' of titre ' || titre_id || ': without its adjustment'
    FROM titres_titreevent WHERE event = 'adjusted' AND adjustment_id IS NULL""",
    """SELECT collectivite_id, 'adjustment ' || adjustment_id || ': in several events' FROM titres_titreevent
    WHERE adjustment_id IS NOT NULL GROUP BY collectivite_id, adjustment_id HAVING count(*) > 1""",
    """SELECT t.collectivite_id, 'titre ' || t.id || ': its ' || last.key || ' is not what its events say'
    FROM (
        SELECT DISTINCT ON (e.collectivite_id, e.titre_id, c.key) e.collectivite_id, e.titre_id, c.key,
            c.value->1 AS value
        FROM titres_titreevent e CROSS JOIN LATERAL jsonb_each(e.changes) AS c
        WHERE e.changes IS NOT NULL AND c.value <> 'null'::jsonb
        ORDER BY e.collectivite_id, e.titre_id, c.key, e.number DESC
    ) AS last JOIN titres_titre t ON t.collectivite_id = last.collectivite_id AND t.id = last.titre_id
    WHERE to_jsonb(t)->last.key IS DISTINCT FROM last.value""",
    """SELECT collectivite_id, 'event ' || number || ' of titre ' || titre_id || ': ' || key || ' was something else'
    FROM (
        SELECT e.collectivite_id, e.titre_id, e.number, c.key, c.value->0 AS before, lag(c.value->1) OVER (
            PARTITION BY e.collectivite_id, e.titre_id, c.key ORDER BY e.number) AS former
        FROM titres_titreevent e CROSS JOIN LATERAL jsonb_each(e.changes) AS c
        WHERE e.changes IS NOT NULL AND c.value <> 'null'::jsonb
    ) AS mended WHERE before <> former""",
    """SELECT collectivite_id, 'event ' || number || ' of titre ' || titre_id || ': ' || event
        || CASE WHEN changes IS NULL THEN ', of nothing' ELSE ', and changed ' || changes::text END
    FROM titres_titreevent WHERE (event IN ('edited', 'corrected')) <> (changes IS NOT NULL)
        OR event = 'corrected' AND changes - ARRAY['label', 'due_on', 'debtor'] <> '{}'::jsonb""",
    """SELECT e.collectivite_id, 'event ' || e.number || ' of titre ' || e.titre_id || ': ' || e.event
        || CASE e.event WHEN 'restored' THEN ', never published' ELSE ', though it was published' END
    FROM titres_titreevent e WHERE e.event IN ('restored', 'redrafted') AND (e.event = 'restored') <> EXISTS (
        SELECT 1 FROM titres_titreevent b WHERE b.collectivite_id = e.collectivite_id AND b.titre_id = e.titre_id
            AND b.number < e.number AND b.to_state = 'open')""",
    """SELECT collectivite_id, 'event ' || number || ' of titre ' || titre_id || ': ' || event || ', with a word for'
        || ' its payer' FROM titres_titreevent
    WHERE payer_note <> '' AND event NOT IN ('suspended', 'cancelled', 'transferred', 'written_off')""",
    """SELECT l.collectivite_id, 'line ' || l.id || ' of group ' || l.group_id || ': done before it was confirmed'
    FROM titres_titregroupline l JOIN titres_titregroup g
        ON g.collectivite_id = l.collectivite_id AND g.id = l.group_id
    WHERE l.done_at IS NOT NULL AND (g.confirmed_at IS NULL OR l.done_at < g.confirmed_at)""",
    """SELECT t.collectivite_id, 'titre ' || t.id || ': held by ' || CASE WHEN a.id IS NULL THEN 'no attempt of its own'
        WHEN t.held_until <= a.created_at THEN 'an attempt that began later' ELSE 'an attempt that is ' || a.status END
    FROM titres_titre t LEFT JOIN payments_attempt a
        ON a.collectivite_id = t.collectivite_id AND a.id = t.held_by AND EXISTS (SELECT 1 FROM payments_share h
            WHERE h.collectivite_id = a.collectivite_id AND h.attempt_id = a.id AND h.titre_id = t.id)
    LEFT JOIN collectivites_gatewayaccount g ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
    WHERE t.held_by IS NOT NULL AND (a.id IS NULL OR t.held_until <= a.created_at
        OR a.status <> ALL (%(live_states)s::text[])
            -- refused on a page where its payer may try again
            AND NOT (a.status IN ('refused', 'unknown') AND g.gateway = ANY (%(signed_gateways)s::text[])))""",
)

# An act and the beginning of a payment queue on the titre, each with the hour at which it was asked for: only what is
# minutes apart is certain.
BLOCKED_TITRES = (
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': begun on titre ' || h.titre_id || ', then ' || e.to_state
    FROM payments_attempt a JOIN payments_share h ON h.collectivite_id = a.collectivite_id AND h.attempt_id = a.id
    JOIN titres_titreevent e ON e.collectivite_id = a.collectivite_id
        AND e.titre_id = h.titre_id AND e.to_state <> 'open'
        AND e.recorded_at < a.created_at - interval '2 minutes'
    WHERE NOT EXISTS (SELECT 1 FROM titres_titreevent n WHERE n.collectivite_id = e.collectivite_id
        AND n.titre_id = e.titre_id AND n.number > e.number AND n.recorded_at <= a.created_at)""",
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': begun on titre ' || t.id || ', already paid'
    FROM payments_attempt a JOIN payments_share h ON h.collectivite_id = a.collectivite_id AND h.attempt_id = a.id
    JOIN titres_titre t ON t.collectivite_id = h.collectivite_id AND t.id = h.titre_id
    WHERE t.paid_at IS NOT NULL AND (SELECT max(f.at) FROM (
        SELECT recorded_at AS at, titre_id, collectivite_id FROM payments_allocation
        UNION ALL SELECT made_at, titre_id, collectivite_id FROM titres_adjustment
    ) AS f WHERE f.collectivite_id = t.collectivite_id AND f.titre_id = t.id) < a.created_at - interval '2 minutes'""",
)

# As `payments.queries.earlier_attempts`: what is paid is no longer due. Payers of one titre queue on it; minutes are
# left to clocks that differ. A refusal ends nothing before the window of its key has closed; nor does silence before
# its days are over, unless PayFiP has forgotten the key.
UNWARNED_OF_TITRES = (
    """SELECT later.collectivite_id, 'attempt ' || later.id || ': not warned of attempt ' || earlier.id
        || ' on titre ' || its.titre_id
    FROM payments_attempt later
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = later.collectivite_id AND g.id = later.account_id
        AND g.gateway = ANY (%(askable_gateways)s::text[])
    JOIN payments_share its ON its.collectivite_id = later.collectivite_id AND its.attempt_id = later.id
    JOIN payments_share same ON same.collectivite_id = its.collectivite_id AND same.titre_id = its.titre_id
    JOIN payments_attempt earlier ON earlier.collectivite_id = same.collectivite_id
        AND earlier.id = same.attempt_id AND earlier.id < later.id
        AND (earlier.environment = 'test') = (later.environment = 'test')
    JOIN collectivites_gatewayaccount asked ON asked.collectivite_id = earlier.collectivite_id
        AND asked.id = earlier.account_id AND asked.gateway = ANY (%(askable_gateways)s::text[])
    JOIN payments_attemptevent first ON first.collectivite_id = later.collectivite_id
        AND first.attempt_id = later.id AND first.number = 1
    JOIN payments_attemptevent gone ON gone.collectivite_id = earlier.collectivite_id
        AND gone.attempt_id = earlier.id AND gone.event = 'payer_left' AND gone.id < first.id
    LEFT JOIN LATERAL (
        SELECT bool_or(e.event = 'settled') AS paid, bool_or(e.event IN ('refused', 'abandoned')) AS refused,
            bool_or(e.event IN ('fell_silent', 'outcome_unknown')) AS silent
        FROM payments_attemptevent e
        WHERE e.collectivite_id = earlier.collectivite_id AND e.attempt_id = earlier.id AND e.id < first.id
    ) AS until ON true
    WHERE NOT later.warned AND NOT until.paid AND (
        NOT until.refused AND NOT until.silent
        OR later.created_at < earlier.created_at - interval '5 minutes' + make_interval(mins =>
            coalesce((asked.options->>'outcome_minutes')::int, %(outcome_minutes)s))
        OR NOT until.refused AND later.created_at < earlier.created_at - interval '5 minutes' + make_interval(days =>
            coalesce((asked.options->>'give_up_days')::int, %(give_up_days)s))
            AND NOT EXISTS (SELECT 1 FROM payments_evidence v WHERE v.collectivite_id = earlier.collectivite_id
                AND v.attempt_id = earlier.id AND v.outcome = 'forgotten'
                AND v.received_at < later.created_at + interval '5 minutes'))""",
)

WHO_COLLECTS = (
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': not of its titre''s collector, desk, product or reference'
    FROM payments_attempt a
    JOIN payments_share h ON h.collectivite_id = a.collectivite_id AND h.attempt_id = a.id
    JOIN titres_titre t ON t.collectivite_id = h.collectivite_id AND t.id = h.titre_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
    WHERE (t.collector = 'regie') <> (g.debt_kind = 'regie')
        OR t.regie_id IS DISTINCT FROM g.regie_id OR t.budget_id IS DISTINCT FROM g.budget_id
        OR t.product_id <> a.product_id OR t.reference <> CASE h.reference_reversed
            WHEN '' THEN a.debt_reference ELSE reverse(h.reference_reversed) END""",
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': of several titres, by the reference of titre ' || t.id
    FROM payments_share h
    JOIN payments_attempt a ON a.collectivite_id = h.collectivite_id AND a.id = h.attempt_id
    JOIN titres_titre t ON t.collectivite_id = a.collectivite_id AND t.reference = a.debt_reference
    WHERE h.reference_reversed <> '' AND h.place = 1""",
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': of no titre, at a gateway that knows no debt'
    FROM payments_attempt a JOIN collectivites_gatewayaccount g
        ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
    WHERE g.gateway IN ('payfip_ws', 'paybox') AND g.environment = 'production' AND a.titre_id IS NULL""",
    """SELECT t.collectivite_id, 'titre ' || t.id || ': collected by ' || t.collector || ', of '
        || coalesce('régie ' || t.regie_id, 'no régie') || ' and ' || coalesce('budget ' || t.budget_id, 'no budget')
    FROM titres_titre t
    WHERE (t.collector = 'regie') <> (t.regie_id IS NOT NULL)
        OR (t.collector = 'comptable') <> (t.budget_id IS NOT NULL) OR t.collector NOT IN ('regie', 'comptable')""",
)

# What the comptable's files say (`titres/comptable.py`): each of those steps has its file, each file its step.
SAID_BY_THE_COMPTABLE = (
    """SELECT l.collectivite_id, 'allocation ' || l.id || ': to titre ' || l.titre_id || ' of the comptable'
    FROM payments_allocation l
    JOIN titres_titre t ON t.collectivite_id = l.collectivite_id AND t.id = l.titre_id AND t.collector <> 'regie'""",
    """SELECT e.collectivite_id, 'event ' || e.number || ' of titre ' || e.titre_id || ': ' || e.event
        || ', and no file of the comptable says so'
    FROM titres_titreevent e
    WHERE e.event IN ('taken_charge', 'collected', 'closed', 'rejected', 'reopened')
        AND NOT EXISTS (SELECT 1 FROM reconciliation_filedstate s WHERE s.collectivite_id = e.collectivite_id
            AND s.titre_id = e.titre_id AND e.number > s.last_step - s.steps AND e.number <= s.last_step)""",
    """SELECT s.collectivite_id, 'titre ' || s.titre_id || ': file ' || s.file_id || ' says ' || s.said
        || ', its event ' || s.last_step || ' says ' || coalesce(e.to_state, 'nothing')
    FROM reconciliation_filedstate s LEFT JOIN titres_titreevent e ON e.collectivite_id = s.collectivite_id
        AND e.titre_id = s.titre_id AND e.number = s.last_step
    WHERE s.steps > 0 AND e.to_state IS DISTINCT FROM
        CASE s.said WHEN 'taken' THEN 'open' WHEN 'settled' THEN 'closed' ELSE s.said END""",
    """SELECT s.collectivite_id, 'titre ' || s.titre_id || ': file ' || s.file_id || ' may not speak of it'
    FROM reconciliation_filedstate s
    LEFT JOIN titres_titre t ON t.collectivite_id = s.collectivite_id AND t.id = s.titre_id
    LEFT JOIN reconciliation_depositedfile f ON f.collectivite_id = s.collectivite_id AND f.id = s.file_id
    WHERE t.collector IS DISTINCT FROM 'comptable' OR f.budget_id IS DISTINCT FROM t.budget_id
        OR f.kind IS DISTINCT FROM 'pes_retour' OR f.confirmed_at IS NULL""",
)

# Of each attempt on titres of our own base. Where there are several, the case of what is too much says of which.
SHARES = (
    """SELECT a.collectivite_id, 'attempt ' || a.id || ': ' || a.amount_cents || ' cents, its shares '
        || coalesce(h.cents, 0) || ', of ' || coalesce(h.rows, 0) || ' titre(s)'
    FROM payments_attempt a LEFT JOIN (
        SELECT collectivite_id, attempt_id, sum(amount_cents) AS cents, count(*) AS rows, min(place) AS first,
            max(place) AS last, min(titre_id) FILTER (WHERE place = 1) AS titre_id,
            count(*) FILTER (WHERE reference_reversed <> '') AS named
        FROM payments_share GROUP BY collectivite_id, attempt_id
    ) AS h ON h.collectivite_id = a.collectivite_id AND h.attempt_id = a.id
    WHERE CASE WHEN a.titre_id IS NULL THEN h.rows IS NOT NULL
        ELSE h.rows IS NULL OR h.cents <> a.amount_cents OR h.titre_id IS DISTINCT FROM a.titre_id
            OR h.first <> 1 OR h.last <> h.rows OR h.rows > 10
            OR h.named <> CASE h.rows WHEN 1 THEN 0 ELSE h.rows END
            OR h.rows > 1 AND a.debt_reference !~ '^G[A-Z2-7]{15}$' END""",
    """SELECT h.collectivite_id, 'attempt ' || h.attempt_id || ': of its ' || h.amount_cents || ' cents for titre '
        || h.titre_id || ', ' || coalesce(l.amount_cents, 0) || ' allocated, ' || x.cents || ' said too much'
    FROM payments_share h
    JOIN payments_settlement s ON s.collectivite_id = h.collectivite_id AND s.attempt_id = h.attempt_id
        AND s.environment <> 'test'
    LEFT JOIN payments_allocation l ON l.collectivite_id = s.collectivite_id AND l.settlement_id = s.id
        AND l.titre_id = h.titre_id
    CROSS JOIN LATERAL (SELECT coalesce(sum((p->>'excess_cents')::bigint), 0) AS cents
        FROM (SELECT facts FROM cases_case WHERE collectivite_id = h.collectivite_id AND kind = 'excess'
            AND subject_kind = 'attempt' AND subject_id = h.attempt_id ORDER BY id LIMIT 1) AS c
        CROSS JOIN jsonb_array_elements(c.facts->'parts') AS p WHERE (p->>'titre')::bigint = h.titre_id) AS x
    WHERE h.reference_reversed <> '' AND h.amount_cents <> coalesce(l.amount_cents, 0) + x.cents""",
)

TITRES = (
    Invariant(
        id="I-02",
        sentence="A titre is paid if and only if something is due of it and its live allocations reach that.",
        questions=(
            f"""WITH {_SUMS} SELECT collectivite_id, 'titre ' || id || ': '
                || CASE WHEN paid_at IS NULL THEN 'not paid' ELSE 'paid' END || ', with ' || paid || ' of ' || due
                || ' cents' || CASE WHEN is_paid_in_part THEN ', listed as paid in part' ELSE '' END
            FROM sums WHERE (paid_at IS NOT NULL) <> (due > 0 AND paid >= due)
                OR is_paid_in_part <> (paid_at IS NULL AND paid > 0)""",  # noqa: S608 - our own text
            """SELECT t.collectivite_id, 'titre ' || t.id || ': paid at an hour of no payment' FROM titres_titre t
            WHERE t.paid_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM payments_allocation l JOIN payments_settlement s
                    ON s.collectivite_id = l.collectivite_id AND s.id = l.settlement_id
                    WHERE l.collectivite_id = t.collectivite_id AND l.titre_id = t.id AND s.occurred_at = t.paid_at
                        AND NOT EXISTS (SELECT 1 FROM payments_reversal v
                            WHERE v.collectivite_id = s.collectivite_id AND v.settlement_id = s.id))
                AND NOT EXISTS (SELECT 1 FROM titres_adjustment j
                    WHERE j.collectivite_id = t.collectivite_id AND j.titre_id = t.id AND j.made_at = t.paid_at)""",
        ),
    ),
    Invariant(
        id="I-03",
        sentence="No titre is extinguished beyond what is due; what is too much waits in exactly one case.",
        questions=(
            f"""WITH {_SUMS} SELECT collectivite_id, 'titre ' || id || ': ' || paid - due || ' cents too much'
            FROM sums WHERE paid > due""",  # noqa: S608 - our own text
            """SELECT x.collectivite_id, 'attempt ' || x.attempt_id || ': ' || x.excess || ' cents too much in '
                || count(c.id) || ' case(s)'
            FROM (
                SELECT s.collectivite_id, s.attempt_id, s.amount_cents - coalesce((
                    SELECT sum(l.amount_cents)::bigint FROM payments_allocation l
                    WHERE l.collectivite_id = s.collectivite_id AND l.settlement_id = s.id), 0) AS excess
                FROM payments_settlement s JOIN payments_attempt a
                    ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
                WHERE a.titre_id IS NOT NULL AND s.environment <> 'test'
            ) AS x LEFT JOIN cases_case c ON c.collectivite_id = x.collectivite_id AND c.kind = 'excess'
                AND c.subject_kind = 'attempt' AND c.subject_id = x.attempt_id
            GROUP BY x.collectivite_id, x.attempt_id, x.excess HAVING count(c.id) <> (x.excess > 0)::int""",
        ),
    ),
    Invariant(
        id="I-10",
        sentence="Of a titre of our own base, what was settled is what was allocated and what is too much; test money"
        " extinguishes nothing, and what was settled on no titre (form mode, a trial of a contract) is allocated to"
        " none.",
        questions=(
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': ' || s.amount_cents
                || ' cents settled, ' || l.cents || ' allocated, ' || x.cents || ' too much'
            FROM payments_settlement s
            JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
            CROSS JOIN LATERAL (SELECT coalesce(sum(amount_cents), 0)::bigint AS cents FROM payments_allocation
                WHERE collectivite_id = s.collectivite_id AND settlement_id = s.id) AS l
            CROSS JOIN LATERAL (SELECT coalesce(max((facts->>'excess_cents')::bigint), 0) AS cents FROM cases_case
                WHERE collectivite_id = s.collectivite_id AND kind = 'excess' AND subject_kind = 'attempt'
                    AND subject_id = s.attempt_id) AS x
            WHERE a.titre_id IS NOT NULL AND s.environment <> 'test' AND s.amount_cents <> l.cents + x.cents""",
            """SELECT l.collectivite_id, 'allocation ' || l.id || ': not to a titre of its settlement, or too much'
            FROM payments_allocation l
            LEFT JOIN payments_settlement s ON s.collectivite_id = l.collectivite_id AND s.id = l.settlement_id
            LEFT JOIN payments_share h ON h.collectivite_id = s.collectivite_id AND h.attempt_id = s.attempt_id
                AND h.titre_id = l.titre_id
            LEFT JOIN payments_counterreceipt r ON r.collectivite_id = s.collectivite_id AND r.id = s.receipt_id
            WHERE coalesce(h.titre_id, r.titre_id) IS DISTINCT FROM l.titre_id OR s.environment = 'test'
                OR l.amount_cents > h.amount_cents""",
            *SHARES,
            """SELECT s.collectivite_id, 'receipt ' || s.receipt_id || ': ' || s.amount_cents || ' cents settled, '
                || coalesce(sum(l.amount_cents), 0) || ' allocated'
            FROM payments_settlement s LEFT JOIN payments_allocation l
                ON l.collectivite_id = s.collectivite_id AND l.settlement_id = s.id
            WHERE s.receipt_id IS NOT NULL GROUP BY s.collectivite_id, s.id, s.receipt_id, s.amount_cents
            HAVING coalesce(sum(l.amount_cents), 0) <> s.amount_cents""",
        ),
    ),
)
