"""Questions about attempts. Call them inside `tenant()`."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Sum, When

from regal.agenda import watches
from regal.cases.models import Case as CaseRow
from regal.cases.models import Kind as CaseKind
from regal.collectivites.models import GatewayAccount, Product, Regie
from regal.gateways.base import Environment, Outcome
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.accounts import gateway_of
from regal.payments.models import (
    Allocation,
    Attempt,
    AttemptEvent,
    Evidence,
    InboxMessage,
    Payer,
    Reversal,
    Settlement,
    Share,
)
from regal.payments.shares import pays, several_of, titre_ids_of
from regal.payments.standing import Standing
from regal.payments.states import BEFORE_LEAVING, LIVE, State
from regal.titres.models import Collector, Titre
from regal.titres.payment_keys import is_key_of
from regal.titres.queries import amount_due, payer_note_of
from regal.titres.states import State as TitreState

MOST_MESSAGES = 200
MOST_SIGNED_MESSAGES = 5_000  # of one attempt, all told: each cost its sender a signature of the gateway
MOST_STRANGE_MESSAGES = 1_000
STRANGE_WITHIN = timedelta(hours=1)
FEW = 5_000
FULL_PAGE = timedelta(minutes=30)
ONE_LINE_PAGE = timedelta(days=7)


def earlier_attempts(
    *, account: GatewayAccount, debt_reference: str, amount: Money, titre_ids: Collection[int] = ()
) -> QuerySet[Attempt]:
    """Attempts on the same debt and amount whose payer left and may be paying, announced paid, or paid.

    Of titres of our own base, alone or among others and whatever the amount was: those that the gateway may still say
    paid, refused or not (I-15). What is paid is left out, because it is no longer due.
    """
    attempts = Attempt.objects.of(account.collectivite)
    may_be_paying = Q(status=State.HANDED_OFF) | Q(announced=Outcome.PAID)
    if not titre_ids:
        found = attempts.filter(account=account, debt_reference=debt_reference, amount=amount)
        may_be_paying |= Q(status=State.PAID)
    else:
        on_them = pays(collectivite_id=account.collectivite_id, titre_ids=titre_ids)
        found = attempts.filter(on_them, environment__in=_same_money(account)).exclude(status=State.PAID)
        may_be_paying |= Q(watches.is_open()) & ~Q(key="")
    return found.filter(may_be_paying).exclude(
        status=State.HANDED_OFF, announced__in=[Outcome.REFUSED, Outcome.ABANDONED]
    )


def _same_money(account: GatewayAccount) -> list[Environment]:
    is_test = account.environment == Environment.TEST
    return [environment for environment in Environment if (environment is Environment.TEST) is is_test]


def others_on_debt(*, attempt: Attempt) -> QuerySet[Attempt]:
    """The other attempts on the same debt, the newest first, whatever became of them and whatever their amount."""
    same = Q(debt_reference=attempt.debt_reference)
    if attempt.titre_id is not None:
        same = pays(collectivite_id=attempt.collectivite_id, titre_ids=titre_ids_of([attempt]))
    return (
        Attempt.objects.filter(same, collectivite=attempt.collectivite_id, account=attempt.account_id)
        .exclude(pk=attempt.pk)
        .select_related("product", "account")
        .order_by("-created_at", "-pk")
    )


def balance_of(titre: Titre) -> Money:
    """What is left to pay of a titre: what is due, less what settlements extinguished."""
    return amount_due(titre) - paid_of(titre)


def paid_of(titre: Titre) -> Money:
    """What settlements extinguished of a titre."""
    allocations = Allocation.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    allocated = live(allocations).aggregate(cents=Sum("amount"))
    return allocated["cents"] or Money.zero


def settled_titres(collectivite_id: int, titre_ids: Collection[int]) -> set[int]:
    """Of these titres of a collectivité, those that real money ever came for, be it in part or too much."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT titre_id FROM payments_allocation"
            " WHERE collectivite_id = %(c)s AND titre_id = ANY (%(titres)s::bigint[])"
            " UNION SELECT h.titre_id FROM payments_share h JOIN payments_settlement s"
            "  ON s.collectivite_id = %(c)s AND s.attempt_id = h.attempt_id AND s.environment <> 'test'"
            " WHERE h.collectivite_id = %(c)s AND h.titre_id = ANY (%(titres)s::bigint[])"
            " UNION SELECT titre_id FROM payments_counterreceipt"
            " WHERE collectivite_id = %(c)s AND titre_id = ANY (%(titres)s::bigint[])",
            {"c": collectivite_id, "titres": list(titre_ids)},
        )
        return {row[0] for row in cursor.fetchall()}


