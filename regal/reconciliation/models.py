"""Files that say what was paid, and what became of each of their lines."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from regal.gateways.files import FileKind, LineKind, Said
from regal.lib.enumerations import values
from regal.lib.money import Money
from regal.lib.money_field import MoneyField
from regal.lib.tenancy import TenantForeignKey, TenantModel
from regal.reconciliation.matching import LONGEST_REFERENCE, PAID_HERE, Result

KIND_NAMES = {
    FileKind.PES_RETOUR: _("PES Retour Recette du comptable"),
    FileKind.REGISSEUR_CSV: _("relevé de régie"),
    FileKind.PAYBOX_REMISE: _("remises de Paybox"),
}


class DepositedFile(TenantModel):
    """A file that an agent gave us: a draft until he confirms it, then done by a worker, whole or not at all.

    The bytes go after a while, or at once when it is discarded; what they were stays known by the digest.
    """

    kind = models.CharField(max_length=20, choices=[(kind.value, name) for kind, name in KIND_NAMES.items()])
    digest = models.CharField(max_length=64)  # SHA-256 of the bytes, in hexadecimal; PostgreSQL checks it
    name = models.CharField(max_length=120)  # as the agent's computer called it
    content = models.BinaryField(null=True)
    entity = models.CharField(max_length=200, blank=True)  # whose it is, as the file says
    account = TenantForeignKey("collectivites.GatewayAccount", null=True)  # of a régie's statement
    budget = TenantForeignKey("collectivites.Budget", null=True)  # of a PES
    contracts = models.CharField(
        max_length=400, blank=True, default="", db_default=""
    )  # of remises: those of ours that it names, « 2718281-01 2718281-02 »
    covers_from = models.DateField()  # Europe/Paris; both included
    covers_to = models.DateField()
    count = models.PositiveIntegerField()  # of payments made through PayFiP; of a remise, of all our lines
    total = MoneyField()  # of what was paid
    left_out = models.PositiveIntegerField()  # what the file also lists
    deposited_by = models.ForeignKey("people.User", models.PROTECT, related_name="+")
    deposited_at = models.DateTimeField()
    confirm_asked_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    confirm_asked_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    discarded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "digest"],
                condition=models.Q(discarded_at__isnull=True),
                name="reconciliation_file_once",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind=FileKind.REGISSEUR_CSV.value, account__isnull=False, budget__isnull=True, contracts=""
                )
                | models.Q(kind=FileKind.PES_RETOUR.value, account__isnull=True, budget__isnull=False, contracts="")
                | models.Q(kind=FileKind.PAYBOX_REMISE.value, account__isnull=True, budget__isnull=True)
                & ~models.Q(contracts=""),
                name="reconciliation_file_whose",
            ),
            models.CheckConstraint(
                condition=models.Q(covers_from__lte=models.F("covers_to")), name="reconciliation_file_days"
            ),
            models.CheckConstraint(
                condition=models.Q(discarded_at__isnull=True)
                | models.Q(confirm_asked_at__isnull=True, confirmed_at__isnull=True),
                name="reconciliation_file_one_end",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__isnull=True) | models.Q(confirm_asked_at__isnull=False),
                name="reconciliation_file_asked_first",
            ),
            models.CheckConstraint(
                condition=models.Q(content__isnull=False)
                | models.Q(confirmed_at__isnull=False)
                | models.Q(discarded_at__isnull=False),
                name="reconciliation_file_kept_until_done",
            ),
            models.CheckConstraint(condition=models.Q(total__gte=0), name="reconciliation_file_total"),
        ]
        indexes = [
            models.Index(fields=["collectivite", "-deposited_at", "-id"], name="reconciliation_file_recent"),
        ]

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def contract_names(self) -> list[str]:
        """Sites and ranks, of remises."""
        return self.contracts.split()

    @property
    def is_draft(self) -> bool:
        """Nobody has confirmed or discarded it."""
        return self.confirm_asked_at is None and self.discarded_at is None

    @property
    def is_being_done(self) -> bool:
        return self.confirm_asked_at is not None and self.confirmed_at is None

    @property
    def since(self) -> datetime:
        """When it came to where it stands."""
        return self.confirmed_at or self.confirm_asked_at or self.discarded_at or self.deposited_at


class FiledLine(TenantModel):
    """One payment of a confirmed file, and what it led to. Append-only."""

    file = TenantForeignKey(DepositedFile)
    number = models.PositiveIntegerField()  # its place among the file's payments, from 1
    place = models.CharField(max_length=100)  # where it stands, for a person who opens the file
    reference = models.CharField(max_length=LONGEST_REFERENCE, blank=True)  # as the file writes it
    amount = MoneyField()
    day = models.DateField()  # Europe/Paris
    kind = models.CharField(max_length=10, default=LineKind.PAYMENT.value, db_default=LineKind.PAYMENT.value)
    contract = models.CharField(max_length=20, blank=True, default="", db_default="")  # of a remise: site and rank
    transaction = models.CharField(max_length=20, blank=True, default="", db_default="")  # without zeros in front
    remittance = models.CharField(max_length=20, blank=True, default="", db_default="")  # the number of the remise
    remitted_on = models.DateField(null=True)
    result = models.CharField(max_length=20)
    is_repeated = models.BooleanField()  # an earlier file said it already: nothing followed
    attempt = TenantForeignKey("payments.Attempt", null=True)
    evidence = TenantForeignKey("payments.Evidence", null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "file", "number"], name="reconciliation_line_number"),
            models.UniqueConstraint(
                fields=["collectivite", "file", "attempt"],
                condition=models.Q(result__in=[result.value for result in PAID_HERE]),
                name="reconciliation_line_one_attempt",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "attempt"],
                condition=models.Q(result__in=[Result.CONFIRMED.value, Result.FIRM.value]),
                name="reconciliation_line_confirms_once",
            ),
            models.CheckConstraint(
                condition=models.Q(result__in=values(Result)), name="reconciliation_line_known_result"
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="reconciliation_line_amount"),
            models.CheckConstraint(
                condition=models.Q(
                    result__in=[Result.CONFIRMED.value, Result.FIRM.value],
                    kind=LineKind.PAYMENT.value,
                    attempt__isnull=False,
                    evidence__isnull=False,
                    is_repeated=False,
                )
                | models.Q(result=Result.ALREADY.value, kind=LineKind.PAYMENT.value, attempt__isnull=False)
                | models.Q(
                    result__in=[Result.OTHER_AMOUNT.value, Result.PAID_TWICE.value],
                    kind=LineKind.PAYMENT.value,
                    attempt__isnull=False,
                    evidence__isnull=True,
                )
                | models.Q(result__in=[Result.REFUND.value, Result.CANCELLED.value], evidence__isnull=True)
                | models.Q(
                    result__in=[Result.ELSEWHERE.value, Result.AMBIGUOUS.value],
                    kind=LineKind.PAYMENT.value,
                    attempt__isnull=True,
                    evidence__isnull=True,
                ),
                name="reconciliation_line_shape",
            ),
            models.CheckConstraint(condition=models.Q(kind__in=values(LineKind)), name="reconciliation_line_kind"),
        ]
        indexes = [
            models.Index(fields=["collectivite", "reference", "day"], name="reconciliation_line_key"),
            models.Index(fields=["collectivite", "attempt"], name="reconciliation_line_attempt"),
            models.Index(fields=["collectivite", "evidence"], name="reconciliation_line_evidence"),
            models.Index(
                fields=["collectivite", "contract", "transaction"],
                condition=~models.Q(transaction=""),
                name="reconciliation_line_numbered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_id}.{self.number} {self.result}"


class FiledState(TenantModel):
    """What a confirmed PES Retour said of one of our titres that the comptable collects. Append-only."""

    file = TenantForeignKey(DepositedFile)
    number = models.PositiveIntegerField()  # its place among those of the file, from 1
    place = models.CharField(max_length=100)  # where it stands, for a person who opens the file
    titre = TenantForeignKey("titres.Titre")
    told_on = models.DateField()  # the day of which the file speaks
    said = models.CharField(max_length=12)
    collected: "MoneyField[Money | None, Money | None]" = MoneyField(null=True)  # in all, whatever the means
    is_late = models.BooleanField()  # a file of a later day was confirmed before: nothing followed
    steps = models.PositiveSmallIntegerField()  # how many followed on the titre
    last_step = models.PositiveIntegerField(null=True)  # the number of the last of them

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "file", "number"], name="reconciliation_state_number"),
            models.UniqueConstraint(fields=["collectivite", "file", "titre"], name="reconciliation_state_one_titre"),
            models.UniqueConstraint(
                fields=["collectivite", "titre", "last_step"],
                condition=models.Q(last_step__isnull=False),
                name="reconciliation_state_one_step",
            ),
            models.CheckConstraint(condition=models.Q(said__in=values(Said)), name="reconciliation_state_known"),
            models.CheckConstraint(
                condition=models.Q(collected__isnull=True) | models.Q(collected__gte=0),
                name="reconciliation_state_collected",
            ),
            models.CheckConstraint(
                condition=models.Q(steps=0, last_step__isnull=True)
                | models.Q(steps__gte=1, steps__lte=2, last_step__isnull=False, is_late=False),
                name="reconciliation_state_steps",
            ),
        ]
        indexes = [
            models.Index(fields=["collectivite", "titre", "-told_on", "-id"], name="reconciliation_state_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.file_id}.{self.number} {self.said}"

    @property
    def step_numbers(self) -> range:
        """The numbers of the titre's steps that followed."""
        last = self.last_step or 0
        return range(last - self.steps + 1, last + 1)
