"""Deposit a file, see what it would do, then have a worker do it: whole, or not at all.

A file is a draft until an agent confirms it. The effect that follows reads the same bytes again, in one transaction
that holds the books: if anything fails, nothing of it is kept, and the effect is carried again.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Self

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from regal.agenda.operations import schedule
from regal.audit.operations import record
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case, resolve
from regal.collectivites.models import Budget, GatewayAccount
from regal.gateways.base import Claims, Environment, Notice, Outcome, Rank
from regal.gateways.files import FiledPayment, FileKind, LineKind, PaymentsFile, Said
from regal.gateways.payfip_files import CsvOptions
from regal.lib import canonical, paris
from regal.lib.card_numbers import holds_card_number
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Evidence
from regal.payments.operations import apply_notice, prepare_to_settle
from regal.payments.states import State
from regal.reconciliation import comptable, queries, reading, refusals
from regal.reconciliation.matching import PAID_HERE, Match, Result, match, reference_of
from regal.reconciliation.models import DepositedFile, FiledLine
from regal.reconciliation.remises import match_remise

CONFIRM_FILE = "confirm_file"
SOURCE = "file"  # of evidence
DRAFT_DAYS = 7
MOST_NAMED = 5  # contracts of others that a sentence names
LONGEST_NAME, LONGEST_ENTITY, LONGEST_PLACE, LONGEST_FACT = 120, 200, 100, 200
NOON = time(12)


class NotConfirmed(Exception):
    """A line was matched with an attempt that it contradicts: we are wrong, nothing of the file is kept."""


def deposit(
    *, collectivite: HasKey, content: bytes, name: str, account_identifier: str, actor_id: int, now: datetime
) -> DepositedFile:
    """Keep a file as a draft: nothing is confirmed yet. Call it inside `tenant()`.

    `account_identifier`: the PayFiP client that the agent chose, for a régie's statement; "" for none.
    Raises NotThisFile, and the refusals from ForeignBudget to NotYetPaid, and of remises NoPayboxContract and
    ForeignContract.
    """
    read = reading.read(content, options=_options(collectivite, account_identifier))
    account, budget, contracts = _whose(collectivite, read, account_identifier)
    read = _of_contracts(read, contracts)
    today = paris.today(now)
    for payment in read.payments:
        if payment.day > today:
            raise refusals.NotYetPaid(day=_in_figures(payment.day), place=payment.place)
    _refuse_twice(collectivite, read.digest)
    covers_from, covers_to = _days_of(read, today)
    try:
        with transaction.atomic():
            file = DepositedFile.objects.create(
                collectivite_id=collectivite.pk,
                kind=read.kind,
                digest=read.digest,
                name=_plain(name.replace("\\", "/").rpartition("/")[2], LONGEST_NAME) or "?",
                content=content,
                entity=_plain(read.entity, LONGEST_ENTITY),
                account=account,
                budget=budget,
                contracts=" ".join(contracts),
                covers_from=covers_from,
                covers_to=covers_to,
                count=len(read.payments),
                total=read.total,
                left_out=read.left_out,
                deposited_by_id=actor_id,
                deposited_at=now,
            )
    except IntegrityError:  # the same bytes at the same instant; nobody waits for a file that is being done
        _refuse_twice(collectivite, read.digest)
        raise
    _record(file, "deposit_file", actor_id, now, after=_facts_of(file))
    return file


def _refuse_twice(collectivite: HasKey, digest: str) -> None:
    already = DepositedFile.objects.of(collectivite).filter(digest=digest, discarded_at__isnull=True).first()
    if already is not None:
        raise refusals.AlreadyDeposited(file_id=already.pk, who=str(already.deposited_by), at=already.deposited_at)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a file would do if it were confirmed now."""

    matches: tuple[Match, ...]
    refused_yet_filed: int  # confirmed, though announced refused or abandoned
    reversed_payments: int = 0  # paid, and the file says that they were given back or cancelled
    words: tuple[comptable.Word, ...] = ()  # on titres of our base that the comptable collects

    @classmethod
    def nothing(cls) -> Self:
        """Of a file that cannot be read any more."""
        return cls(matches=(), refused_yet_filed=0)

    def tally(self, result: Result) -> queries.Tally:
        chosen = [one.payment.amount.cents for one in self.matches if one.result is result]
        return queries.Tally(count=len(chosen), total=Money(sum(chosen)))

    @property
    def titres(self) -> Counter[Said]:
        """How many titres of our base the file makes stand elsewhere than before, by what it says of them."""
        return Counter(one.said for one in self.words if one.steps)

    @property
    def cases(self) -> Counter[CaseKind]:
        """The anomalies that would be opened."""
        news = [one for one in self.matches if not one.is_repeated]
        attempts = {one.attempt for one in news if one.result is Result.OTHER_AMOUNT}
        return Counter(
            {
                CaseKind.OTHER_AMOUNT: len(attempts),
                CaseKind.AMBIGUOUS_LINE: sum(one.result is Result.AMBIGUOUS for one in news),
                CaseKind.REFUSED_YET_FILED: self.refused_yet_filed,
                CaseKind.DOUBLE_PAYMENT: sum(one.result is Result.PAID_TWICE for one in news),
                CaseKind.CONTRADICTION: self.reversed_payments,
            }
        )


