"""Questions about deposited files. Call them inside `tenant()`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import BigIntegerField, Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Cast

from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.collectivites.models import GatewayAccount
from regal.gateways.base import DebtKind, Environment, Rank
from regal.gateways.files import FiledPayment, FileKind, LineKind, Said
from regal.gateways.registry import PAYFIP
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Evidence, Settlement
from regal.payments.standing import Standing
from regal.payments.states import State
from regal.reconciliation.matching import PAID_HERE, Candidate, Key, Match, Result, Told, key_of, reference_of
from regal.reconciliation.models import DepositedFile, FiledLine, FiledState
from regal.reconciliation.remises import Known, Operation, operation_of, transaction_of

REAL = (Environment.PRODUCTION, Environment.ACTIVATION)  # where money moves: no file speaks of tests
OF_THE_COMPTABLE = (DebtKind.TITRE, DebtKind.ORMC)
PAYBOX = "paybox"
PADDED = 10  # digits of Paybox's numbers, in some messages
WORKING_DAYS_BEFORE_ABSENT = 2
BATCH = 10_000


def accounts_of_regie(*, collectivite: HasKey, identifier: str) -> QuerySet[GatewayAccount]:
    """The contracts of one PayFiP client of a régie: activation, then production."""
    return GatewayAccount.objects.of(collectivite).filter(
        gateway__in=PAYFIP, debt_kind=DebtKind.REGIE, identifier=identifier, environment__in=REAL
    )


def paybox_accounts(*, collectivite: HasKey) -> list[GatewayAccount]:
    """The Paybox contracts that move money."""
    return list(
        GatewayAccount.objects.of(collectivite)
        .filter(gateway=PAYBOX, environment__in=REAL)
        .order_by("identifier", "pk")
    )


def contract_of(account: GatewayAccount) -> str:
    """Site and rank: whatever the identifiant behind them, Paybox closes one remise for both."""
    return account.identifier.rpartition("-")[0]


def accounts_of_budget(*, collectivite: HasKey, siret: str) -> QuerySet[GatewayAccount]:
    """The contracts by which a budget's titres and rôles are paid."""
    return GatewayAccount.objects.of(collectivite).filter(
        debt_kind__in=OF_THE_COMPTABLE, budget__siret=siret, environment__in=REAL
    )


def accounts_of(file: DepositedFile) -> QuerySet[GatewayAccount]:
    """The contracts that a file speaks of."""
    if file.contracts:
        ours = paybox_accounts(collectivite=file.collectivite)
        named = [one.pk for one in ours if contract_of(one) in file.contract_names]
        return GatewayAccount.objects.of(file.collectivite).filter(pk__in=named)
    if file.account is not None:
        return accounts_of_regie(collectivite=file.collectivite, identifier=file.account.identifier)
    assert file.budget is not None  # the table's own constraint
    return accounts_of_budget(collectivite=file.collectivite, siret=file.budget.siret)


def regie_accounts(*, collectivite: HasKey) -> list[GatewayAccount]:
    """One contract for each PayFiP client of the régies, the one in production if there is: what an agent chooses."""
    rows = (
        GatewayAccount.objects.of(collectivite)
        .filter(gateway__in=PAYFIP, debt_kind=DebtKind.REGIE, environment__in=REAL)
        .select_related("regie")
        .order_by("identifier", "-environment", "pk")  # production after activation, alphabetically
    )
    found: dict[str, GatewayAccount] = {}
    for row in rows:
        found.setdefault(row.identifier, row)
    return list(found.values())


def titres_told(*, file: DepositedFile) -> Counter[Said]:
    """How many titres of our base a confirmed file made stand elsewhere than before, by what it said of them."""
    told = FiledState.objects.of(file.collectivite).filter(file=file, steps__gt=0).order_by().values("said")
    return Counter({Said(row["said"]): row["count"] for row in told.annotate(count=Count("pk"))})


