"""Names go once their class of retention is over: of debts, of quittances, of vouchers. The money stays, with no name.

A class is counted in whole calendar years after the last year that something happened in: names go from 1 January on.
What one look does is bounded, a transaction a batch: killed in between, the next look goes on where it was.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import connection
from django.db.models import Max

from regal.audit.operations import record
from regal.collectivites.models import Collectivite
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.payments.models import CounterPerson
from regal.payments.states import LIVE
from regal.payments.states import State as AttemptState
from regal.receipts.models import QuittancePerson
from regal.titres.models import Debtor, Titre, TitreEvent
from regal.titres.states import ENDED, Event, State

AT_ONCE = 1_000  # names in one transaction
MOST_BATCHES = 20  # of each class, in one town and one look

_NOT_OVER = [*(state.value for state in LIVE), AttemptState.UNKNOWN.value]
_OPEN_CASE = """SELECT FROM cases_case k WHERE k.collectivite_id = a.collectivite_id AND k.subject_kind = 'attempt'
    AND k.subject_id = a.id AND k.closed_at IS NULL"""

# Paid, or ended otherwise, and nothing has happened since: no step, no payment, no attempt; nothing waits for a person.
_TITRES = f"""
SELECT t.id, t.issued_on FROM titres_titre t
WHERE t.collectivite_id = %(town)s AND t.issued_on < %(before)s AND (t.issued_on, t.id) > (%(day)s, %(after)s)
    AND t.exercice < %(year)s
    AND EXISTS (SELECT FROM titres_debtor d WHERE d.collectivite_id = t.collectivite_id AND d.titre_id = t.id)
    AND (t.paid_at < %(since)s OR t.paid_at IS NULL AND t.status = ANY (%(ended)s))
    AND (t.held_until IS NULL OR t.held_until < %(since)s)
    AND NOT EXISTS (SELECT FROM titres_titreevent e WHERE e.collectivite_id = t.collectivite_id AND e.titre_id = t.id
        AND e.recorded_at >= %(since)s)
    AND NOT EXISTS (SELECT FROM payments_allocation l WHERE l.collectivite_id = t.collectivite_id AND l.titre_id = t.id
        AND (l.recorded_at >= %(since)s OR EXISTS (SELECT FROM payments_reversal v
            WHERE v.collectivite_id = l.collectivite_id AND v.settlement_id = l.settlement_id
                AND v.made_at >= %(since)s)))
    AND NOT EXISTS (SELECT FROM payments_share h
        JOIN payments_attempt a ON a.collectivite_id = h.collectivite_id AND a.id = h.attempt_id
        WHERE h.collectivite_id = t.collectivite_id AND h.titre_id = t.id
            AND (a.created_at >= %(since)s OR a.is_provisional OR a.status = ANY (%(live)s) OR EXISTS ({_OPEN_CASE})))
    AND NOT EXISTS (SELECT FROM payments_attempt a  -- hors régie: no titre of ours, its reference
        WHERE t.budget_id IS NOT NULL AND a.collectivite_id = t.collectivite_id
            AND a.debt_reference_reversed = reverse(t.reference)
            AND (a.created_at >= %(since)s OR a.status = ANY (%(live)s) OR EXISTS ({_OPEN_CASE})))
ORDER BY t.issued_on, t.id LIMIT %(most)s FOR UPDATE OF t SKIP LOCKED"""  # noqa: S608 - our own words

_QUITTANCES = f"""
SELECT q.id, q.id FROM receipts_quittance q
WHERE q.collectivite_id = %(town)s AND q.issued_at < %(since)s AND q.year < %(year)s AND q.id > %(after)s
    AND EXISTS (SELECT FROM receipts_quittanceperson p WHERE p.collectivite_id = q.collectivite_id
        AND p.quittance_id = q.id AND p.erased_at IS NULL)
    AND NOT EXISTS (SELECT FROM payments_reversal v WHERE v.collectivite_id = q.collectivite_id
        AND v.settlement_id = q.settlement_id AND v.made_at >= %(since)s)
    AND NOT EXISTS (SELECT FROM payments_settlement s
        JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
        WHERE s.collectivite_id = q.collectivite_id AND s.id = q.settlement_id AND EXISTS ({_OPEN_CASE}))
