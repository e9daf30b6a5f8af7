"""The base of titres: what is owed, to which régie, and what people decided about it.

The trade would say *créance*: a régie's titre is an invoice issued before any titre de recettes exists. Whether a titre
is paid follows from the allocations of `payments`; its balance is a sum and is never stored.
"""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from regal.lib.enumerations import values
from regal.lib.money_field import MoneyField
from regal.lib.tenancy import TenantForeignKey, TenantModel
from regal.titres.states import Event, State

LONGEST_REFERENCE = 30


class Collector(models.TextChoices):
    """Who may collect a debt; money that goes to the other is *gestion de fait*."""

    REGIE = "regie", _("la régie")
    COMPTABLE = "comptable", _("le comptable public")


class DocumentKind(models.TextChoices):
    """The paper that the debtor holds."""

    FACTURE = "facture", _("facture")
    TITRE = "titre", _("titre")
    ROLE = "role", _("rôle")


class Direction(models.TextChoices):
    """Which way an adjustment goes; its amount is always positive."""

    DECREASE = "decrease", _("réduction")
    INCREASE = "increase", _("complément")


class Titre(TenantModel):
    """One payable debt of one budget year. What it is never changes; what is due changes by adjustments only.

    `paid_at` is written by the transaction that settles it, and `regal verify` compares it with the sums.
    """

    collector = models.CharField(max_length=10, choices=Collector.choices)
    regie = TenantForeignKey("collectivites.Regie", null=True)  # who collects, or the budget whose comptable does
    budget = TenantForeignKey("collectivites.Budget", null=True)
    product = TenantForeignKey("collectivites.Product")
    document_kind = models.CharField(max_length=10, choices=DocumentKind.choices)
    exercice = models.PositiveSmallIntegerField()
    number = models.CharField(max_length=30)  # as printed, zeros included
    line = models.PositiveIntegerField(default=1)
    reference = models.CharField(max_length=LONGEST_REFERENCE)  # what its payer types, without separators
    label = models.CharField(max_length=100)
    issued_on = models.DateField()
    due_on = models.DateField(null=True)
    amount = MoneyField()  # as issued
    status = models.CharField(max_length=12, default=State.DRAFT.value)
    paid_at = models.DateTimeField(null=True)  # since when the allocations reach what is due
    held_by = models.BigIntegerField(null=True)  # the attempt that runs
    held_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "regie", "document_kind", "exercice", "number", "line"],
                condition=Q(regie__isnull=False),
                name="titres_titre_once_in_regie",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "budget", "document_kind", "exercice", "number", "line"],
                condition=Q(budget__isnull=False),
                name="titres_titre_once_in_budget",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "regie", "reference"],
                condition=Q(regie__isnull=False),
                name="titres_titre_reference_in_regie",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "budget", "reference"],
                condition=Q(budget__isnull=False),
                name="titres_titre_reference_in_budget",
            ),
            models.CheckConstraint(
                condition=Q(collector=Collector.REGIE.value, regie__isnull=False, budget__isnull=True)
                | Q(collector=Collector.COMPTABLE.value, regie__isnull=True, budget__isnull=False),
                name="titres_titre_who_collects",
            ),
            models.CheckConstraint(condition=Q(reference__regex=r"^[A-Za-z0-9]{6,30}$"), name="titres_titre_reference"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lte=9_999_999_99), name="titres_titre_amount"),
            models.CheckConstraint(condition=Q(status__in=values(State)), name="titres_titre_status"),
            models.CheckConstraint(condition=Q(exercice__gte=1000, exercice__lte=9998), name="titres_titre_exercice"),
            models.CheckConstraint(
                condition=Q(held_by__isnull=True, held_until__isnull=True)
                | Q(held_by__isnull=False, held_until__isnull=False),
                name="titres_titre_hold",
            ),
        ]
        indexes = [
            models.Index(fields=["collectivite", "-created_at", "-id"], name="titres_titre_recent"),
            models.Index(fields=["collectivite", "product", "reference"], name="titres_titre_by_product"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"

    def is_held(self, now: datetime) -> bool:
        """Whether an attempt runs on it."""
        return self.held_until is not None and now < self.held_until


class Debtor(TenantModel):
    """Whom a titre names: apart, so that it can be purged and the titre stays."""

    titre = TenantForeignKey(Titre)
    name = models.CharField(max_length=120)
    reference = models.CharField(max_length=30, blank=True, default="", db_default="")  # the town's own, of a household
    address = models.JSONField(blank=True, default=list, db_default=models.Value([], models.JSONField()))  # of lines
    postcode = models.CharField(max_length=10, blank=True, default="", db_default="")
    city = models.CharField(max_length=60, blank=True, default="", db_default="")
    email = models.CharField(max_length=254, blank=True, default="", db_default="")
    siret = models.CharField(max_length=14, blank=True, default="", db_default="")  # of a firm

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "titre"], name="titres_debtor_once"),
            models.CheckConstraint(
                condition=RawSQL(
                    "jsonb_typeof(address) = 'array' AND jsonb_array_length(address) <= 4",
                    (),
                    output_field=models.BooleanField(),
                ),
                name="titres_debtor_address",
            ),
        ]

    def __str__(self) -> str:
        return f"debtor of {self.titre_id}"


class Adjustment(TenantModel):
    """What is due changes by this much, and why. Append-only: a correction is another adjustment."""

    titre = TenantForeignKey(Titre)
    direction = models.CharField(max_length=10, choices=Direction.choices)
    amount = MoneyField()
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a demonstration
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=9_999_999_99), name="titres_adjustment_amount"
            ),
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="titres_adjustment_known_direction"
            ),
        ]
        indexes = [models.Index(fields=["collectivite", "titre"], name="titres_adjustment_by_titre")]

    def __str__(self) -> str:
        return f"{self.direction} of {self.titre_id}"


class TitreEvent(TenantModel):
    """One step of a titre. Append-only: the status is the fold of these."""

    titre = TenantForeignKey(Titre)
    number = models.PositiveIntegerField()
    event = models.CharField(max_length=12)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    adjustment = TenantForeignKey(Adjustment, null=True)
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a demonstration
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "titre", "number"], name="titres_event_number"),
            models.CheckConstraint(condition=Q(event__in=values(Event)), name="titres_event_known"),
        ]

    def __str__(self) -> str:
        return f"{self.titre_id}.{self.number} {self.event}"
