"""Invariants of questions: whatever a gateway can be asked about is asked, and nothing is concluded too early."""

from regal.proof.findings import Invariant

_WORKER_ALIVE = "EXISTS (SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > %(now)s - interval '30 seconds')"

# Attempts of gateways that can be asked, with the moments before which nothing may be concluded, and their watch.
_ASKED = """asked AS (
    SELECT a.collectivite_id, a.id, a.account_id, a.status, a.created_at, a.handed_off_at,
        a.created_at + CASE WHEN g.gateway = ANY (%(signed_gateways)s::text[])
            THEN make_interval(secs => coalesce((g.options->>'display_seconds')::int, %(display_seconds)s)) +
                %(after_the_page)s::interval
            ELSE make_interval(mins => coalesce((g.options->>'outcome_minutes')::int, %(outcome_minutes)s))
            END AS settled_at,
        a.created_at + make_interval(days =>
            coalesce((g.options->>'give_up_days')::int, %(give_up_days)s)) AS given_up_at,
        w.id AS watch_id, w.due_at, w.asked_at, w.leased_until, w.closed_at, coalesce(p.failures, 0) > 0 AS is_silent
    FROM payments_attempt a
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
    LEFT JOIN agenda_watch w ON w.collectivite_id = a.collectivite_id AND w.attempt_id = a.id
    LEFT JOIN agenda_pace p ON p.account_id = a.account_id
    LEFT JOIN agenda_effect f ON f.collectivite_id = a.collectivite_id AND f.kind = 'presume_silent'
        AND f.subject_id = a.id
    WHERE g.gateway = ANY (%(askable_gateways)s::text[])
        -- of Paybox, those whose contract had Direct when they left
        OR g.gateway = ANY (%(signed_gateways)s::text[]) AND w.id IS NOT NULL AND f.id IS NULL)"""

KEYS = (
    """SELECT min(collectivite_id), 'account ' || account_id || ': a key of attempts '
        || string_agg(id::text, ', ' ORDER BY id)
    FROM payments_attempt WHERE key <> '' GROUP BY account_id, key HAVING count(*) > 1""",
    """SELECT v.collectivite_id, 'evidence ' || v.id || ': of another key than its attempt has'
    FROM payments_evidence v JOIN payments_attempt a ON a.collectivite_id = v.collectivite_id AND a.id = v.attempt_id
    WHERE v.source = 'inquiry' AND v.verdict IN ('fits', 'repeated') AND v.facts ? 'key'
        AND v.facts->>'key' <> a.key""",
)

LEASES = (
    """SELECT collectivite_id, 'watch ' || id || ': leased for more than 120 s' FROM agenda_watch
    WHERE leased_until > %(now)s + interval '120 seconds'""",
    f"""WITH {_ASKED} SELECT collectivite_id, 'watch ' || watch_id || ': its lease is over, and nobody took it again'
    FROM asked WHERE closed_at IS NULL AND leased_until < %(now)s - interval '120 seconds' AND NOT is_silent
        AND {_WORKER_ALIVE}""",  # noqa: S608 - our own text
)