def recent_files(*, collectivite: HasKey) -> QuerySet[DepositedFile]:
    """The newest first, without their bytes."""
    return (
        DepositedFile.objects.of(collectivite)
        .defer("content")
        .select_related("account__regie", "budget", "deposited_by")
        .order_by("-deposited_at", "-pk")
    )


def file_numbered(*, collectivite: HasKey, file_id: int) -> DepositedFile | None:
    """One file, with whose it is and who gave it."""
    return (
        DepositedFile.objects.of(collectivite)
        .select_related("collectivite", "account__regie", "budget", "deposited_by", "confirm_asked_by")
        .filter(pk=file_id)
        .first()
    )


def candidates(
    attempts: QuerySet[Attempt], *, accounts: Sequence[GatewayAccount], payments: Sequence[FiledPayment], days: int
) -> list[Attempt]:
    """Those of `attempts` which some payment of a file may be: of its accounts, its references and its days."""
    if not payments:
        return []
    first, last = _first_and_last(payments)
    since, _ = paris.day_bounds(first - timedelta(days=days))
    _, until = paris.day_bounds(last)
    of_these_days = (
        attempts.filter(account__in=accounts, handed_off_at__gte=since, handed_off_at__lt=until)
        .select_related("account")
        .order_by("pk")
    )
    whole = {one.debt.reference for one in payments if one.debt.reference is not None}
    found = [one for some in _batches(whole) for one in of_these_days.filter(debt_reference__in=some)]
    exercices = {one.debt.exercice for one in payments if one.debt.reference is None and one.debt.exercice is not None}
    in_parts = of_these_days.filter(account__debt_kind=DebtKind.ORMC, exercice__in=exercices)
    if whole:
        seen = {one.pk for one in found}
        return found + [one for one in in_parts if one.pk not in seen]
    return list(in_parts)


def named_attempts(
    attempts: QuerySet[Attempt],
    *,
    collectivite: HasKey,
    accounts: Sequence[GatewayAccount],
    payments: Sequence[FiledPayment],
) -> tuple[list[Attempt], list[Known]]:
    """Those of `attempts` which some line of a remise names, on its contracts; and what `remises` wants of them.

    In the order of their keys, as whoever locks several must take them.
    """
    told = [transaction_of(one) for one in payments]
    found: set[int] = set()
    for some in _batches({one.reference for one in told if one.reference}):
        named = Attempt.objects.of(collectivite).filter(account__in=accounts, reference__in=some)
        found.update(named.values_list("pk", flat=True))
    for some in _batches({form for one in told for form in _forms(one.number)}):
        settled = Settlement.objects.of(collectivite).filter(account__in=accounts, transaction__in=some)
        found.update(settled.values_list("attempt_id", flat=True))
    references = set(Attempt.objects.of(collectivite).filter(pk__in=found).values_list("reference", flat=True))
    unnamed = [one for one in told if one.reference not in references]
    said = Evidence.objects.of(collectivite).filter(
        account__in=accounts, attempt__isnull=False, verdict=Evidence.Verdict.FITS
    )
    for some in _batches({form for one in unnamed for form in _forms(one.number)}):
        found.update(said.filter(facts__transaction__in=some).values_list("attempt_id", flat=True))
    for some in _batches({form for one in unnamed if one.call for form in _forms(one.call)}):
        found.update(said.filter(facts__call__in=some).values_list("attempt_id", flat=True))
    keys = sorted(key for key in found if key is not None)
    ours = [
        one
        for start in range(0, len(keys), BATCH)
        for one in attempts.filter(pk__in=keys[start : start + BATCH]).select_related("account").order_by("pk")
    ]
    return ours, _as_known(ours, collectivite)


