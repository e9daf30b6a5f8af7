"""Invariants of money: amounts, settlements and the books."""

from collections.abc import Iterator

from regal.journal.chain import GENESIS, hash_of
from regal.journal.models import Entry
from regal.proof.counter import (
    DAYS_OF_RECEIPTS,
    RECEIPTS_ALIKE,
    RECEIPTS_PROVE,
    REVERSALS_IN_BOOKS,
    WHENCE,
    digests_of_receipts,
)
from regal.proof.files import ACCOUNTS_OF_LINES, RECONCILED_DAYS
from regal.proof.findings import Invariant, Row, Snapshot
from regal.proof.repairs import KEYS
from regal.proof.signed import SIGNED_SETTLEMENTS, TRANSACTIONS, unconfirmed
from regal.proof.tickets import ONE_TICKET
from regal.proof.titres import AMOUNTS_OF_TITRES, SAID_BY_THE_COMPTABLE, WHO_COLLECTS


def _chain(snapshot: Snapshot) -> Iterator[Row]:
    """Every entry's hash, computed again from its columns and the hash of the entry before."""
    collectivite_id, previous = None, GENESIS
    entries = Entry.objects.using(snapshot.using).order_by("collectivite_id", "number", "pk")
    for entry in entries.iterator(chunk_size=5000):
        if entry.collectivite_id != collectivite_id:
            collectivite_id, previous = entry.collectivite_id, GENESIS
        if entry.previous_hash != previous or entry.hash != hash_of(entry):
            yield entry.collectivite_id, f"journal entry {entry.number}: broken chain"
        previous = entry.hash