def titres_being_paid(collectivite_id: int, titre_ids: Collection[int]) -> set[int]:
    """Of these titres of a collectivité, those of which an attempt is live, even once it holds them no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT h.titre_id FROM payments_share h JOIN payments_attempt a"
            "  ON a.collectivite_id = %(c)s AND a.id = h.attempt_id AND a.status = ANY (%(live)s::text[])"
            " WHERE h.collectivite_id = %(c)s AND h.titre_id = ANY (%(titres)s::bigint[])",
            {"c": collectivite_id, "titres": list(titre_ids), "live": [state.value for state in LIVE]},
        )
        return {row[0] for row in cursor.fetchall()}


def live(allocations: QuerySet[Allocation]) -> QuerySet[Allocation]:
    """Those whose settlement still counts. Whoever sums allocations sums these."""
    return allocations.filter(~Exists(_reversals_of(OuterRef("settlement"))))


def taken_back(allocations: QuerySet[Allocation]) -> QuerySet[Allocation]:
    """The others: those whose settlement was reversed."""
    return allocations.filter(Exists(_reversals_of(OuterRef("settlement"))))


def still_counting(settlements: QuerySet[Settlement]) -> QuerySet[Settlement]:
    """Those that no reversal names. Whoever sums settlements sums these."""
    return settlements.filter(~Exists(_reversals_of(OuterRef("pk"))))


def _reversals_of(settlement: OuterRef) -> QuerySet[Reversal]:
    return Reversal.objects.filter(collectivite=OuterRef("collectivite"), settlement=settlement)


def taken_back_on(*, attempt: Attempt | None = None, titre: Titre | None = None) -> date | None:
    """The day on which an attempt's money, or the last that was reversed of a titre's, was said to count no more."""
    if attempt is not None:
        found = Reversal.objects.filter(collectivite=attempt.collectivite_id, settlement__attempt=attempt)
    elif titre is not None:
        allocated = Allocation.objects.filter(collectivite=titre.collectivite_id, titre=titre)
        found = Reversal.objects.filter(
            collectivite=titre.collectivite_id, settlement__in=allocated.values("settlement")
        )
    else:
        return None
    return found.order_by("-pk").values_list("accounting_day", flat=True).first()


def fits_balance(*, product: Product, left: Money, amount: Money) -> bool:
    """Whether an amount may be paid of a debt: all that is left, or a part where the product allows it.

    A part, and what remains after it, are not below what the product accepts: it can still be paid online.
    """
    if amount == left:
        return True
    least = product.min_amount or Money(1)
    return product.partial_payment and least <= amount and least <= left - amount


def waiting_on(titre: Titre) -> Money:
    """What was paid too much on a titre and still waits for somebody to decide of it."""
    on_it = pays(collectivite_id=titre.collectivite_id, titre_ids=[titre.pk])
    paid = Attempt.objects.filter(on_it, collectivite=titre.collectivite_id, status=State.PAID)
    waiting = CaseRow.objects.filter(
        collectivite=titre.collectivite_id,
        kind=CaseKind.EXCESS,
        subject_kind="attempt",
        subject_id__in=paid.values("pk"),
        closed_at__isnull=True,
    )
    every = waiting.values_list("facts", flat=True)
    return sum((excess_of(facts, titre_id=titre.pk) for facts in every), Money.zero)


def excess_of(facts: dict[str, Any], *, titre_id: int) -> Money:
    """What an excédent's facts say of one titre; all of it, where the payment had one."""
    if "parts" not in facts:
        return Money(facts["excess_cents"])
    return sum((Money(part["excess_cents"]) for part in facts["parts"] if part["titre"] == titre_id), Money.zero)