def examine(file: DepositedFile) -> Report:
    """Say what a draft would do; writes nothing."""
    read = _read(file)
    matches, attempts = _match(file, read.payments, lock=False)
    return Report(
        matches=matches,
        refused_yet_filed=len(_denied(matches, attempts)),
        reversed_payments=len(_reversed(file, matches, attempts)),
        words=tuple(comptable.words(file=file, read=read, lock=False)),
    )


def confirm(
    *,
    collectivite: HasKey,
    file_id: int,
    covers_from: date,
    covers_to: date,
    actor_id: int,
    now: datetime,
) -> DepositedFile:
    """Have a worker do what the report said. Raises DaysReversed, DaysToCome, NoLongerADraft."""
    if covers_from > covers_to:
        raise refusals.DaysReversed
    if covers_to > paris.today(now):
        raise refusals.DaysToCome
    file = _locked_draft(collectivite, file_id)
    before = _facts_of(file)
    file.covers_from, file.covers_to = covers_from, covers_to
    file.confirm_asked_by_id, file.confirm_asked_at = actor_id, now
    file.save(update_fields=["covers_from", "covers_to", "confirm_asked_by", "confirm_asked_at"])
    _record(file, "confirm_file", actor_id, now, before=before, after=_facts_of(file))
    schedule(collectivite_id=file.collectivite_id, kind=CONFIRM_FILE, subject_id=file.pk, due_at=now, now=now)
    return file


def discard(*, collectivite: HasKey, file_id: int, actor_id: int, now: datetime) -> DepositedFile:
    """Throw a draft away, bytes and all. Raises NoLongerADraft."""
    file = _locked_draft(collectivite, file_id)
    _discard(file, now)
    _record(file, "discard_file", actor_id, now, before=_facts_of(file))
    return file


def confirm_file(collectivite_id: int, file_id: int, now: datetime) -> None:
    """The effect: every line finds its attempt, or does not, and is written down; all in the caller's transaction."""
    _one_at_a_time(collectivite_id)
    file = (
        DepositedFile.objects.select_for_update(of=("self",))
        .select_related("collectivite", "account", "budget")
        .get(collectivite=collectivite_id, pk=file_id)
    )
    if file.confirmed_at is not None:
        return
    read = _read(file)
    matches, attempts = _match(file, read.payments, lock=True)
    denied = _denied(matches, attempts)
    reversals = _reversed(file, matches, attempts)
    proved = [attempts[one.attempt] for one in matches if one.attempt is not None and _is_proof(one)]
    prepare_to_settle(collectivite_id=collectivite_id, attempts=proved, now=now)
    words = comptable.words(file=file, read=read, lock=True)
    comptable.hear(file=file, read=read, found=words, now=now)
    lines = [_write(file, one, attempts, now) for one in matches]
    FiledLine.objects.of(file.collectivite).bulk_create(lines, batch_size=1000)
    for line, one in zip(lines, matches, strict=True):
        if not one.is_repeated:
            _open_cases(line, one, attempts, one.attempt in denied, now)
    told = {line.number: line for line in lines}
    for attempt_id, where in reversals.items():
        _open_reversal(attempt_id, where if isinstance(where, FiledLine) else told[where], now)
    file.confirmed_at = now
    file.save(update_fields=["confirmed_at"])
    filed = [one.attempt for one in matches if one.attempt is not None and _is_proof(one)]
    resolve(
        collectivite_id=collectivite_id,
        kind=CaseKind.ABSENT_FROM_FILE,
        subject_kind="attempt",
        subject_ids=filed,
        rule=CONFIRM_FILE,
        now=now,
    )
    open_absences(collectivite=file.collectivite, now=now)


