"""What payers are sent after a payment in régie, and the quittances that a régie issues.

No address that tickets go to stands here: it stays with the attempt's payer.
"""

from typing import Any

from django.db import models
from django.db.models import F, JSONField, Q, Value
from django.utils.translation import gettext_lazy as _

from regal.lib.money_field import MoneyField
from regal.lib.tenancy import TenantForeignKey, TenantModel
from regal.payments.models import Means
from regal.people.models import Role


class Kind(models.TextChoices):
    FIRST = "first"  # that every settlement in régie owes its payer
    AGAIN = "again"  # a copy that an agent sent, or a payer


class Why(models.TextChoices):
    """Why a ticket will not be sent: a closed list."""

    NO_ADDRESS = "no_address", _("l’adresse du payeur est effacée")
    BAD_ADDRESS = "bad_address", _("le serveur de courrier refuse cette adresse")
    NOT_KNOWN = "not_known", _("envoyé deux fois sans savoir s’il est arrivé")
    BEFORE = "before", _("payé avant que REGAL n’envoie des tickets")


class Ticket(TenantModel):
    """One e-mail that tells a payer what he paid. Its Message-ID is the same at each try.

    `started_at` without `sent_at`: it is leaving, or whoever sent it died before he could say so. It may then leave
    once more, never a third time: `uncertain` counts the sendings of which nobody knows whether they arrived.
    """

    settlement = TenantForeignKey("payments.Settlement")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    message_id = models.CharField(max_length=320)
    owed_at = models.DateTimeField()
    asked_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # of a copy; None: a payer
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    gave_up_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=20, blank=True, choices=Why.choices)  # it was given up
    tries = models.PositiveIntegerField(default=0)
    uncertain = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "settlement"], condition=Q(kind=Kind.FIRST.value), name="receipts_ticket_first"
            ),
            models.UniqueConstraint(fields=["collectivite", "message_id"], name="receipts_ticket_message_id"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="receipts_ticket_kind"),
            models.CheckConstraint(condition=Q(why__in=["", *Why.values]), name="receipts_ticket_why"),
            models.CheckConstraint(
                condition=Q(gave_up_at__isnull=True, why="")
                | Q(gave_up_at__isnull=False, sent_at__isnull=True) & ~Q(why=""),
                name="receipts_ticket_ended_once",
            ),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True)
                | Q(started_at__isnull=False, sent_at__gte=F("started_at"), tries__gt=0),
                name="receipts_ticket_sent_after_it_started",
            ),
            models.CheckConstraint(condition=~Q(message_id=""), name="receipts_ticket_has_message_id"),
            models.CheckConstraint(condition=Q(uncertain__lte=2), name="receipts_ticket_twice_at_most"),
        ]
        indexes = [
            models.Index(fields=["collectivite", "settlement"], name="receipts_ticket_by_settlement"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ticket of settlement {self.settlement_id}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.sent_at is not None or self.gave_up_at is not None

    @property
    def is_copy(self) -> bool:
        return self.kind == Kind.AGAIN


# Quittances


class How(models.TextChoices):
    """How what a quittance states was paid: online, then as `payments.models.Means`."""

    ONLINE = "online", _("paiement en ligne")  # the gateway does not say how
    ONLINE_CARD = "online_card", _("carte bancaire en ligne")
    DIRECT_DEBIT = "direct_debit", _("prélèvement demandé en ligne")
    CASH = Means.CASH.value, Means.CASH.label
    CHEQUE = Means.CHEQUE.value, Means.CHEQUE.label
    CARD = Means.CARD.value, Means.CARD.label
    TRANSFER = Means.TRANSFER.value, Means.TRANSFER.label
    VOUCHERS = Means.VOUCHERS.value, Means.VOUCHERS.label


class QuittanceCounter(TenantModel):
    """The last number of a régie and year: locked by whoever issues or delivers, so that no number is burnt."""

    regie = TenantForeignKey("collectivites.Regie")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(null=True)  # when it was issued: the next is not issued before

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "regie", "year"], name="receipts_counter_once"),
        ]

    def __str__(self) -> str:
        return f"{self.last} of {self.year}, régie {self.regie_id}"