def too_much_of(attempt: Attempt) -> Money | None:
    """What a settled attempt brought beyond what its titres still owed; None for nothing, and for test money."""
    is_gone = attempt.status != State.PAID or attempt.is_reversed
    if attempt.titre_id is None or is_gone or attempt.environment == Environment.TEST:
        return None
    allocations = Allocation.objects.filter(collectivite=attempt.collectivite_id, settlement__attempt=attempt)
    allocated = allocations.aggregate(cents=Sum("amount"))["cents"] or Money.zero
    return attempt.amount - allocated if allocated < attempt.amount else None


def paid_beyond(attempt: Attempt) -> list[Share]:
    """Of several titres that a settled attempt paid together, those that owed less than what was paid of them."""
    allocations = Allocation.objects.filter(collectivite=attempt.collectivite_id, settlement__attempt=attempt)
    allocated = dict(allocations.values("titre").annotate(Sum("amount")).values_list("titre", "amount__sum"))
    return [share for share in several_of(attempt) if allocated.get(share.titre_id, Money.zero) < share.amount]


def left_after(attempt: Attempt) -> Money | None:
    """What its payer still owes of a debt that may be paid in several times; None for nothing, and for test money."""
    if attempt.titre is None or not attempt.product.partial_payment or attempt.environment == Environment.TEST:
        return None
    if attempt.status != State.PAID or attempt.titre.status != TitreState.OPEN or several_of(attempt):
        return None
    left = balance_of(attempt.titre)
    return left if left > Money.zero else None


class Situation(StrEnum):
    """What a payer may be told of the invoice that he holds."""

    PAYABLE = "payable"
    UNKNOWN = "unknown"  # no such reference, another amount, another product, a draft, not ours: one answer for all
    PAID = "paid"
    HELD = "held"  # another attempt runs
    SUSPENDED = "suspended"  # why is between the régie and its agents, but for what they say of it; so of the next two
    CANCELLED = "cancelled"
    WRITTEN_OFF = "written_off"
    TRANSFERRED = "transferred"  # to the comptable, who alone collects it
    COMPTABLE = "comptable"  # it never was the régie's: see `reconciliation.comptable.typed_elsewhere`


_STOPPED = {
    TitreState.SUSPENDED: Situation.SUSPENDED,
    TitreState.CANCELLED: Situation.CANCELLED,
    TitreState.WRITTEN_OFF: Situation.WRITTEN_OFF,
    TitreState.TRANSFERRED: Situation.TRANSFERRED,
}


@dataclass(frozen=True, kw_only=True)
class LookUp:
    """What our own base says of a reference, to whoever types its amount or its payment key too."""

    situation: Situation
    titre: Titre | None = None  # unless it is UNKNOWN
    due: Money | None = None  # what is left to pay of it; once it is paid, what it was; unless it is UNKNOWN
    since: datetime | None = None  # paid; or held
    until: datetime | None = None  # held
    is_pending: bool = False  # held by a payment that the bank has neither accepted nor refused
    note: str = ""  # what the régie says to the payer of why it is not payable now


def look_up(
    *,
    product: Product,
    reference: str,
    now: datetime,
    amount: Money | None = None,
    key: str = "",
    may_be_part: bool = False,
) -> LookUp:
    """Say whether an invoice may be paid. Only reference and amount, or reference and key, tell that it exists.

    `key`: the payment key that its notice prints; where one is given it counts alone, and `due` says what is to be
    paid. `may_be_part`: whoever asks has begun to pay this amount of it before, and asks about nothing new.

    The same questions are put to the base, and the same key is made, whatever is wrong: so that the time of the answer
    tells nothing either.
    """
    collectivite_id = product.collectivite_id
    titres = Titre.objects.of(product.collectivite).filter(
        product=product, reference=reference, collector=Collector.REGIE, regie=product.account.regie_id
    )
    titre = titres.exclude(status=TitreState.WITHDRAWN).first()
    asked = titre or Titre(pk=0, collectivite_id=collectivite_id, reference=reference, amount=Money.zero)
    due, paid, note = amount_due(asked), paid_of(asked), payer_note_of(asked)
    has_key = is_key_of(asked, key)
    if titre is None or titre.status == TitreState.DRAFT or (key and not has_key):
        return LookUp(situation=Situation.UNKNOWN)
    left = due - paid
    is_a_part = may_be_part and product.partial_payment
    if titre.paid_at is not None and (key or amount in (due, paid) or is_a_part):
        return LookUp(situation=Situation.PAID, titre=titre, due=due, since=titre.paid_at)
    fits = amount == left or (is_a_part and amount and fits_balance(product=product, left=left, amount=amount))
    if not key and not fits:
        return LookUp(situation=Situation.UNKNOWN)
    if titre.status != TitreState.OPEN:
        stopped = _STOPPED.get(TitreState(titre.status), Situation.UNKNOWN)
        return LookUp(situation=stopped, titre=titre, due=left, note=note)
    if titre.is_held(now):
        return _held(titre, due=left)
    return LookUp(situation=Situation.PAYABLE, titre=titre, due=left)