REPAIRS = (
    Invariant(
        id="I-15",
        sentence="No negative of PayFiP is final before the window of its key has closed and an answer after it said"
        " so, or the attempt's days are over; it is presumed dead after that window, and asked about until its key is"
        " forgotten or its days are over.",
        questions=(
            f"""WITH {_ASKED} SELECT collectivite_id, 'attempt ' || id || ': ' || status || ', and never asked again'
            FROM asked WHERE closed_at < given_up_at AND status IN ('refused', 'abandoned') AND NOT EXISTS (
                SELECT 1 FROM payments_evidence v WHERE v.collectivite_id = asked.collectivite_id
                    AND v.attempt_id = asked.id AND v.source = 'inquiry' AND v.received_at >= asked.settled_at
                    AND v.outcome IN ('refused', 'abandoned', 'forgotten'))""",  # noqa: S608
            f"""WITH {_ASKED} SELECT asked.collectivite_id, 'attempt ' || asked.id || ': presumed dead too early'
            FROM asked JOIN payments_attemptevent e ON e.collectivite_id = asked.collectivite_id
                AND e.attempt_id = asked.id AND e.event = 'fell_silent'
            WHERE e.recorded_at < asked.settled_at""",  # noqa: S608
            f"""WITH {_ASKED} SELECT collectivite_id, 'attempt ' || id || ': presumed dead, and asked about no more'
            FROM asked WHERE closed_at < given_up_at AND status = 'expired_presumed' AND NOT EXISTS (
                SELECT 1 FROM payments_evidence v WHERE v.collectivite_id = asked.collectivite_id
                    AND v.attempt_id = asked.id AND v.source = 'inquiry' AND v.received_at >= asked.settled_at
                    AND v.outcome = 'forgotten')""",  # noqa: S608
        ),
    ),
    Invariant(
        id="I-25",
        sentence="Each live attempt of a gateway that can be asked is watched; while a worker is alive and its account"
        " answers, its next question is overdue by 2 minutes at most; an account that does not is tried within 7."
        " Whoever holds a titre is asked about before the hold ends.",
        questions=(
            f"""WITH {_ASKED} SELECT collectivite_id, 'attempt ' || id || ': nobody watches it' FROM asked
            WHERE status = ANY (%(live_states)s::text[]) AND (watch_id IS NULL OR closed_at IS NOT NULL)""",  # noqa: S608
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': neither asked about, nor ever presumed dead'
            FROM payments_attempt a JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
            WHERE g.gateway = ANY (%(signed_gateways)s::text[]) AND a.handed_off_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM agenda_watch w
                    WHERE w.collectivite_id = a.collectivite_id AND w.attempt_id = a.id)
                AND NOT EXISTS (SELECT 1 FROM agenda_effect f WHERE f.collectivite_id = a.collectivite_id
                    AND f.kind = 'presume_silent' AND f.subject_id = a.id)""",
            f"""WITH {_ASKED} SELECT collectivite_id, 'attempt ' || id || ': its question is overdue' FROM asked
            WHERE status <> 'paid' AND closed_at IS NULL AND due_at < %(now)s - interval '120 seconds'
                AND NOT is_silent AND {_WORKER_ALIVE}""",  # noqa: S608
            # the longest pause, a question and a lease that somebody died on
            f"""WITH {_ASKED} SELECT min(collectivite_id), 'account ' || account_id || ': silent, and tried no more'
            FROM asked WHERE is_silent AND {_WORKER_ALIVE} GROUP BY account_id
            HAVING min(due_at) FILTER (WHERE closed_at IS NULL) < %(now)s - interval '7 minutes'
                AND coalesce(max(asked_at), '-infinity') < %(now)s - interval '7 minutes'""",  # noqa: S608
            """SELECT t.collectivite_id, 'attempt ' || w.attempt_id || ': holds titre ' || t.id || ' until '
                || t.held_until || ', and is asked about only after'
            FROM titres_titre t JOIN agenda_watch w
                ON w.collectivite_id = t.collectivite_id AND w.attempt_id = t.held_by
            WHERE t.held_until > %(now)s AND w.closed_at IS NULL AND w.leased_until IS NULL
                AND w.due_at > t.held_until""",
        ),
    ),
    Invariant(
        id="I-26",
        sentence="While a worker is alive and its account answers, an attempt is asked about every 5 minutes of its"
        " first half hour, 30 minutes of its first day, 6 hours of its week; what exists there, and no message told of,"
        " has its case by then.",
        questions=(
            # What is due: I-25. No question lasts 30 s: a lease that old is of one that failed, and once is no matter.
            f"""WITH {_ASKED} SELECT collectivite_id, 'attempt ' || id || ': not asked about since '
                || coalesce(asked_at, handed_off_at)
            FROM asked WHERE status <> 'paid' AND closed_at IS NULL AND handed_off_at IS NOT NULL AND NOT is_silent
                AND (due_at > %(now)s AND leased_until IS NULL OR leased_until < %(now)s + interval '90 seconds')
                AND coalesce(asked_at, handed_off_at) < %(now)s - CASE
                    WHEN %(now)s - created_at < interval '30 minutes' THEN interval '5 minutes'
                    WHEN %(now)s - created_at < interval '24 hours' THEN interval '30 minutes'
                    ELSE interval '6 hours' END
                    - CASE WHEN leased_until IS NULL THEN interval '0 seconds' ELSE interval '120 seconds' END
                AND {_WORKER_ALIVE}""",  # noqa: S608
            # Something exists under its reference: asked once more, it is told of or has its case.
            f"""WITH {_ASKED} SELECT asked.collectivite_id, 'attempt ' || asked.id || ': exists at its gateway since '
                || v.received_at || ', no message told of it, and it has no case'
            FROM asked JOIN payments_evidence v ON v.collectivite_id = asked.collectivite_id
                AND v.attempt_id = asked.id AND v.source = 'inquiry' AND v.verdict = 'fits'
                AND v.outcome = 'pending' AND v.facts->>'exists' = 'yes'
            WHERE status <> 'paid' AND closed_at IS NULL AND NOT is_silent
                AND v.received_at < %(now)s - interval '120 seconds' - CASE
                    WHEN %(now)s - created_at < interval '30 minutes' THEN interval '5 minutes'
                    WHEN %(now)s - created_at < interval '24 hours' THEN interval '30 minutes'
                    ELSE interval '6 hours' END
                AND NOT EXISTS (SELECT 1 FROM payments_evidence told
                    WHERE told.collectivite_id = asked.collectivite_id AND told.attempt_id = asked.id
                        AND told.rank = 1 AND told.verdict <> 'differs')
                AND NOT EXISTS (SELECT 1 FROM cases_case c WHERE c.collectivite_id = asked.collectivite_id
                    AND c.kind = 'not_notified' AND c.subject_kind = 'attempt' AND c.subject_id = asked.id)
                AND {_WORKER_ALIVE}""",  # noqa: S608
        ),
    ),
    Invariant(
        id="I-27",
        sentence="While a worker is alive, a key that was asked for is given, denied or given up within the hour.",
        questions=(
            f"""SELECT collectivite_id, 'attempt ' || id || ': still waits for its key' FROM payments_attempt
            WHERE status = 'requested' AND created_at < %(now)s - interval '1 hour'
                AND {_WORKER_ALIVE}""",  # noqa: S608
        ),
    ),
)
