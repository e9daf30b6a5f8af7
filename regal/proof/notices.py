"""Invariants of batches of notices: none is forgotten, none is half made, none is kept too long."""

from regal.proof.findings import Invariant

NOTICES = (
    Invariant(
        id="I-37",
        sentence="A batch of notices goes on until it ends, its files hold each of its titres once, and no file with"
        " names outlives its seven days.",
        questions=(
            """SELECT b.collectivite_id, 'notice batch ' || b.id || ': not ended, and nobody is to go on with it'
            FROM notices_noticebatch b
            WHERE b.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM agenda_effect f
                WHERE f.collectivite_id = b.collectivite_id AND f.kind = 'make_notice_batch' AND f.subject_id = b.id
                    AND f.done_at IS NULL)""",
            """SELECT b.collectivite_id, 'notice batch ' || b.id || ': ' || b.done || ' of ' || cardinality(b.titres)
                || ' titres seen, ' || b.notices || ' with a notice and ' || l.count || ' left out'
            FROM notices_noticebatch b CROSS JOIN LATERAL (SELECT coalesce(sum(value::int), 0) AS count
                FROM jsonb_each_text(b.left_out)) AS l
            WHERE b.size <> cardinality(b.titres) OR b.done <> b.notices + l.count
                OR (b.ended_at IS NOT NULL) <> (b.done = b.size)""",
            """SELECT b.collectivite_id, 'notice batch ' || b.id || ': says ' || b.notices || ' notices, its files '
                || coalesce(sum(p.notices), 0)
            FROM notices_noticebatch b
            LEFT JOIN notices_noticepiece p ON p.collectivite_id = b.collectivite_id AND p.batch_id = b.id
            WHERE b.purged_at IS NULL GROUP BY b.collectivite_id, b.id, b.notices
            HAVING coalesce(sum(p.notices), 0) <> b.notices""",
            """SELECT p.collectivite_id, 'notice piece ' || p.id || ': covers what another covers, or what is not seen'
            FROM notices_noticepiece p
            JOIN notices_noticebatch b ON b.collectivite_id = p.collectivite_id AND b.id = p.batch_id
            WHERE p.first + p.titres > b.done OR EXISTS (SELECT 1 FROM notices_noticepiece o
                WHERE o.collectivite_id = p.collectivite_id AND o.batch_id = p.batch_id AND o.id <> p.id
                    AND o.first < p.first + p.titres AND p.first < o.first + o.titres)""",
            # the purge comes round each hour
            """SELECT collectivite_id, 'notice piece ' || id || ': made more than seven days ago, and still there'
            FROM notices_noticepiece WHERE made_at < %(now)s - interval '7 days 3 hours'""",
        ),
    ),
)
