"""The books: append-only entries, gapless and hash-chained per collectivité. Balances are sums, never stored."""

from typing import Any

from django.db import models

from regal.gateways.base import Environment
from regal.lib.enumerations import values
from regal.lib.money import Money
from regal.lib.money_field import MoneyField
from regal.lib.tenancy import TenantForeignKey, TenantModel


class Kind(models.TextChoices):
    SETTLEMENT = "settlement"  # an attempt was proved paid, or money was received otherwise
    REVERSAL = "reversal"  # a settlement counts no more: it corrects that entry, whose columns it repeats
    SEAL = "seal"  # a day's evidence: the digests of every piece


_ONLINE = models.Q(
    amount__gt=0,
    attempt_id__isnull=False,
    account__isnull=False,
    environment__in=values(Environment),
    regie__isnull=True,
    receipt_id__isnull=True,
    means="",
)
_AT_THE_COUNTER = models.Q(
    amount__gt=0,
    attempt_id__isnull=True,
    account__isnull=True,
    environment=Environment.PRODUCTION.value,
    regie__isnull=False,
    receipt_id__isnull=False,
) & ~models.Q(means="")


class Entry(TenantModel):
    """One line of the books. `hash` covers every other column and the entry before (`chain.py`)."""

    number = models.BigIntegerField()  # 1, 2, 3… without a gap in each collectivité
    kind = models.CharField(max_length=20, choices=Kind.choices)
    account = TenantForeignKey("collectivites.GatewayAccount", null=True)
    environment = models.CharField(max_length=10, blank=True)
    attempt_id = models.BigIntegerField(null=True)  # a number, not a key: the books depend on no other room
    regie = TenantForeignKey("collectivites.Regie", null=True)  # who received it, otherwise than online
    receipt_id = models.BigIntegerField(null=True)  # the agent's entry of it
    means = models.CharField(max_length=10, blank=True, default="", db_default="")
    debt_reference = models.CharField(max_length=30, blank=True)
    exercice = models.PositiveSmallIntegerField(null=True)
    amount: MoneyField[Money | None, Money | None] = MoneyField(null=True)
    occurred_at = models.DateTimeField()
    accounting_day = models.DateField()  # Europe/Paris
    recorded_at = models.DateTimeField()
    digests: "models.JSONField[Any, Any]" = models.JSONField(default=list)  # the evidence this entry rests on
    corrects = TenantForeignKey("self", null=True)
    author = models.CharField(max_length=40, default="regal")  # a rule or a user's number; never a name
    reason = models.CharField(max_length=200, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "number"], name="journal_entry_number"),
            models.UniqueConstraint(
                fields=["collectivite", "attempt_id"],
                condition=models.Q(kind=Kind.SETTLEMENT.value),
                name="journal_entry_one_settlement",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "receipt_id"],
                condition=models.Q(kind=Kind.SETTLEMENT.value),
                name="journal_entry_one_receipt",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "corrects"],
                condition=models.Q(kind=Kind.REVERSAL.value),
                name="journal_entry_one_reversal",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(kind=Kind.SETTLEMENT.value, corrects__isnull=True)
                    | models.Q(kind=Kind.REVERSAL.value, corrects__isnull=False) & ~models.Q(reason="")
                )
                & (_ONLINE | _AT_THE_COUNTER)
                | models.Q(kind=Kind.SEAL.value, amount__isnull=True, attempt_id__isnull=True, receipt_id__isnull=True),
                name="journal_entry_shape",
            ),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="journal_entry_number_positive"),
        ]
        indexes = [models.Index(fields=["collectivite", "account", "accounting_day"], name="journal_entry_by_day")]

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class Head(TenantModel):
    """The last entry's number and hash: locked last in the settling transaction."""

    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collectivite"], name="journal_head_once")]

    def __str__(self) -> str:
        return f"{self.number}"