MONEY = (
    Invariant(
        id="I-01",
        sentence="Amounts are positive whole cents within limits; no column holds a fraction.",
        questions=(
            """SELECT collectivite_id, 'attempt ' || id || ': amount' FROM payments_attempt
            WHERE amount_cents IS NULL OR amount_cents <= 0 OR amount_cents > 999999999""",
            """SELECT collectivite_id, 'settlement of attempt ' || attempt_id || ': amount' FROM payments_settlement
            WHERE amount_cents IS NULL OR amount_cents <= 0 OR amount_cents > 999999999""",
            """SELECT collectivite_id, 'receipt ' || id || ': amount' FROM payments_counterreceipt
            WHERE amount_cents IS NULL OR amount_cents <= 0 OR amount_cents > 999999999""",
            """SELECT collectivite_id, 'journal entry ' || number || ': amount' FROM journal_entry
            WHERE CASE WHEN kind IN ('settlement', 'reversal') THEN amount_cents IS NULL
                OR amount_cents <= 0 OR amount_cents > 999999999
                ELSE amount_cents IS NOT NULL END""",
            *AMOUNTS_OF_TITRES,
            """SELECT NULL, 'column ' || c.relname || '.' || a.attname || ' is ' || t.typname
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
                AND NOT a.attisdropped
                AND (t.typname IN ('float4', 'float8', 'numeric', 'money') OR
                    (a.attname LIKE '%%_cents' AND t.typname <> 'int8'))""",
        ),
    ),
    Invariant(
        id="I-04",
        sentence="An attempt is PAID if and only if it has exactly one settlement; so has every receipt. It is marked"
        " reversed if and only if that settlement has its reversal.",
        questions=(
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': ' || a.status || ' with ' || count(s.id)
                || ' settlement(s)'
            FROM payments_attempt a LEFT JOIN payments_settlement s
                ON s.collectivite_id = a.collectivite_id AND s.attempt_id = a.id
            GROUP BY a.collectivite_id, a.id, a.status HAVING count(s.id) <> (a.status = 'paid')::int""",
            """SELECT s.collectivite_id, 'settlement ' || s.id || ': no attempt' FROM payments_settlement s
            WHERE s.receipt_id IS NULL AND NOT EXISTS (SELECT 1 FROM payments_attempt a
                WHERE a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id)""",
            *WHENCE,
        ),
    ),
    Invariant(
        id="I-05",
        sentence="Amount, reference, account and environment are equal in attempt, evidence, settlement and journal.",
        # The exercice too, but not in evidence: PayFiP was recorded answering another than it was told. I-23 asks about
        # the environment of evidence.
        questions=(
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': differs from its attempt'
            FROM payments_settlement s JOIN payments_attempt a
                ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
            WHERE (s.amount_cents, s.account_id, s.environment, s.debt_reference, s.exercice)
                IS DISTINCT FROM (a.amount_cents, a.account_id, a.environment, a.debt_reference, a.exercice)""",
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': rests on another attempt'
            FROM payments_settlement s JOIN payments_evidence v
                ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
            WHERE (v.attempt_id, v.account_id) IS DISTINCT FROM (s.attempt_id, s.account_id)
                OR s.transaction <> '' AND v.facts->>'transaction' IS DISTINCT FROM s.transaction""",
            """SELECT e.collectivite_id, 'journal entry ' || e.number || ': differs from its settlement'
            FROM journal_entry e JOIN payments_settlement s
                ON s.collectivite_id = e.collectivite_id AND s.attempt_id = e.attempt_id
            WHERE e.kind = 'settlement' AND s.attempt_id IS NOT NULL AND (
                (e.amount_cents, e.account_id, e.environment, e.debt_reference, e.exercice)
                IS DISTINCT FROM (s.amount_cents, s.account_id, s.environment, s.debt_reference, s.exercice)
                OR NOT EXISTS (SELECT 1 FROM payments_evidence v WHERE v.collectivite_id = s.collectivite_id
                    AND v.id = s.evidence_id AND e.digests ? v.digest))""",
            """SELECT v.collectivite_id, 'evidence ' || v.id || ': fits, yet says otherwise than its attempt'
            FROM payments_evidence v
            JOIN payments_attempt a ON a.collectivite_id = v.collectivite_id AND a.id = v.attempt_id
            JOIN collectivites_gatewayaccount g ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
            WHERE v.verdict IN ('fits', 'repeated') AND (
                v.facts->>'amount_cents' <> a.amount_cents::text
                OR v.facts->>'debt_reference' <> a.debt_reference
                OR v.facts->>'account_identifier' <> g.identifier)""",
            """SELECT v.collectivite_id, 'evidence ' || v.id || ': of another account than its attempt'
            FROM payments_evidence v JOIN payments_attempt a
                ON a.collectivite_id = v.collectivite_id AND a.id = v.attempt_id
            WHERE v.account_id <> a.account_id""",
            """SELECT v.collectivite_id, 'evidence ' || v.id || ': differs from its message'
            FROM payments_evidence v JOIN payments_inboxmessage m
                ON m.collectivite_id = v.collectivite_id AND m.id = v.message_id
            WHERE (m.account_id, m.digest) IS DISTINCT FROM (v.account_id, v.digest)
                OR m.attempt_id IS DISTINCT FROM v.attempt_id AND m.attempt_id IS NOT NULL""",
            """SELECT e.collectivite_id, 'event ' || e.attempt_id || '.' || e.number || ': evidence of something else'
            FROM payments_attemptevent e JOIN payments_evidence v
                ON v.collectivite_id = e.collectivite_id AND v.id = e.evidence_id
            WHERE v.attempt_id IS DISTINCT FROM e.attempt_id OR v.verdict <> 'fits'""",
            *RECEIPTS_ALIKE,
            digests_of_receipts,
        ),
    ),
    Invariant(
        id="I-06",
        sentence="Every settlement rests on evidence of rank 2 or more that says paid; on a receipt that an agent"
        " entered, with its voucher; or on a message signed for one"
        " of our references, brought by the gateway's server, and is then confirmed, provisional, or waits in a case.",
        questions=(
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': not proved'
            FROM payments_settlement s LEFT JOIN payments_evidence v
                ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
            WHERE s.receipt_id IS NULL
                AND (v.id IS NULL OR v.rank < 1 OR v.rank IS DISTINCT FROM s.rank OR v.verdict <> 'fits'
                    OR v.outcome <> 'paid')""",
            *RECEIPTS_PROVE,
            *SIGNED_SETTLEMENTS,
            unconfirmed,
        ),
    ),
    Invariant(
        id="I-07",
        sentence="Every settlement has exactly one journal entry, and every such entry its settlement; so has every"
        " reversal, whose entry corrects the settlement's. Every settlement in régie whose payer is known has one"
        " ticket that is due, sent or given up; no other has any.",
        questions=(
            """SELECT collectivite_id, coalesce('attempt ' || attempt_id, 'receipt ' || receipt_id, 'nothing') || ': '
                || count(s) || ' settlement(s), ' || count(e) || ' journal entry(ies)'
            FROM (
                SELECT collectivite_id, attempt_id, receipt_id, 1 AS s, NULL::int AS e FROM payments_settlement
                UNION ALL
                SELECT collectivite_id, attempt_id, receipt_id, NULL, 1 FROM journal_entry WHERE kind = 'settlement'
            ) AS either
            GROUP BY collectivite_id, attempt_id, receipt_id HAVING count(e) <> count(s) OR count(s) > 1""",
            *REVERSALS_IN_BOOKS,
            *ONE_TICKET,
        ),
    ),
    Invariant(
        id="I-08",
        sentence="For each account, or régie, and accounting day, the journal's sum is the settlements' sum, less what"
        " was reversed that day; what a file says was"
        " paid is settled, of no attempt of ours, or waits in a case.",
        questions=(
            """SELECT collectivite_id, coalesce('account ' || account_id, 'régie ' || regie_id, 'nobody') || ' on '
                || accounting_day || ': the books differ by ' || sum(cents) || ' cents'
            FROM (
                SELECT collectivite_id, account_id, regie_id, accounting_day,
                    CASE kind WHEN 'reversal' THEN -amount_cents ELSE amount_cents END AS cents
                FROM journal_entry WHERE kind IN ('settlement', 'reversal')
                UNION ALL
                SELECT s.collectivite_id, s.account_id, r.regie_id, s.accounting_day, -s.amount_cents
                FROM payments_settlement s LEFT JOIN payments_counterreceipt r
                    ON r.collectivite_id = s.collectivite_id AND r.id = s.receipt_id
                UNION ALL
                SELECT s.collectivite_id, s.account_id, r.regie_id, v.accounting_day, s.amount_cents
                FROM payments_reversal v JOIN payments_settlement s
                    ON s.collectivite_id = v.collectivite_id AND s.id = v.settlement_id
                LEFT JOIN payments_counterreceipt r
                    ON r.collectivite_id = s.collectivite_id AND r.id = s.receipt_id
            ) AS both_sides
            GROUP BY collectivite_id, account_id, regie_id, accounting_day HAVING sum(cents) <> 0""",
            *RECONCILED_DAYS,
        ),
    ),
    Invariant(
        id="I-09",
        sentence="A gateway reference is unique for ever in its account; so is an account at its gateway.",
        questions=(
            """SELECT min(collectivite_id), 'account ' || account_id || ': a reference of attempts '
                || string_agg(id::text, ', ' ORDER BY id)
            FROM payments_attempt GROUP BY account_id, reference HAVING count(*) > 1""",
            """SELECT min(collectivite_id), 'accounts ' || string_agg(id::text, ', ' ORDER BY id) || ': one contract'
            FROM collectivites_gatewayaccount GROUP BY gateway, identifier, environment HAVING count(*) > 1""",
            """SELECT min(collectivite_id), 'accounts ' || string_agg(id::text, ', ' ORDER BY id)
                || ': one contract in several collectivités'
            FROM collectivites_gatewayaccount GROUP BY gateway, identifier
            HAVING count(DISTINCT collectivite_id) > 1""",
            """SELECT min(collectivite_id), 'an address of attempts ' || string_agg(id::text, ', ' ORDER BY id)
            FROM payments_attempt GROUP BY notification_digest HAVING count(*) > 1""",
            *KEYS,
            *TRANSACTIONS,
        ),
    ),
    Invariant(
        id="I-11",
        sentence="The books are append-only, gapless and chained; they name every piece of evidence by D+1 06:00.",
        questions=(
            """SELECT NULL, 'role ' || r.rolname || ' may alter ' || t.name
            FROM unnest(%(append_only_tables)s::text[]) AS t(name)
            CROSS JOIN (SELECT rolname FROM pg_roles WHERE rolname
                IN ('regal_app', 'regal_finder', 'regal_verify')) AS r
            WHERE has_table_privilege(r.rolname, t.name, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
                OR has_any_column_privilege(r.rolname, t.name, 'UPDATE')""",
            """SELECT NULL, 'table ' || t.name || ': trigger ' || wanted.name || ' is missing or off'
            FROM unnest(%(append_only_tables)s::text[]) AS t(name)
            CROSS JOIN (VALUES ('append_only', 27), ('append_only_whole', 34)) AS wanted(name, type)
            WHERE NOT EXISTS (
                SELECT 1 FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
                WHERE g.tgrelid = t.name::regclass AND g.tgname = wanted.name AND g.tgtype = wanted.type
                    AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL AND g.tgattr = ''
                    AND p.proname = CASE WHEN t.name = 'payments_inboxmessage' AND wanted.name = 'append_only'
                        THEN 'regal_inbox_append_only' ELSE 'regal_append_only' END)""",
            """SELECT NULL, 'function ' || f.name || ': its text has changed'
            FROM unnest(%(guard_functions)s::text[], %(guard_texts)s::text[]) AS f(name, text)
            WHERE NOT EXISTS (SELECT 1 FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
                AND p.proname = f.name AND md5(p.prosrc) = f.text)""",
            """SELECT collectivite_id, 'journal entry ' || number || ': expected number ' || expected
            FROM (
                SELECT collectivite_id, number,
                    row_number() OVER (PARTITION BY collectivite_id ORDER BY number, id) AS expected
                FROM journal_entry
            ) AS numbered WHERE number <> expected""",
            """SELECT coalesce(h.collectivite_id, e.collectivite_id), 'journal head: not the last entry'
            FROM journal_head h FULL JOIN (
                SELECT DISTINCT ON (collectivite_id) collectivite_id, number, hash FROM journal_entry
                ORDER BY collectivite_id, number DESC
            ) AS e ON e.collectivite_id = h.collectivite_id
            WHERE (h.number, h.hash) IS DISTINCT FROM (coalesce(e.number, 0), coalesce(e.hash, %(genesis)s))""",
            _chain,
            """SELECT v.collectivite_id, 'evidence ' || v.id || ': named by no journal entry'
            FROM payments_evidence v LEFT JOIN (
                SELECT DISTINCT e.collectivite_id, d.digest
                FROM journal_entry e CROSS JOIN jsonb_array_elements_text(e.digests) AS d(digest)
            ) AS named ON named.collectivite_id = v.collectivite_id AND named.digest = v.digest
            WHERE v.judged_day <= %(sealed_day)s AND named.digest IS NULL""",
            """SELECT named.collectivite_id, 'journal entry ' || named.number || ': evidence is gone'
            FROM (
                SELECT DISTINCT e.collectivite_id, e.number, d.digest
                FROM journal_entry e CROSS JOIN jsonb_array_elements_text(e.digests) AS d(digest)
            ) AS named LEFT JOIN payments_evidence v
                ON v.collectivite_id = named.collectivite_id AND v.digest = named.digest
            LEFT JOIN payments_counterreceipt r
                ON r.collectivite_id = named.collectivite_id AND r.digest = named.digest
            WHERE v.id IS NULL AND r.id IS NULL""",
        ),
    ),
    Invariant(
        id="I-12",
        sentence="A correction is a later entry that names the corrected one, its author and the reason.",
        questions=(
            """SELECT e.collectivite_id, 'journal entry ' || e.number || ': incomplete correction'
            FROM journal_entry e LEFT JOIN journal_entry c
                ON c.collectivite_id = e.collectivite_id AND c.id = e.corrects_id
            WHERE e.corrects_id IS NOT NULL
                AND (c.id IS NULL OR c.number >= e.number OR e.author = '' OR e.reason = '')""",
        ),
    ),
    Invariant(
        id="I-13",
        sentence="A settlement happened at its gateway's time; its accounting day is that day in Paris.",
        questions=(
            """SELECT s.collectivite_id, 'settlement of attempt ' || s.attempt_id || ': time or day'
            FROM payments_settlement s LEFT JOIN payments_evidence v
                ON v.collectivite_id = s.collectivite_id AND v.id = s.evidence_id
            WHERE s.accounting_day <> (s.occurred_at AT TIME ZONE 'Europe/Paris')::date
                OR s.receipt_id IS NULL AND s.occurred_at <> coalesce(v.occurred_at, s.recorded_at)""",
            *DAYS_OF_RECEIPTS,
            """SELECT e.collectivite_id, 'journal entry ' || e.number || ': time or day'
            FROM journal_entry e LEFT JOIN payments_settlement s
                ON s.collectivite_id = e.collectivite_id AND s.attempt_id = e.attempt_id
            WHERE e.kind = 'settlement' AND (
                e.accounting_day <> (e.occurred_at AT TIME ZONE 'Europe/Paris')::date
                OR (s.id IS NOT NULL AND e.occurred_at <> s.occurred_at))""",
        ),
    ),
    Invariant(
        id="I-23",
        sentence="Environments never mix: attempt, evidence, settlement and journal have their account's.",
        questions=(
            """SELECT x.collectivite_id, x.key || ': another environment than its account'
            FROM (
                SELECT collectivite_id, account_id, environment, 'attempt ' || id AS key FROM payments_attempt
                UNION ALL
                SELECT collectivite_id, account_id, environment, 'settlement of attempt ' || attempt_id
                FROM payments_settlement WHERE receipt_id IS NULL
                UNION ALL
                SELECT collectivite_id, account_id, environment, 'journal entry ' || number FROM journal_entry
                WHERE account_id IS NOT NULL
                UNION ALL
                SELECT collectivite_id, account_id, facts->>'environment', 'evidence ' || id FROM payments_evidence
                WHERE verdict IN ('fits', 'repeated') AND facts ? 'environment'
            ) AS x LEFT JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = x.collectivite_id AND g.id = x.account_id
            WHERE g.environment IS DISTINCT FROM x.environment""",
            ACCOUNTS_OF_LINES,
        ),
    ),
    Invariant(
        id="I-41",
        sentence="A debt is paid on an account of its own kind and collector; the comptable's stands where his files"
        " say, and a régie's product checks what PayFiP does not.",
        questions=(
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': not the reference of a debt of kind ' || g.debt_kind
            FROM payments_attempt a JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
            WHERE a.debt_reference !~ CASE g.debt_kind
                WHEN 'titre' THEN '^[0-9]{18}$'
                WHEN 'ormc' THEN '^[0-9]{4}[A-Z0-9]{2}[0-9]{2}[0-9]{1,13}$'
                ELSE '^[A-Za-z0-9]{1,30}$' END
                OR (g.debt_kind <> 'regie' AND a.exercice::text IS DISTINCT FROM left(a.debt_reference, 4))""",
            """SELECT a.collectivite_id, 'attempt ' || a.id || ': on an account of kind ' || g.debt_kind
                || ', for a product of kind ' || p.debt_kind
            FROM payments_attempt a
            JOIN collectivites_gatewayaccount g ON g.collectivite_id = a.collectivite_id AND g.id = a.account_id
            JOIN collectivites_product p ON p.collectivite_id = a.collectivite_id AND p.id = a.product_id
            WHERE g.debt_kind <> p.debt_kind""",
            """SELECT p.collectivite_id, 'product ' || p.id || ': another kind than its account'
            FROM collectivites_product p JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = p.collectivite_id AND g.id = p.account_id
            WHERE p.debt_kind <> g.debt_kind""",
            """SELECT p.collectivite_id, 'product ' || p.id || ': takes any number or amount for a régie'
            FROM collectivites_product p
            WHERE p.debt_kind = 'regie' AND (p.min_amount_cents IS NULL OR p.max_amount_cents IS NULL
                OR coalesce(p.reference_form->>'pattern', '') || coalesce(p.reference_form->>'check_key', '') = '')""",
            *WHO_COLLECTS,
            *SAID_BY_THE_COMPTABLE,
        ),
    ),
)
