"""Notices that a worker makes: what was asked, how far it is, and the files until they are purged.

A notice itself is kept nowhere: it is made of what is due when it is made.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from regal.lib.tenancy import TenantForeignKey, TenantModel


class NoticeBatch(TenantModel):
    """The notices of one selection, frozen when it was asked: which titres, never their content."""

    titres: "ArrayField[list[int], list[int]]" = ArrayField(models.BigIntegerField())  # in the order of the pages
    size: Any = models.PositiveIntegerField()  # how many titres
    asked_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    done = models.PositiveIntegerField(default=0)  # titres seen so far, with a notice or without
    notices = models.PositiveIntegerField(default=0)  # those that have one
    left_out: "models.JSONField[Any, Any]" = models.JSONField(default=dict)  # {why: titres}, of `refusals.Why`
    ended_at = models.DateTimeField(null=True)  # the last piece is written
    purged_at = models.DateTimeField(null=True)  # its pieces are gone

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0, done__lte=F("size")), name="notices_batch_done"),
            models.CheckConstraint(condition=Q(notices__lte=F("done")), name="notices_batch_notices"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(done=F("size")), name="notices_batch_ended_whole"
            ),
        ]
        indexes = [models.Index(fields=["collectivite", "-asked_at", "-id"], name="notices_batch_recent")]

    def __str__(self) -> str:
        return f"batch {self.pk}: {self.done} of {self.size}"


class NoticePiece(TenantModel):
    """One PDF of a batch: it holds names and addresses, and goes after seven days."""

    batch = TenantForeignKey(NoticeBatch, db_index=False)
    number = models.PositiveIntegerField()  # from 1
    first = models.PositiveIntegerField()  # place of its first titre in the batch, from 0
    titres = models.PositiveIntegerField()  # how many titres of the batch it covers
    notices = models.PositiveIntegerField()  # how many of them have a notice in it
    pdf = models.BinaryField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "batch", "number"], name="notices_piece_once"),
            models.UniqueConstraint(fields=["collectivite", "batch", "first"], name="notices_piece_no_double"),
            models.CheckConstraint(condition=Q(notices__gt=0, notices__lte=F("titres")), name="notices_piece_notices"),
        ]

    def __str__(self) -> str:
        return f"piece {self.number} of batch {self.batch_id}"