def _held(titre: Titre, *, due: Money) -> LookUp:
    """Since when: since its payer left, or is about to."""
    runs = Attempt.objects.filter(collectivite=titre.collectivite_id, pk=titre.held_by or 0).first()
    return LookUp(
        situation=Situation.HELD,
        titre=titre,
        due=due,
        since=(runs.handed_off_at or runs.created_at) if runs is not None else None,
        until=titre.held_until,
        is_pending=runs is not None and runs.announced == Outcome.PENDING,
    )


def paid_online(titre: Titre) -> list[Attempt]:
    """The payments online that still count for a titre, the last one first: their payers have, or had, an address."""
    allocations = live(Allocation.objects.filter(collectivite=titre.collectivite_id, titre=titre))
    found = Attempt.objects.filter(
        collectivite=titre.collectivite_id, pk__in=allocations.values("settlement__attempt")
    ).select_related("account", "collectivite")
    return list(found.order_by("-pk"))


def are_paid_together(product: Product) -> bool:
    """Whether several titres of a product may be paid in one payment."""
    regie_id = product.account.regie_id
    if not gateway_of(product.account).needs_titre or regie_id is None:
        return False
    regies = Regie.objects.filter(collectivite=product.collectivite_id, pk=regie_id, several_at_once=True)
    return regies.exists()


def is_said_paid(attempt: Attempt) -> bool:
    """Whether it is paid, or merely announced so."""
    return attempt.status == State.PAID or attempt.announced == Outcome.PAID


def gravest_earlier_attempt(
    *, account: GatewayAccount, debt_reference: str, amount: Money, titre_ids: Collection[int] = ()
) -> Attempt | None:
    """The one to tell a payer of: proved paid, announced paid, pending at the bank, under way, failed; then the latest.

    An attempt begun since must not hide one that is paid: PayFiP takes a régie's invoice twice.
    """
    gravity = Case(
        When(status=State.PAID, then=0),
        When(announced=Outcome.PAID, then=1),
        When(announced=Outcome.PENDING, then=2),
        When(status__in=[State.REFUSED, State.ABANDONED], then=4),
        default=3,
    )
    found = earlier_attempts(account=account, debt_reference=debt_reference, amount=amount, titre_ids=titre_ids)
    return found.select_related("account").order_by(gravity, "-created_at").first()


def attempt_by_handle(*, collectivite: HasKey, handle: str, now: datetime) -> Attempt | None:
    """The attempt that a payer's page shows, for seven days after it was opened."""
    if not tokens.is_well_formed(handle):
        return None
    return (
        Attempt.objects.of(collectivite)
        .select_related("account")
        .filter(handle_digest=tokens.digest(handle), created_at__gt=now - ONE_LINE_PAGE)
        .first()
    )


def attempt_by_flow(*, collectivite: HasKey, flow_token: str) -> Attempt | None:
    """The attempt that one recap opened, however long ago."""
    return Attempt.objects.of(collectivite).filter(flow_digest=tokens.digest(flow_token)).first()


def is_opening(*, attempt: Attempt, now: datetime) -> bool:
    """Whether somebody still waits for its key, and will leave with it."""
    titre = attempt.titre if attempt.status in BEFORE_LEAVING else None
    return titre is not None and titre.held_by == attempt.pk and titre.is_held(now)