def _as_known(attempts: Sequence[Attempt], collectivite: HasKey) -> list[Known]:
    keys = [one.pk for one in attempts]
    settled: dict[int, str] = {}
    heard: dict[int, set[str]] = defaultdict(set)
    calls: dict[int, set[str]] = defaultdict(set)
    taken: set[int | None] = set()
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        settlements = Settlement.objects.of(collectivite).filter(attempt__in=some)
        settled.update(settlements.values_list("attempt_id", "transaction"))
        lines = FiledLine.objects.of(collectivite).filter(attempt__in=some, result__in=PAID_HERE)
        taken |= set(lines.values_list("attempt_id", flat=True))
        said = Evidence.objects.of(collectivite).filter(attempt__in=some, verdict=Evidence.Verdict.FITS)
        for key, transaction, call in said.values_list("attempt_id", "facts__transaction", "facts__call"):
            if key is not None:
                heard[key].add(_unpadded(transaction))
                calls[key].add(_unpadded(call))
    return [
        Known(
            key=one.pk,
            contract=contract_of(one.account),
            reference=one.reference,
            amount=one.amount,
            is_paid=one.status == State.PAID,
            is_provisional=one.is_provisional,
            settled_by=_unpadded(settled.get(one.pk)),
            is_taken=one.pk in taken,
            heard=heard[one.pk] - {""},
            calls=calls[one.pk] - {""},
        )
        for one in attempts
    ]


def _forms(number: str) -> set[str]:
    """A number of Paybox's as messages may write it."""
    return {number, number.zfill(PADDED)}


def _unpadded(number: str | None) -> str:
    return (number or "").lstrip("0")


def operations_told_earlier(*, file: DepositedFile, payments: Sequence[FiledPayment]) -> Mapping[Operation, Told]:
    """What earlier files led to, of the operations that they say too."""
    wanted = {operation_of(one) for one in payments}
    lines = FiledLine.objects.filter(
        collectivite=file.collectivite_id, contract__in=file.contract_names, file__confirmed_at__isnull=False
    ).exclude(file=file.pk)
    found: dict[Operation, Told] = {}
    for some in _batches({transaction_of(one).number for one in payments}):
        for line in lines.filter(transaction__in=some).order_by("pk"):
            key = (line.contract, line.kind, line.transaction, line.amount.cents)
            if key in wanted:
                found.setdefault(key, Told(result=Result(line.result), attempt=line.attempt_id))
    return found


def reversed_earlier(*, collectivite: HasKey, attempts: Sequence[int]) -> dict[int, FiledLine]:
    """The refund or cancellation that an earlier file tells of some of these attempts; the last."""
    lines = FiledLine.objects.of(collectivite).filter(
        attempt__in=attempts, kind__in=[LineKind.REFUND, LineKind.CANCELLED], is_repeated=False
    )
    return {line.attempt_id: line for line in lines.order_by("pk") if line.attempt_id is not None}


def as_candidates(attempts: Sequence[Attempt], *, collectivite: HasKey) -> list[Candidate]:
    """Attempts as `matching` wants them. Each has left: it has an hour of leaving."""
    keys = [one.pk for one in attempts]
    taken: set[int | None] = set()
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        lines = FiledLine.objects.of(collectivite).filter(attempt__in=some, result__in=PAID_HERE)
        taken |= set(lines.values_list("attempt_id", flat=True))
    return [
        Candidate(
            key=one.pk,
            kind=DebtKind(one.account.debt_kind),
            reference=one.debt_reference,
            amount=one.amount,
            left_at=one.handed_off_at,
            left_on=paris.today(one.handed_off_at),
            announced=one.announced,
            announced_on=paris.today(one.announced_at) if one.announced_at else None,
            is_paid=one.status == State.PAID,
            is_taken=one.pk in taken,
        )
        for one in attempts
        if one.handed_off_at is not None
    ]