def open_absences(*, collectivite: HasKey, now: datetime) -> int:
    """Open a case for each payment that should be in a file and is in none, once its day is covered; how many."""
    absent = queries.absent_attempts(collectivite=collectivite, now=now)
    for attempt, file, day in absent:
        open_case(
            collectivite_id=attempt.collectivite_id,
            kind=CaseKind.ABSENT_FROM_FILE,
            subject_kind="attempt",
            subject_id=attempt.pk,
            rule="open_absences",
            facts={"file": file.pk, "day": day.isoformat()},
            now=now,
        )
    return len(absent)


def tidy(*, collectivite: HasKey, now: datetime) -> None:
    """Discard drafts that nobody confirmed in a week; erase the bytes of files done long ago: they name debtors."""
    drafts = DepositedFile.objects.of(collectivite).filter(confirm_asked_at__isnull=True, discarded_at__isnull=True)
    for file in drafts.filter(deposited_at__lt=now - timedelta(days=DRAFT_DAYS)).select_for_update(skip_locked=True):
        _discard(file, now)
    done = DepositedFile.objects.of(collectivite).filter(confirmed_at__lt=now - timedelta(days=settings.INBOX_DAYS))
    done.filter(content__isnull=False).update(content=None)


def _whose(
    collectivite: HasKey, read: PaymentsFile, chosen: str
) -> tuple[GatewayAccount | None, Budget | None, list[str]]:
    if read.kind is FileKind.PAYBOX_REMISE:
        return None, None, _contracts(collectivite, read)
    if read.kind is FileKind.REGISSEUR_CSV:
        return _regie_account(collectivite, read, chosen), None, []
    return None, _budget(collectivite, read), []


def _contracts(collectivite: HasKey, read: PaymentsFile) -> list[str]:
    """Those of ours that the file names: the bank gives one file for all that a customer of hers has."""
    ours = {queries.contract_of(one) for one in queries.paybox_accounts(collectivite=collectivite)}
    if not ours:
        raise refusals.NoPayboxContract
    named = {one.transaction.contract for one in read.payments if one.transaction}
    if not named & ours:
        shown = sorted(named)
        filed = ", ".join(shown[:MOST_NAMED]) + (", …" if len(shown) > MOST_NAMED else "")
        raise refusals.ForeignContract(filed=filed, ours=", ".join(sorted(ours)))
    return sorted(named & ours)


def _of_contracts(read: PaymentsFile, contracts: Sequence[str]) -> PaymentsFile:
    """A file of remises without the lines of others; any other file as it is."""
    if read.kind is not FileKind.PAYBOX_REMISE:
        return read
    ours = tuple(one for one in read.payments if one.transaction and one.transaction.contract in contracts)
    return replace(read, payments=ours, left_out=len(read.payments) - len(ours))


def _regie_account(collectivite: HasKey, read: PaymentsFile, chosen: str) -> GatewayAccount:
    accounts = {one.identifier: one for one in queries.regie_accounts(collectivite=collectivite)}
    if chosen not in accounts:
        raise refusals.ChooseAccount
    if read.account_identifier not in (None, chosen):
        raise refusals.OtherAccount(filed=read.account_identifier, chosen=chosen)
    return accounts[chosen]