def never_left(*, attempt: Attempt) -> bool:
    """Whether no payer was ever given its address: nothing of it can have been paid."""
    return attempt.status in (*BEFORE_LEAVING, State.NEVER_STARTED)


def attempt_by_notification_token(*, collectivite_id: int, token: str) -> Attempt | None:
    """The attempt whose address TIPI was given; None for every address that is not ours."""
    if not tokens.is_well_formed(token):
        return None
    return (
        Attempt.objects.select_related("account")
        .filter(collectivite=collectivite_id, notification_digest=tokens.digest(token))
        .first()
    )


def has_heard_enough(*, attempt: Attempt, is_signed: bool = False) -> bool:
    """Whether an attempt has had more messages than any gateway sends, repetitions included.

    `is_signed`: whether it has even had more than what is well signed may be.
    """
    most = MOST_SIGNED_MESSAGES if is_signed else MOST_MESSAGES
    heard = InboxMessage.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).order_by()
    return heard.values("pk")[most - 1 : most].exists()


def has_received(*, attempt: Attempt, digest: str) -> bool:
    """Whether the very same message of an attempt is stored."""
    return InboxMessage.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt, digest=digest).exists()


def has_unjudged_message(*, attempt: Attempt) -> bool:
    """Whether something was received of an attempt that no worker has judged yet."""
    judged = Evidence.objects.filter(collectivite=attempt.collectivite_id, message=OuterRef("pk"))
    heard = InboxMessage.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    return heard.filter(~Exists(judged)).exists()


def account_by_notification_token(*, collectivite_id: int, token: str, now: datetime) -> GatewayAccount | None:
    """The account whose own address this is, or was a moment ago; None for every address that is not ours."""
    if not tokens.is_well_formed(token):
        return None
    digest = tokens.digest(token)
    is_former = Q(former_notification_digest=digest, former_notification_ends_at__gt=now)
    accounts = GatewayAccount.objects.filter(collectivite=collectivite_id)
    return accounts.filter(Q(notification_digest=digest) | is_former).first()


def has_heard_enough_of_nobody(*, account: GatewayAccount, now: datetime) -> bool:
    """Whether an account's own address was told so much of no attempt of ours that somebody must be playing with it."""
    strange = Evidence.objects.filter(
        collectivite=account.collectivite_id,
        account=account,
        attempt__isnull=True,
        received_at__gt=now - STRANGE_WITHIN,
    ).order_by()
    return strange.values("pk")[MOST_STRANGE_MESSAGES - 1 : MOST_STRANGE_MESSAGES].exists()


def timeline(*, attempt: Attempt) -> QuerySet[AttemptEvent]:
    """Every step of an attempt, in order."""
    return (
        AttemptEvent.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
        .select_related("evidence")
        .order_by("number")
    )


def evidence_about(*, attempt: Attempt) -> QuerySet[Evidence]:
    """Everything that was heard of an attempt, as it was judged."""
    return (
        Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
        .select_related("message")
        .order_by("pk")
    )


def nudged_keys(*, attempt: Attempt, since: datetime | None = None) -> list[str]:
    """The keys that nudges named for an attempt without its own, and that no answer has ruled out, the last one first.

    `since`: only those named at that instant or later.
    """
    heard = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt, facts__has_key="key")
    ruled_out = {row.facts["key"] for row in heard.filter(source="inquiry", verdict=Evidence.Verdict.UNREADABLE)}
    named = heard.filter(source="notification", verdict=Evidence.Verdict.FITS).order_by("-pk")
    if since is not None:
        named = named.filter(received_at__gte=since)
    return list(dict.fromkeys(row.facts["key"] for row in named if row.facts["key"] not in ruled_out))


