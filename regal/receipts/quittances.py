"""Issue numbered quittances, and deliver their PDF: the first is the original, every other says DUPLICATA.

A number is taken from the counter of its régie and year, locked until the end of the transaction that writes the
quittance and its act: what is rolled back burns none. Locks are taken as a reversal takes them: the attempt, the
titres by number; then the counter.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import override

from regal.audit.operations import record
from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite, Regie
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment
from regal.gateways.base import Means as OnlineMeans
from regal.lib import in_words, paris
from regal.lib.money import Money
from regal.lib.references import UnreadableReference
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation, Attempt, Cause, Reversal, Settlement
from regal.payments.steps import lock_attempt
from regal.people.models import Role
from regal.receipts import refusals
from regal.receipts.models import How, Quittance, QuittanceCounter, QuittanceDelivery, QuittancePerson
from regal.receipts.quittance_wording import sheet_of
from regal.receipts.wording import BY_CARD, facts_of
from regal.titres import holds
from regal.titres.models import Debtor, Titre
from regal.titres.words import name_of


@dataclass(frozen=True, kw_only=True)
class File:
    """A PDF to hand over."""

    name: str
    content: bytes
    is_original: bool


def issue(*, settlement: Settlement, role: Role, now: datetime, actor_id: int | None = None) -> Quittance:
    """Write the quittance of a settlement; asked again, the one that is there.

    Raises NoRegie, TrialMoney, NotConfirmed, MoneyGone, GivenOnPaper.
    """
    collectivite_id = settlement.collectivite_id
    with tenant(collectivite_id):
        _lock_money(settlement)
        there = Quittance.objects.filter(collectivite=collectivite_id, settlement=settlement).first()
        if there is not None:
            return there
        found = Settlement.objects.select_related(
            "collectivite", "attempt__account__regie", "attempt__product", "attempt__titre", "receipt__regie"
        ).get(collectivite=collectivite_id, pk=settlement.pk)
        regie = checked_regie(found)
        town = found.collectivite
        with override("fr"), debt_words.override(town.debt_word):  # it is a French document
            stated, titres = stated_of(found)
        counter = _lock_counter(collectivite_id, regie, paris.today(now).year)
        at = max(now, counter.last_at or now)  # two clocks may differ; numbers and moments go together
        counter.last, counter.last_at = counter.last + 1, at
        counter.save(update_fields=["last", "last_at"])
        quittance = Quittance.objects.create(
            collectivite_id=collectivite_id,
            regie=regie,
            year=counter.year,
            number=counter.last,
            settlement=found,
            town_name=town.name,
            regie_name=regie.name,
            regie_number=regie.number,
            amount=found.amount,
            paid_at=found.occurred_at,
            issued_by_id=actor_id,
            issued_as=role,
            issued_at=at,
            **stated,
        )
        _name(quittance, titres)
        record(
            collectivite=town,
            action="issue_quittance",
            subject=f"quittance {quittance.pk}",
            after={"number": quittance.printed, "regie": regie.pk, "amount_cents": found.amount.cents},
            now=at,
            actor_id=actor_id,
        )
    return quittance


def deliver(*, quittance: Quittance, now: datetime, actor_id: int | None = None) -> File:
    """Make the PDF and write down who took it. Nothing is written down where it cannot be made."""
    original = _original_of(quittance)
    while True:  # twice at most: somebody else may take the original while we make it
        content = sheet_of(quittance, original=original, now=now).pdf()
        with tenant(quittance.collectivite_id):
            counter = _lock_counter(quittance.collectivite_id, quittance.regie, quittance.year)
            there = QuittanceDelivery.objects.filter(collectivite=counter.collectivite_id, quittance=quittance)
            if (original is None) == (not there.exists()):
                delivery = QuittanceDelivery.objects.create(
                    collectivite_id=counter.collectivite_id,
                    quittance=quittance,
                    number=there.count() + 1,
                    made_by_id=actor_id,
                    made_at=now,
                )
                record(
                    collectivite=Collectivite(pk=counter.collectivite_id),
                    action="deliver_quittance" if delivery.is_original else "copy_quittance",
                    subject=f"quittance {quittance.pk}",
                    after={"number": quittance.printed, "copy": delivery.number},
                    now=now,
                    actor_id=actor_id,
                )
                copy = "" if delivery.is_original else "-duplicata"
                return File(
                    name=f"quittance-{quittance.printed}{copy}.pdf", content=content, is_original=delivery.is_original
                )
        original = _original_of(quittance)


def checked_regie(settlement: Settlement) -> Regie:
    """Whose quittance it would be. Raises what forbids one. Call it inside `tenant()`."""
    attempt, receipt = settlement.attempt, settlement.receipt
    regie: Regie | None = receipt.regie if receipt is not None else attempt.account.regie if attempt else None
    if regie is None:
        raise refusals.NoRegie
    if settlement.environment == Environment.TEST:
        raise refusals.TrialMoney
    gone = Reversal.objects.filter(collectivite=settlement.collectivite_id, settlement=settlement).first()
    if gone is not None:
        raise refusals.MoneyGone(day=in_words.day(gone.accounting_day), cause=Cause(gone.cause).label)
    if attempt is not None and attempt.is_provisional:
        raise refusals.NotConfirmed
    if receipt is not None and receipt.book_number:
        raise refusals.GivenOnPaper(number=receipt.book_number)
    return regie


def _lock_money(settlement: Settlement) -> None:
    """Nobody reverses it meanwhile, nor issues it twice."""
    key = settlement.collectivite_id
    if settlement.attempt_id is not None:
        lock_attempt(collectivite_id=key, attempt_id=settlement.attempt_id)
    allocations = Allocation.objects.filter(collectivite=key, settlement=settlement)
    holds.lock_all(collectivite_id=key, titre_ids=set(allocations.values_list("titre_id", flat=True)))


def _lock_counter(collectivite_id: int, regie: Regie, year: int) -> QuittanceCounter:
    first = QuittanceCounter(collectivite_id=collectivite_id, regie=regie, year=year)
    there = QuittanceCounter.objects.filter(collectivite=collectivite_id, regie=regie, year=year)
    there.bulk_create([first], ignore_conflicts=True)  # two may come first
    return there.select_for_update(of=("self",)).get()


def _original_of(quittance: Quittance) -> QuittanceDelivery | None:
    with tenant(quittance.collectivite_id):
        return QuittanceDelivery.objects.filter(
            collectivite=quittance.collectivite_id, quittance=quittance, number=1
        ).first()


def stated_of(settlement: Settlement) -> tuple[dict[str, Any], list[Titre]]:
    """What was paid and how, and the titres that it speaks of."""
    allocations = Allocation.objects.filter(collectivite=settlement.collectivite_id, settlement=settlement)
    parts, titres = [], []
    for allocation in allocations.select_related("titre").order_by("pk"):
        titres.append(allocation.titre)
        parts.append(_part(allocation.titre, allocation.amount))
    attempt, receipt = settlement.attempt, settlement.receipt
    allocated = sum((Money(part["cents"]) for part in parts), Money.zero)
    excess = settlement.amount - allocated
    if attempt is not None and not parts and attempt.titre is not None:  # all of it came too late
        titres.append(attempt.titre)
        parts.append(_part(attempt.titre, Money.zero))
    elif attempt is not None and not parts:  # a debt of the régie that our base does not hold
        told = {"titre": None, "name": _printed(attempt), "label": attempt.label, "exercice": attempt.exercice}
        parts, excess = [told | {"cents": settlement.amount.cents}], Money.zero
    stated: dict[str, Any] = {"parts": parts, "excess": excess}
    if receipt is not None:
        return stated | {"how": How(receipt.means), "bank": receipt.bank, "piece": receipt.piece}, titres
    assert attempt is not None
    facts = facts_of(settlement, attempt)
    is_by_card = attempt.account.gateway == BY_CARD
    means = facts.get("means", OnlineMeans.CARD.value if is_by_card else "")
    how = {OnlineMeans.CARD.value: How.ONLINE_CARD, OnlineMeans.DIRECT_DEBIT.value: How.DIRECT_DEBIT}
    stated |= {
        "how": how.get(means, How.ONLINE),
        "transaction": (settlement.transaction or facts.get("transaction", "")) if is_by_card else attempt.key,
        "authorisation": facts.get("authorisation", ""),
    }
    return stated, titres


def _part(titre: Titre, amount: Money) -> dict[str, Any]:
    told = {"titre": titre.pk, "name": name_of(titre), "label": titre.label, "exercice": titre.exercice}
    return told | {"cents": amount.cents}


def _printed(attempt: Attempt) -> str:
    try:
        return read_reference(DebtKind(attempt.account.debt_kind), attempt.debt_reference).printed
    except UnreadableReference:
        return attempt.debt_reference


def _name(quittance: Quittance, titres: list[Titre]) -> None:
    """Each debtor once, as the titres name him today."""
    keys = [titre.pk for titre in titres]
    debtors = Debtor.objects.filter(collectivite=quittance.collectivite_id, titre__in=keys).order_by("titre_id")
    named: list[dict[str, Any]] = []
    for debtor in debtors:
        told = {
            "name": debtor.name,
            "address": [str(line) for line in debtor.address],
            "postcode": debtor.postcode,
            "city": debtor.city,
        }
        if told not in named:
            named.append(told)
    QuittancePerson.objects.filter(collectivite=quittance.collectivite_id).bulk_create(
        QuittancePerson(collectivite_id=quittance.collectivite_id, quittance=quittance, place=place, **told)
        for place, told in enumerate(named)
    )
