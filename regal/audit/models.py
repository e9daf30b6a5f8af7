"""What staff did. Append-only."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from regal.lib.tenancy import TenantForeignKey, TenantModel


class AuditEntry(TenantModel):
    """One privileged act in one collectivité, with what was there before and after."""

    actor = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: the command line
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80)
    before: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    after: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["collectivite", "-at"], name="audit_entry_by_time")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class PlatformAct(models.Model):
    """One act on the platform itself, outside any collectivité; a shared table: numbers only, no name and no e-mail."""

    actor = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class Letter(TenantModel):
    """An e-mail that tells somebody of one act: what it says is written when it is sent."""

    entry = TenantForeignKey(AuditEntry)
    recipient = models.ForeignKey("people.User", models.PROTECT, related_name="+")
    at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "entry", "recipient"], name="audit_letter_once"),
        ]

    def __str__(self) -> str:
        return f"letter about {self.entry_id}"


class VerifyRun(models.Model):
    """What one run of every invariant found; a shared table: numbers only."""

    at = models.DateTimeField()
    invariants = models.PositiveIntegerField()
    rows = models.PositiveBigIntegerField()
    broken = models.PositiveIntegerField()
    milliseconds = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.invariants} invariants, {self.broken} broken"