def told_earlier(*, file: DepositedFile, payments: Sequence[FiledPayment]) -> Mapping[Key, Sequence[Told]]:
    """For each key of these payments, the lines of the confirmed file of the same accounts which has the most of it."""
    if not payments:
        return {}
    lines = (
        FiledLine.objects.filter(
            _same_scope(file),
            collectivite=file.collectivite_id,
            file__confirmed_at__isnull=False,
            day__range=_first_and_last(payments),
        )
        .exclude(file=file.pk)
        .order_by("file_id", "number")
    )
    keys = {key_of(one) for one in payments}
    found: dict[Key, dict[int, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for some in _batches({reference_of(one.debt) for one in payments}):
        for line in lines.filter(reference__in=some):
            key = (line.reference, line.amount.cents, line.day)
            if key in keys:
                found[key][line.file_id].append(Told(result=Result(line.result), attempt=line.attempt_id))
    return {key: max(by_file.values(), key=len) for key, by_file in found.items()}


def _first_and_last(payments: Sequence[FiledPayment]) -> tuple[date, date]:
    return min(one.day for one in payments), max(one.day for one in payments)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """PostgreSQL takes 65,535 parameters, and a file may have more payments."""
    ordered = sorted(texts)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def _same_scope(file: DepositedFile) -> Q:
    if file.account is not None:
        return Q(file__kind=FileKind.REGISSEUR_CSV, file__account__identifier=file.account.identifier)
    assert file.budget is not None
    return Q(file__kind=FileKind.PES_RETOUR, file__budget__siret=file.budget.siret)


@dataclass(frozen=True, kw_only=True)
class Tally:
    count: int
    total: Money


def tallies(*, file: DepositedFile) -> dict[Result, Tally]:
    """How many lines of a confirmed file led to each result, and how much they make."""
    rows = (
        FiledLine.objects.filter(collectivite=file.collectivite_id, file=file)
        .order_by()
        .values("result")
        .annotate(lines=Count("pk"), cents=Sum(Cast("amount", BigIntegerField())))
    )
    return {Result(row["result"]): Tally(count=row["lines"], total=Money(row["cents"])) for row in rows}


@dataclass(frozen=True, kw_only=True)
class Remittance:
    """What the bank credits at once, as one remise says it."""

    contract: str
    number: str
    sent_on: date | None
    paid: Tally
    refunded: Tally

    @property
    def cents(self) -> int:
        """What the bank should credit; less than nothing where more was given back than taken."""
        return self.paid.total.cents - self.refunded.total.cents


def remittances_of(*, file: DepositedFile) -> list[Remittance]:
    """Those of a confirmed file."""
    lines = lines_of(file=file).exclude(result=Result.CANCELLED)
    told = lines.values_list("contract", "remittance", "remitted_on", "kind", "amount")
    return remittances((contract, number, on, kind, amount.cents) for contract, number, on, kind, amount in told)


def remittances_foretold(matches: Iterable[Match]) -> list[Remittance]:
    """Those of a draft."""
    sent = [one.payment for one in matches if one.payment.transaction and one.result is not Result.CANCELLED]
    return remittances(
        (told.contract, told.remittance, told.remitted_on, one.kind.value, one.amount.cents)
        for one in sent
        for told in [transaction_of(one)]
    )


def remittances(told: Iterable[tuple[str, str, date | None, str, int]]) -> list[Remittance]:
    """What each remise makes, from the contract, the remise, its day, the kind and the cents of its operations."""
    found: dict[tuple[str, str, date | None], dict[str, list[int]]] = {}
    for contract, number, sent_on, kind, cents in told:
        if number:
            found.setdefault((contract, number, sent_on), defaultdict(list))[kind].append(cents)

    def tally(cents: list[int]) -> Tally:
        return Tally(count=len(cents), total=Money(sum(cents)))

    return [
        Remittance(
            contract=contract,
            number=number,
            sent_on=sent_on,
            paid=tally(by_kind[LineKind.PAYMENT]),
            refunded=tally(by_kind[LineKind.REFUND]),
        )
        for (contract, number, sent_on), by_kind in found.items()
    ]


def lines_of(*, file: DepositedFile) -> QuerySet[FiledLine]:
    """In the file's order."""
    return FiledLine.objects.filter(collectivite=file.collectivite_id, file=file).order_by("number")


def lines_proving(*, collectivite: HasKey, evidence: Sequence[int]) -> dict[int, FiledLine]:
    """The lines that some pieces of evidence are, with their files; by the evidence's number."""
    lines = FiledLine.objects.of(collectivite).filter(evidence__in=evidence).select_related("file")
    return {line.evidence_id: line for line in lines.defer("file__content") if line.evidence_id is not None}


def last_day_due(today: date) -> date:
    """The last day after which two working days have passed: what was paid by then stands in the file of its day."""
    day = today
    while paris.add_working_days(day, WORKING_DAYS_BEFORE_ABSENT) > today:
        day -= timedelta(days=1)
    return day


def absent_attempts(*, collectivite: HasKey, now: datetime) -> list[tuple[Attempt, DepositedFile, date]]:
    """Attempts paid on a day that a confirmed file covers, two working days ago or more, and in no file.

    Those announced paid; and on Paybox those that its answers settled (one settled provisionally has a case of its
    own, whatever the files). With the last file that covers the day. Those for which a case was ever opened are left
    out.
    """
    _, until = paris.day_bounds(last_day_due(paris.today(now)))
    told = Case.objects.of(collectivite).filter(kind=CaseKind.ABSENT_FROM_FILE, subject_kind="attempt")
    attempts = list(
        Attempt.objects.of(collectivite)
        .filter(standing=Standing.ANNOUNCED_PAID, announced_at__lt=until)
        .exclude(environment=Environment.TEST)
        .exclude(Exists(told.filter(subject_id=OuterRef("pk"))))
        .order_by("announced_at", "pk")
    )
    days = {one.pk: paris.today(one.announced_at) for one in attempts if one.announced_at}  # written with announced
    for settlement in _settled_unfiled(collectivite=collectivite, until=until).exclude(
        Exists(told.filter(subject_id=OuterRef("attempt")))
    ):
        attempts.append(settlement.attempt)
        days[settlement.attempt.pk] = settlement.accounting_day
    if not attempts:  # nearly always: asked every hour of every collectivité
        return []
    oldest = min(days.values())
    files = DepositedFile.objects.of(collectivite).defer("content").select_related("collectivite", "account", "budget")
    covering: dict[int, list[DepositedFile]] = defaultdict(list)
    accounts: dict[tuple[int | None, int | None, str], list[int]] = {}
    for file in files.filter(confirmed_at__isnull=False, covers_to__gte=oldest).order_by("confirmed_at", "pk"):
        scope = (file.account_id, file.budget_id, file.contracts)
        if scope not in accounts:
            accounts[scope] = [account.pk for account in accounts_of(file)]
        for key in accounts[scope]:
            covering[key].append(file)
    found = []
    for attempt in attempts:
        day = days[attempt.pk]
        files_of_day = [one for one in covering[attempt.account_id] if one.covers_from <= day <= one.covers_to]
        if files_of_day:
            found.append((attempt, files_of_day[-1], day))
    return found


def _settled_unfiled(*, collectivite: HasKey, until: datetime) -> QuerySet[Settlement]:
    """What Paybox's answers settled on days of which some remise may be a file, and which no line is."""
    covering = DepositedFile.objects.of(collectivite).filter(
        kind=FileKind.PAYBOX_REMISE, confirmed_at__isnull=False, covers_from__lte=OuterRef("accounting_day")
    )
    lines = FiledLine.objects.of(collectivite).filter(attempt=OuterRef("attempt"), result__in=PAID_HERE)
    return (
        Settlement.objects.of(collectivite)
        .filter(
            Exists(covering.filter(covers_to__gte=OuterRef("accounting_day"))),
            account__gateway=PAYBOX,
            environment__in=REAL,
            attempt__is_provisional=False,
            attempt__is_reversed=False,
            rank__lt=Rank.FILED,
            occurred_at__lt=until,
        )
        .exclude(Exists(lines))
        .select_related("attempt")
        .order_by("pk")
    )