def _budget(collectivite: HasKey, read: PaymentsFile) -> Budget:
    if not read.siret:
        raise refusals.NamesNobody
    budgets = list(Budget.objects.of(collectivite).order_by("code", "pk"))
    budget = next((one for one in budgets if one.siret == read.siret), None)
    if budget is None:
        ours = ", ".join(sorted({one.siret for one in budgets}))
        raise refusals.ForeignBudget(filed=read.siret, entity=_plain(read.entity, LONGEST_ENTITY) or "?", ours=ours)
    if not queries.accounts_of_budget(collectivite=collectivite, siret=read.siret).exists():
        raise refusals.NoContract(budget=budget.name)
    return budget


def _days_of(read: PaymentsFile, today: date) -> tuple[date, date]:
    """The days a file says it covers, else those of its payments, else the day it was made; none is to come."""
    days = [payment.day for payment in read.payments] or [read.made_on or today]
    first, last = read.first_day or min(days), read.last_day or max(days)
    last = min(last, today)
    return min(first, last), last


def _match(
    file: DepositedFile, payments: Sequence[FiledPayment], *, lock: bool
) -> tuple[tuple[Match, ...], dict[int, Attempt]]:
    """What becomes of each payment; and the attempts concerned, locked in order before anything else is if asked.

    Whoever hears of one of these attempts meanwhile waits for us before he holds anything that we shall want.
    """
    attempts = Attempt.objects.of(file.collectivite)
    if lock:
        attempts = attempts.select_for_update(of=("self",), no_key=True)  # a message about one may still be stored
    accounts = list(queries.accounts_of(file))
    if file.kind == FileKind.PAYBOX_REMISE:
        ours, known = queries.named_attempts(
            attempts, collectivite=file.collectivite, accounts=accounts, payments=payments
        )
        told = queries.operations_told_earlier(file=file, payments=payments)
        return match_remise(payments, known=known, earlier=told), {one.pk: one for one in ours}
    found = queries.candidates(attempts, accounts=accounts, payments=payments, days=settings.FILE_DAYS)
    matches = match(
        payments,
        candidates=queries.as_candidates(found, collectivite=file.collectivite),
        earlier=queries.told_earlier(file=file, payments=payments),
        longest_days=settings.FILE_DAYS,
    )
    return matches, {one.pk: one for one in found}


def _denied(matches: Sequence[Match], attempts: dict[int, Attempt]) -> set[int]:
    """The attempts about to be confirmed which PayFiP announced refused or abandoned."""
    return {
        one.attempt
        for one in matches
        if one.result is Result.CONFIRMED
        and one.attempt is not None
        and attempts[one.attempt].announced in (Outcome.REFUSED, Outcome.ABANDONED)
    }


def _reversed(
    file: DepositedFile, matches: Sequence[Match], attempts: dict[int, Attempt]
) -> dict[int, int | FiledLine]:
    """The payments, proved or about to be, which this file or an earlier one says given back or cancelled.

    For each the line that says so: of an earlier file, or the number of one of this file.
    """
    news = [one for one in matches if not one.is_repeated and one.attempt is not None]
    proved = [one.attempt for one in news if one.result is Result.CONFIRMED and one.attempt is not None]
    found: dict[int, int | FiledLine] = {}
    if file.kind == FileKind.PAYBOX_REMISE and proved:
        found.update(queries.reversed_earlier(collectivite=file.collectivite, attempts=proved))
    for one in news:
        if one.attempt is None or one.result not in (Result.REFUND, Result.CANCELLED):
            continue
        if one.attempt in proved or attempts[one.attempt].status == State.PAID:
            found.setdefault(one.attempt, one.payment.number)
    return found


def _is_proof(one: Match) -> bool:
    return one.result in PAID_HERE and not one.is_repeated