class ByDay(StrEnum):
    """Which of an attempt's days a period speaks of."""

    STARTED = "commence"
    ANNOUNCED = "annonce"  # and nothing better since: what is proved goes by its own day
    CONFIRMED = "confirme"  # the accounting day


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which attempts of a collectivité are meant; None and "" filter nothing. Days are Europe/Paris, both included."""

    product_id: int | None = None
    by: ByDay = ByDay.STARTED
    first_day: date | None = None
    last_day: date | None = None
    standing: Standing | None = None
    environment: Environment | None = None
    least: Money | None = None
    most: Money | None = None
    end: str = ""  # of the reference, as the payer reads it
    email: str = ""  # of the payer, exact


def selected(*, collectivite: HasKey, selection: Selection) -> QuerySet[Attempt]:
    """The attempts meant, in no order."""
    found = Attempt.objects.of(collectivite)
    if selection.product_id is not None:
        found = found.filter(product=selection.product_id)
    if selection.standing is not None:
        found = found.filter(standing=selection.standing)
    if selection.environment is not None:
        found = found.filter(environment=selection.environment)
        if selection.environment is not Environment.PRODUCTION:
            found = found.exclude(environment=Environment.PRODUCTION)  # said so, the index of the trials serves
    if selection.least is not None and selection.least == selection.most:
        found = found.filter(amount=selection.least)
    else:
        if selection.least is not None:
            found = found.filter(amount__gte=selection.least)
        if selection.most is not None:
            found = found.filter(amount__lte=selection.most)
    if selection.end:
        found = found.filter(_ends_with(selection.end, collectivite=collectivite))
    if selection.email:
        addresses = {selection.email, selection.email.lower()}
        payers = Payer.objects.of(collectivite).filter(email__in=addresses)
        found = found.filter(pk__in=payers.values("attempt"))
    return _in_period(found, collectivite=collectivite, selection=selection)


def _in_period(found: QuerySet[Attempt], *, collectivite: HasKey, selection: Selection) -> QuerySet[Attempt]:
    first, last = selection.first_day, selection.last_day
    if selection.by is ByDay.CONFIRMED:
        settled = Settlement.objects.of(collectivite)
        if first is not None:
            settled = settled.filter(accounting_day__gte=first)
        if last is not None:
            settled = settled.filter(accounting_day__lte=last)
        found = found.filter(standing=Standing.CONFIRMED)
        return found.filter(pk__in=_few_or_all(settled)) if first or last else found
    moment = "created_at"
    if selection.by is ByDay.ANNOUNCED:
        moment, found = "announced_at", found.filter(standing=Standing.ANNOUNCED_PAID)
    if first is not None:
        found = found.filter(**{f"{moment}__gte": paris.day_bounds(first)[0]})
    if last is not None:
        found = found.filter(**{f"{moment}__lt": paris.day_bounds(last)[1]})
    return found


def _few_or_all(settled: QuerySet[Settlement]) -> "list[int] | QuerySet[Any, Any]":
    """The attempts settled: by name when they are few, else as a question within the question.

    Of a day's few hundred, PostgreSQL would otherwise walk through every payment in their search.
    """
    few = list(settled.values_list("attempt_id", flat=True)[: FEW + 1])
    return few if len(few) <= FEW else settled.values("attempt")


def _ends_with(typed: str, *, collectivite: HasKey) -> Q:
    """References that end as typed, of a debt or of one among several.

    A titre's line is padded with zeros in the base, and left out by many payers.
    """
    groups = [group for group in _BETWEEN_GROUPS.split(typed) if group]
    plain = "".join(groups)
    ends = {plain, plain.upper(), plain.lower()}
    if all(group.isdecimal() for group in groups):
        if len(groups) == 1:
            ends |= {f"{plain}{line:06d}" for line in range(1, 10)}
        elif len(groups[-1]) <= 6:
            *_, number, line = groups
            year = groups[0] if len(groups) == 3 else ""
            ends.add(f"{year}{number.zfill(8) if year else number}{line.zfill(6)}")
    meant, among = Q(), Q()
    for end in ends:
        backwards = end[::-1]
        beyond = backwards[:-1] + chr(ord(backwards[-1]) + 1)
        meant |= Q(debt_reference_reversed__gte=backwards, debt_reference_reversed__lt=beyond)
        among |= Q(reference_reversed__gte=backwards, reference_reversed__lt=beyond)
    paid_together = Share.objects.of(collectivite).exclude(reference_reversed="").filter(among)
    few = list(paid_together.values_list("attempt_id", flat=True).order_by()[:FEW])  # by name: the index serves
    return meant | Q(pk__in=few) if few else meant


_BETWEEN_GROUPS = re.compile(r"[\s\-‐‑‒–—−/._…]+")
