"""Names and addresses go once their class of retention is over: of debts, quittances, vouchers, payers. Money stays.

Names are counted in whole calendar years after the last year that something happened in, and go from 1 January on;
payers' e-mail addresses in whole months after that of the payment.
What one look does is bounded, a transaction a batch: killed in between, the next look goes on where it was.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import Max

from regal.audit.operations import record
from regal.collectivites.models import Collectivite
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.payments.models import CounterPerson, Payer
from regal.payments.states import LIVE
from regal.payments.states import State as AttemptState
from regal.receipts.models import QuittancePerson
from regal.titres.models import Debtor, Titre, TitreEvent
from regal.titres.states import ENDED, Event, State

AT_ONCE = 1_000  # names in one transaction
MOST_BATCHES = 100  # of each class, in one town and one look

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
ORDER BY t.issued_on, t.id LIMIT %(most)s FOR NO KEY UPDATE OF t SKIP LOCKED"""  # noqa: S608 - our own words

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


_PAYERS = f"""
SELECT p.id, p.id FROM payments_payer p
JOIN payments_attempt a ON a.collectivite_id = p.collectivite_id AND a.id = p.attempt_id
WHERE p.collectivite_id = %(town)s AND p.id > %(after)s AND a.created_at < %(since)s AND NOT a.is_provisional
    AND NOT a.status = ANY (%(live)s) AND NOT EXISTS ({_OPEN_CASE})
    AND NOT EXISTS (SELECT FROM payments_settlement s WHERE s.collectivite_id = a.collectivite_id
        AND s.attempt_id = a.id AND s.recorded_at >= %(since)s)
ORDER BY p.id LIMIT %(most)s"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Erased:
    """How many things of a town lost their names, or their addresses."""

    titres: int = 0
    quittances: int = 0
    vouchers: int = 0
    payers: int = 0

    @property
    def whole(self) -> int:
        return self.titres + self.quittances + self.vouchers + self.payers


def first_kept_year(now: datetime, years: int) -> date:
    """The first day, in Paris, of which names are kept still."""
    return date(paris.today(now).year - years, 1, 1)


def first_kept_month(now: datetime, months: int) -> date:
    """The first day, in Paris, of which addresses are kept still."""
    year, month = divmod(paris.today(now).year * 12 + paris.today(now).month - 1 - months, 12)
    return date(year, month + 1, 1)


def erase_names(
    *, collectivite: Collectivite, debtor_years: int, quittance_years: int, payer_months: int, now: datetime
) -> Erased:
    """Erase what is over, in batches. Called again it finds nothing more; call it outside `tenant()`.

    What fails for one class is raised once the others are done.
    """
    since_quittances = first_kept_year(now, quittance_years)
    since = {
        "titres": first_kept_year(now, debtor_years),
        "quittances": since_quittances,
        "vouchers": since_quittances,
        "payers": first_kept_month(now, payer_months),
    }
    erased: dict[str, int] = {}
    failure: Exception | None = None
    for what, first_kept in since.items():
        try:
            erased[what] = _in_batches(collectivite, what, first_kept, now=now)
        except Exception as error:
            failure = error
    if failure is not None:
        raise failure
    return Erased(**erased)


def _in_batches(collectivite: Collectivite, what: str, since: date, *, now: datetime) -> int:
    erased, place = 0, (date.min, 0)
    for _batch in range(MOST_BATCHES):
        with tenant(collectivite):
            found = _over(collectivite, what, since=since, place=place)
            if not found:
                break
            keys = [key for key, _day in found]
            _ERASE[what](collectivite, keys, now)
            record(
                collectivite=collectivite,
                action="erase_names",
                subject=f"names of {what}",
                after={"names": len(keys), "until": (since - timedelta(days=1)).isoformat()},
                now=now,
            )
        erased += len(keys)
        key, day = found[-1]
        place = (day if isinstance(day, date) else date.min, key)
        if len(found) < AT_ONCE:
            break
    return erased


def _over(collectivite: Collectivite, what: str, *, since: date, place: tuple[date, int]) -> list[tuple[int, Any]]:
    """The next of them after a place, and what else places it."""
    asked: dict[str, Any] = {
        "town": collectivite.pk,
        "year": since.year,
        "before": since,
        "since": paris.at(since, time(0)),
        "day": place[0],
        "after": place[1],
        "ended": [state.value for state in ENDED],
        "live": _NOT_OVER,
        "most": AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OVER[what], asked)
        return list(cursor.fetchall())


def _erase_debtors(collectivite: Collectivite, keys: list[int], now: datetime) -> None:
    """PostgreSQL forgets the words that nobody else's name has: looked up by their index, however many there are."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
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


def _erase_payers(collectivite: Collectivite, keys: list[int], now: datetime) -> None:
    Payer.objects.of(collectivite).filter(pk__in=keys).delete()


_OVER = {"titres": _TITRES, "quittances": _QUITTANCES, "vouchers": _VOUCHERS, "payers": _PAYERS}
_ERASE = {
    "titres": _erase_debtors,
    "quittances": _erase_from_quittances,
    "vouchers": _erase_from_vouchers,
    "payers": _erase_payers,
}