def _write(file: DepositedFile, one: Match, attempts: dict[int, Attempt], now: datetime) -> FiledLine:
    """The line, once what it proves has been applied to its attempt."""
    evidence = None
    if one.attempt is not None and _is_proof(one):
        evidence = _prove(file, one.payment, attempts[one.attempt], now)
    transaction = one.payment.transaction
    return FiledLine(
        collectivite_id=file.collectivite_id,
        file=file,
        number=one.payment.number,
        place=_plain(one.payment.place, LONGEST_PLACE),
        reference=reference_of(one.payment.debt),
        amount=one.payment.amount,
        day=one.payment.day,
        kind=one.payment.kind,
        contract=transaction.contract if transaction else "",
        transaction=transaction.number if transaction else "",
        remittance=transaction.remittance if transaction else "",
        remitted_on=transaction.remitted_on if transaction else None,
        result=one.result,
        is_repeated=one.is_repeated,
        attempt_id=one.attempt,
        evidence=evidence,
    )


def _prove(file: DepositedFile, payment: FiledPayment, attempt: Attempt, now: datetime) -> Evidence:
    """Tell the attempt what the file says of it. Raises NotConfirmed."""
    read = {name: _plain(value, LONGEST_FACT) for name, value in payment.facts.items()}
    transaction = payment.transaction
    facts = read | {
        "amount_cents": f"{payment.amount.cents}",
        "debt_reference": attempt.debt_reference,
        "day": payment.day.isoformat(),
        "file": f"{file.pk}",
        "line": f"{payment.number}",
        "place": _plain(payment.place, LONGEST_PLACE),
    }
    evidence = apply_notice(
        collectivite_id=file.collectivite_id,
        attempt_id=attempt.pk,
        notice=Notice(
            rank=Rank.FILED,
            outcome=Outcome.PAID,
            outcome_code="file",
            claims=Claims(
                account_identifier=attempt.account.identifier,  # one of the accounts that the file speaks of
                # A rôle's was matched in parts; of a transaction the file names our attempt, not its debt.
                debt_reference=(None if transaction else payment.debt.reference) or attempt.debt_reference,
                exercice=payment.debt.exercice,
                amount=payment.amount,
                environment=Environment(attempt.environment),
            ),
            reference=transaction.reference or None if transaction else None,
            occurred_at=_occurred_at(payment, attempt, now),
            transaction=transaction.number if transaction else None,
            call=transaction.call or None if transaction else None,
            facts=facts,
        ),
        digest=line_digest(file.digest, payment.number),
        source=SOURCE,
        now=now,
    )
    if evidence.verdict != Evidence.Verdict.FITS:
        raise NotConfirmed(f"file {file.pk}, line {payment.number}: {evidence.verdict}")
    return evidence


def line_digest(file_digest: str, number: int) -> str:
    """SHA-256 over a file's digest and a line's number: one for each line, for ever."""
    return canonical.sha256_hex(f"{file_digest} {number}".encode())


def _occurred_at(payment: FiledPayment, attempt: Attempt, now: datetime) -> datetime:
    """The hour of a payment: the file's; else the announcement's, if it is of that day; else noon in Paris.

    The books want an instant, and most files only give a day. Only the day counts there; noon is as far as can be from
    both its ends. It is never before the payer left, nor to come.
    """
    if payment.at is not None and paris.today(payment.at) == payment.day and payment.at <= now:
        return payment.at
    announced = attempt.announced_at if attempt.announced == Outcome.PAID else None
    if announced is not None and paris.today(announced) == payment.day and announced <= now:
        return announced
    left = attempt.handed_off_at or attempt.created_at
    return min(max(paris.at(payment.day, NOON), left), now)