class Quittance(TenantModel):
    """A régie acknowledges that it received a settlement. Append-only: what it states is as on the day of issue.

    `parts` is a list of {"titre": its key or null, "name", "label", "exercice", "cents"}: what of it pays which debt;
    with `excess` they make up the amount. It is cancelled where its settlement is reversed, and keeps its number.
    """

    regie = TenantForeignKey("collectivites.Regie")
    year = models.PositiveSmallIntegerField()  # Europe/Paris, of issue
    number = models.PositiveIntegerField()  # 1, 2, 3… without a gap in a régie and year
    settlement = TenantForeignKey("payments.Settlement")
    town_name = models.CharField(max_length=120)
    regie_name = models.CharField(max_length=120)
    regie_number = models.CharField(max_length=10)
    amount = MoneyField()
    excess = MoneyField()
    parts: "models.JSONField[Any, Any]" = models.JSONField()
    how = models.CharField(max_length=20, choices=How.choices)
    bank = models.CharField(max_length=60, blank=True)  # of a cheque
    piece = models.CharField(max_length=40, blank=True)
    transaction = models.CharField(max_length=64, blank=True)  # as the gateway numbers it
    authorisation = models.CharField(max_length=64, blank=True)
    paid_at = models.DateTimeField()
    issued_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a demonstration
    issued_as = models.CharField(max_length=20, choices=Role.choices)
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "regie", "year", "number"], name="receipts_quittance_number"
            ),
            models.UniqueConstraint(fields=["collectivite", "settlement"], name="receipts_quittance_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="receipts_quittance_from_one"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipts_quittance_amount"),
            models.CheckConstraint(
                condition=Q(excess__gte=0, excess__lte=F("amount")), name="receipts_quittance_excess"
            ),
            models.CheckConstraint(condition=Q(how__in=How.values), name="receipts_quittance_how"),
            models.CheckConstraint(condition=Q(issued_as__in=Role.values), name="receipts_quittance_issued_as"),
        ]
        indexes = [models.Index(fields=["collectivite", "-issued_at", "-id"], name="receipts_quittance_recent")]

    def __str__(self) -> str:
        return self.printed

    @property
    def printed(self) -> str:
        """`2026-000123`, as people say and write it."""
        return f"{self.year}-{self.number:06d}"


class QuittancePerson(TenantModel):
    """Whom a quittance names, as the titre did: apart, so that it can be purged and the quittance stays."""

    quittance = TenantForeignKey(Quittance)
    place = models.PositiveSmallIntegerField(default=0)  # several titres of one payment may name several people
    name = models.CharField(max_length=120)
    address = models.JSONField(blank=True, default=list)  # of lines
    postcode = models.CharField(max_length=10, blank=True)
    city = models.CharField(max_length=60, blank=True)
    erased_at = models.DateTimeField(null=True)  # then the row says nothing else, and it is the only one

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "quittance", "place"], name="receipts_person_once"),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(name="", address=Value([], JSONField()), postcode="", city=""),
                name="receipts_person_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"person of quittance {self.quittance_id}"


class QuittanceDelivery(TenantModel):
    """One PDF of a quittance that somebody took. Append-only: number 1 is the original, every other a duplicata."""

    quittance = TenantForeignKey(Quittance)
    number = models.PositiveIntegerField()
    made_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a demonstration
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "quittance", "number"], name="receipts_delivery_number"),
            models.CheckConstraint(condition=Q(number__gt=0), name="receipts_delivery_from_one"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.number} of quittance {self.quittance_id}"

    @property
    def is_original(self) -> bool:
        return self.number == 1
