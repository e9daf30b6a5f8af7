"""Anomalies waiting for a person. Closing a case never moves money."""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from regal.lib.tenancy import TenantModel


class Kind(models.TextChoices):
    """The closed list of what can go wrong; `explanations.py` says each in plain words."""

    CONTRADICTION = "contradiction", _("message contraire après un paiement confirmé")
    OTHER_PAYMENT = "other_payment", _("message ou preuve d’un autre paiement")
    UNKNOWN_OUTCOME = "unknown_outcome", _("résultat inconnu")
    STUCK_EFFECT = "stuck_effect", _("traitement en échec répété")
    ABSENT_FROM_FILE = "absent_from_file", _("annoncé payé, absent du fichier")
    OTHER_AMOUNT = "other_amount", _("autre montant dans le fichier")
    REFUSED_YET_FILED = "refused_yet_filed", _("annoncé refusé ou abandonné, présent dans le fichier")
    AMBIGUOUS_LINE = "ambiguous_line", _("ligne de fichier qui va à plusieurs dettes")


class Case(TenantModel):
    """What happened, and who decided what. One open per (kind, subject)."""

    kind = models.CharField(max_length=30, choices=Kind.choices)
    subject_kind = models.CharField(max_length=20)  # "attempt", "effect"
    subject_id = models.BigIntegerField()
    facts: "models.JSONField[Any, Any]" = models.JSONField(default=dict)  # nothing personal
    rule = models.CharField(max_length=60)  # the rule that opened it
    opened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    first_seen_at = models.DateTimeField(null=True)
    first_seen_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    decision = models.CharField(max_length=30, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "kind", "subject_kind", "subject_id"],
                condition=models.Q(closed_at__isnull=True),
                name="cases_case_one_open",
            ),
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="cases_case_known_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_kind} {self.subject_id}"