def _open_cases(line: FiledLine, one: Match, attempts: dict[int, Attempt], is_denied: bool, now: datetime) -> None:
    where: dict[str, object] = {"file": line.file_id, "line": line.number}
    if one.result is Result.AMBIGUOUS:
        facts = where | {"attempts": list(one.rivals), "filed_cents": line.amount.cents}
        _open(CaseKind.AMBIGUOUS_LINE, line, "filed_line", line.pk, facts, now)
    elif one.result is Result.OTHER_AMOUNT and one.attempt is not None:
        ours = attempts[one.attempt].amount
        facts = where | {"filed_cents": line.amount.cents, "expected_cents": ours.cents}
        _open(CaseKind.OTHER_AMOUNT, line, "attempt", one.attempt, facts, now)
    elif one.result is Result.PAID_TWICE and one.attempt is not None:
        facts = where | {"attempts": [one.attempt], "filed_cents": line.amount.cents, "transaction": line.transaction}
        _open(CaseKind.DOUBLE_PAYMENT, line, "filed_line", line.pk, facts, now)
    elif one.result is Result.CONFIRMED and one.attempt is not None and is_denied:
        facts = where | {"announced": attempts[one.attempt].announced}
        _open(CaseKind.REFUSED_YET_FILED, line, "attempt", one.attempt, facts, now)


def _open_reversal(attempt_id: int, line: FiledLine, now: datetime) -> None:
    facts: dict[str, object] = {
        "file": line.file_id,
        "line": line.number,
        "filed_kind": str(line.kind if line.kind != LineKind.PAYMENT else LineKind.CANCELLED),
        "filed_cents": line.amount.cents,
    }
    _open(CaseKind.CONTRADICTION, line, "attempt", attempt_id, facts, now)


def _open(
    kind: CaseKind, line: FiledLine, subject_kind: str, subject_id: int, facts: dict[str, object], now: datetime
) -> None:
    open_case(
        collectivite_id=line.collectivite_id,
        kind=kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        rule=CONFIRM_FILE,
        facts=facts,
        now=now,
    )


def _locked_draft(collectivite: HasKey, file_id: int) -> DepositedFile:
    """Raises NoLongerADraft, DepositedFile.DoesNotExist."""
    file = DepositedFile.objects.of(collectivite).select_for_update().get(pk=file_id)
    if not file.is_draft:
        raise refusals.NoLongerADraft
    return file


def _discard(file: DepositedFile, now: datetime) -> None:
    file.discarded_at, file.content = now, None
    file.save(update_fields=["discarded_at", "content"])


def _read(file: DepositedFile) -> PaymentsFile:
    """A file that was read before: it still says the same, whatever its account's options have become since."""
    if file.content is None:
        raise ValueError(f"the bytes of file {file.pk} are gone")
    chosen = file.account.identifier if file.account is not None else ""
    read = reading.read(bytes(file.content), options=_options(file.collectivite, chosen))
    read = _of_contracts(read, file.contract_names)
    if (len(read.payments), read.total) != (file.count, file.total):
        raise ValueError(f"file {file.pk} is not read as it was")
    return read


def _options(collectivite: HasKey, identifier: str) -> CsvOptions | None:
    """How the statements of the chosen client are written, where its account says so."""
    accounts = queries.regie_accounts(collectivite=collectivite)
    return next((CsvOptions.of_account(one.options) for one in accounts if one.identifier == identifier), None)


def _one_at_a_time(collectivite_id: int) -> None:
    """Two files of one collectivité pass here one after the other, so that the second knows what the first did."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('regal.reconciliation'), %s)", [collectivite_id])


def _record(
    file: DepositedFile,
    action: str,
    actor_id: int,
    now: datetime,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(
        collectivite=file.collectivite,
        action=action,
        subject=f"file {file.pk}",
        before=before,
        after=after,
        now=now,
        actor_id=actor_id,
    )


def _facts_of(file: DepositedFile) -> dict[str, object]:
    return {
        "kind": str(file.kind),
        "digest": file.digest,
        "name": file.name,
        "covers": [file.covers_from.isoformat(), file.covers_to.isoformat()],
        "count": file.count,
        "total_cents": file.total.cents,
        **({"contracts": file.contract_names} if file.contracts else {}),
    }


def _in_figures(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _plain(text: str, longest: int) -> str:
    """Somebody else's text, on one line and visible; "" if it holds a card number, which is never kept."""
    shown = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    plain = " ".join(shown.split())[:longest]
    return "" if holds_card_number(plain) else plain
