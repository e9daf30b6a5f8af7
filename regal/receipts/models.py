"""What payers are sent after a payment in régie. No address stands here: it stays with the attempt's payer."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from regal.lib.tenancy import TenantForeignKey, TenantModel


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
