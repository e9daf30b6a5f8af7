"""Invariants of names: none outlives its class, none goes before its debt has ended, and what went is told."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from regal.lib import paris
from regal.proof.findings import Invariant

LONGEST_MONTH = timedelta(days=31)
GRACE = timedelta(days=31)  # a look is bounded, and a worker may have been away

_WAITS = """EXISTS (SELECT 1 FROM cases_case k WHERE k.collectivite_id = a.collectivite_id
    AND k.subject_kind = 'attempt' AND k.subject_id = a.id AND k.closed_at IS NULL)"""
_YEAR_OF = "extract(year FROM {} AT TIME ZONE 'Europe/Paris')"

# Whatever setting a platform has, a class lasts a whole year at least after the last one that something happened in.
_TOO_EARLY = f"{_YEAR_OF.format('e.recorded_at')} - 1"


def _told(what: str, count: str) -> str:
    """What the audit counts at each instant is what there is."""
    return f"""SELECT coalesce(there.collectivite_id, told.collectivite_id), 'names of {what} erased at '
        || coalesce(there.at, told.at) || ': ' || coalesce(there.names, 0) || ', the audit says '
        || coalesce(told.names, 0)
    FROM ({count}) AS there FULL JOIN (
        SELECT collectivite_id, at, sum((after->>'names')::bigint) AS names FROM audit_auditentry
        WHERE action = 'erase_names' AND subject = 'names of {what}' GROUP BY collectivite_id, at
    ) AS told ON (told.collectivite_id, told.at) = (there.collectivite_id, there.at)
    WHERE there.names IS DISTINCT FROM told.names"""  # noqa: S608 - our own words


NAMES = (
    Invariant(
        id="I-37",
        sentence="No name or address outlives its class: of a debt, a quittance, a voucher, a payer; none goes"
        " before its debt has ended; those that went are steps of debts or marks on quittances, told in the audit.",
        questions=(
            f"""SELECT t.collectivite_id, 'titre ' || t.id || ': ended long ago, and its debtor still named'
            FROM titres_titre t JOIN titres_debtor d ON d.collectivite_id = t.collectivite_id AND d.titre_id = t.id
            WHERE t.exercice < %(debtors_year)s AND t.issued_on < %(debtors_since)s::date
                AND (t.paid_at IS NOT NULL
                    OR t.status IN ('cancelled', 'transferred', 'written_off', 'closed', 'rejected'))
                AND %(debtors_since)s > greatest(t.paid_at, t.held_until,
                    (SELECT max(e.recorded_at) FROM titres_titreevent e
                        WHERE e.collectivite_id = t.collectivite_id AND e.titre_id = t.id),
                    (SELECT max(greatest(l.recorded_at, v.made_at)) FROM payments_allocation l
                        LEFT JOIN payments_reversal v
                            ON v.collectivite_id = l.collectivite_id AND v.settlement_id = l.settlement_id
                        WHERE l.collectivite_id = t.collectivite_id AND l.titre_id = t.id),
                    (SELECT max(a.created_at) FROM payments_share h JOIN payments_attempt a
                        ON a.collectivite_id = h.collectivite_id AND a.id = h.attempt_id
                        WHERE h.collectivite_id = t.collectivite_id AND h.titre_id = t.id))
                AND NOT EXISTS (SELECT 1 FROM payments_share h JOIN payments_attempt a
                    ON a.collectivite_id = h.collectivite_id AND a.id = h.attempt_id
                    WHERE h.collectivite_id = t.collectivite_id AND h.titre_id = t.id
                        AND (a.is_provisional OR a.status = 'unknown' OR a.status = ANY (%(live_states)s::text[])
                            OR {_WAITS}))
                AND NOT (t.collector = 'comptable' AND EXISTS (SELECT 1 FROM payments_attempt a
                    WHERE a.collectivite_id = t.collectivite_id AND a.debt_reference_reversed = reverse(t.reference)
                        AND (a.created_at >= %(debtors_since)s OR a.status = 'unknown'
                            OR a.status = ANY (%(live_states)s::text[]) OR {_WAITS})))""",  # noqa: S608
            f"""SELECT e.collectivite_id, 'titre ' || e.titre_id || ': its debtor''s name went too early'
            FROM titres_titreevent e
            JOIN titres_titre t ON t.collectivite_id = e.collectivite_id AND t.id = e.titre_id
            LEFT JOIN titres_titreevent before ON before.collectivite_id = e.collectivite_id
                AND before.titre_id = e.titre_id AND before.number = e.number - 1
            WHERE e.event = 'name_erased' AND (t.exercice >= {_TOO_EARLY}
                OR {_YEAR_OF.format("before.recorded_at")} >= {_TOO_EARLY}
                OR e.to_state IN ('open', 'suspended') AND (
                    SELECT coalesce(sum(l.amount_cents), 0) FROM payments_allocation l
                    WHERE l.collectivite_id = e.collectivite_id AND l.titre_id = e.titre_id
                        AND l.recorded_at < e.recorded_at AND NOT EXISTS (SELECT 1 FROM payments_reversal v
                            WHERE v.collectivite_id = l.collectivite_id AND v.settlement_id = l.settlement_id
                                AND v.made_at < e.recorded_at)
                ) < t.amount_cents + (
                    SELECT coalesce(sum(CASE j.direction WHEN 'increase' THEN 1 ELSE -1 END * j.amount_cents), 0)
                    FROM titres_adjustment j WHERE j.collectivite_id = e.collectivite_id AND j.titre_id = e.titre_id
                        AND j.made_at < e.recorded_at))""",  # noqa: S608
            """SELECT d.collectivite_id, 'titre ' || d.titre_id || ': its debtor''s name is erased, and still there'
            FROM titres_debtor d
            JOIN titres_titreevent e ON e.collectivite_id = d.collectivite_id AND e.titre_id = d.titre_id
                AND e.event = 'name_erased'
            WHERE NOT EXISTS (SELECT 1 FROM titres_titreevent n WHERE n.collectivite_id = e.collectivite_id
                AND n.titre_id = e.titre_id AND n.number > e.number AND n.changes ? 'debtor')""",
            _told(
                "titres",
                "SELECT collectivite_id, recorded_at AS at, count(*) AS names FROM titres_titreevent"
                " WHERE event = 'name_erased' GROUP BY collectivite_id, recorded_at",
            ),
            f"""SELECT q.collectivite_id, 'quittance ' || q.id || ': issued long ago, and still names somebody'
            FROM receipts_quittance q WHERE q.year < %(quittances_year)s
                AND EXISTS (SELECT 1 FROM receipts_quittanceperson p
                    WHERE p.collectivite_id = q.collectivite_id AND p.quittance_id = q.id AND p.erased_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM payments_reversal v WHERE v.collectivite_id = q.collectivite_id
                    AND v.settlement_id = q.settlement_id AND v.made_at >= %(quittances_since)s)
                AND NOT EXISTS (SELECT 1 FROM payments_settlement s
                    JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
                    WHERE s.collectivite_id = q.collectivite_id AND s.id = q.settlement_id AND {_WAITS})""",  # noqa: S608
            f"""SELECT p.collectivite_id, 'quittance ' || p.quittance_id || ': names erased too early, or not all'
            FROM receipts_quittanceperson p
            JOIN receipts_quittance q ON q.collectivite_id = p.collectivite_id AND q.id = p.quittance_id
            WHERE p.erased_at IS NOT NULL AND (q.year >= {_YEAR_OF.format("p.erased_at")} - 1
                OR EXISTS (SELECT 1 FROM receipts_quittanceperson o WHERE o.collectivite_id = p.collectivite_id
                    AND o.quittance_id = p.quittance_id AND o.id <> p.id))""",  # noqa: S608
            _told(
                "quittances",
                "SELECT collectivite_id, erased_at AS at, count(*) AS names FROM receipts_quittanceperson"
                " WHERE erased_at IS NOT NULL GROUP BY collectivite_id, erased_at",
            ),
            """SELECT p.collectivite_id, 'receipt ' || p.receipt_id || ': entered long ago, and still names somebody'
            FROM payments_counterperson p
            JOIN payments_counterreceipt r ON r.collectivite_id = p.collectivite_id AND r.id = p.receipt_id
            WHERE r.made_at < %(quittances_since)s AND NOT EXISTS (SELECT 1 FROM payments_settlement s
                JOIN payments_reversal v ON v.collectivite_id = s.collectivite_id AND v.settlement_id = s.id
                WHERE s.collectivite_id = r.collectivite_id AND s.receipt_id = r.id
                    AND v.made_at >= %(quittances_since)s)""",
            f"""SELECT a.collectivite_id, 'attempt ' || a.id || ': begun long ago, and its payer''s address still there'
            FROM payments_attempt a JOIN payments_payer p
                ON p.collectivite_id = a.collectivite_id AND p.attempt_id = a.id
            LEFT JOIN payments_settlement s ON s.collectivite_id = a.collectivite_id AND s.attempt_id = a.id
            WHERE greatest(a.created_at, s.recorded_at) < %(payers_since)s AND NOT a.is_provisional
                AND a.status <> 'unknown' AND a.status <> ALL (%(live_states)s::text[]) AND NOT {_WAITS}""",  # noqa: S608
        ),
    ),
)


def parameters(now: datetime) -> dict[str, Any]:
    """The first year, and its first instant, of which names may be there still."""
    told: dict[str, Any] = {}
    for name, years in (("debtors", settings.DEBTOR_YEARS), ("quittances", settings.QUITTANCE_YEARS)):
        year = paris.today(now - GRACE).year - years
        told |= {f"{name}_year": year, f"{name}_since": paris.at(date(year, 1, 1), time(0))}
    return told | {"payers_since": now - GRACE - settings.PAYER_MONTHS * LONGEST_MONTH}