ORDER BY q.id LIMIT %(most)s"""  # noqa: S608

_VOUCHERS = """
SELECT p.id, p.id FROM payments_counterperson p
JOIN payments_counterreceipt r ON r.collectivite_id = p.collectivite_id AND r.id = p.receipt_id
WHERE p.collectivite_id = %(town)s AND r.made_at < %(since)s AND r.received_on < %(before)s AND p.id > %(after)s
    AND NOT EXISTS (SELECT FROM payments_settlement s JOIN payments_reversal v
        ON v.collectivite_id = s.collectivite_id AND v.settlement_id = s.id
        WHERE s.collectivite_id = r.collectivite_id AND s.receipt_id = r.id AND v.made_at >= %(since)s)
ORDER BY p.id LIMIT %(most)s"""


@dataclass(frozen=True, kw_only=True)
class Erased:
    """How many things of a town lost their names."""

    titres: int = 0
    quittances: int = 0
    vouchers: int = 0

    @property
    def whole(self) -> int:
        return self.titres + self.quittances + self.vouchers


def first_kept_year(now: datetime, years: int) -> int:
    """The first calendar year, in Paris, of which names are kept still."""
    return paris.today(now).year - years


def erase_names(*, collectivite: Collectivite, debtor_years: int, quittance_years: int, now: datetime) -> Erased:
    """Erase what is over, in batches. Called again it finds nothing more; call it outside `tenant()`."""
    since_debtors, since_quittances = first_kept_year(now, debtor_years), first_kept_year(now, quittance_years)
    return Erased(
        titres=_in_batches(collectivite, "titres", since_debtors, now=now),
        quittances=_in_batches(collectivite, "quittances", since_quittances, now=now),
        vouchers=_in_batches(collectivite, "vouchers", since_quittances, now=now),
    )


def _in_batches(collectivite: Collectivite, what: str, year: int, *, now: datetime) -> int:
    erased, day, after = 0, date.min, 0
    for _batch in range(MOST_BATCHES):
        with tenant(collectivite):
            found = _over(collectivite, what, year=year, day=day, after=after)
            if not found:
                break
            keys = [key for key, _place in found]
            _ERASE[what](collectivite, keys, now)
            record(
                collectivite=collectivite,
                action="erase_names",
                subject=f"names of {what}",
                after={"names": len(keys), "until": year - 1},
                now=now,
            )
        erased += len(keys)
        after = found[-1][0]
        day = found[-1][1] if what == "titres" else day
        if len(found) < AT_ONCE:
            break
    return erased


def _over(collectivite: Collectivite, what: str, *, year: int, day: date, after: int) -> list[tuple[int, date]]:
    asked: dict[str, Any] = {
        "town": collectivite.pk,
        "year": year,
        "before": date(year, 1, 1),
        "since": paris.at(date(year, 1, 1), time(0)),
        "day": day,
        "after": after,
        "ended": [state.value for state in ENDED],
        "live": _NOT_OVER,
        "most": AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute({"titres": _TITRES, "quittances": _QUITTANCES, "vouchers": _VOUCHERS}[what], asked)
        return list(cursor.fetchall())


def _erase_debtors(collectivite: Collectivite, keys: list[int], now: datetime) -> None:
    """PostgreSQL forgets the words that nobody else's name has."""
    Debtor.objects.of(collectivite).filter(titre__in=keys).delete()
    told = TitreEvent.objects.of(collectivite).filter(titre__in=keys).order_by()
    last = dict(told.values_list("titre").annotate(last=Max("number")))
    status = dict(Titre.objects.of(collectivite).filter(pk__in=keys).values_list("pk", "status"))
    TitreEvent.objects.of(collectivite).bulk_create(
        TitreEvent(
            collectivite_id=collectivite.pk,
            titre_id=key,
            number=last[key] + 1,
            event=Event.NAME_ERASED,
            from_state=State(status[key]),
            to_state=State(status[key]),
            recorded_at=now,
        )
        for key in keys
    )


def _erase_from_quittances(collectivite: Collectivite, keys: list[int], now: datetime) -> None:
    """One row without a name stays, to say since when."""
    people = QuittancePerson.objects.of(collectivite)
    people.filter(quittance__in=keys).delete()
    people.bulk_create(
        QuittancePerson(collectivite_id=collectivite.pk, quittance_id=key, name="", erased_at=now) for key in keys
    )


def _erase_from_vouchers(collectivite: Collectivite, keys: list[int], now: datetime) -> None:
    CounterPerson.objects.of(collectivite).filter(pk__in=keys).delete()


_ERASE = {"titres": _erase_debtors, "quittances": _erase_from_quittances, "vouchers": _erase_from_vouchers}
