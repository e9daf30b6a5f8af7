"""The base of titres: what is owed, to which régie, and what people decided about it.

The trade would say *créance*: a régie's titre is an invoice issued before any titre de recettes exists. Whether a titre
is paid follows from the allocations of `payments`; its balance is a sum and is never stored.
"""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Now, Reverse, Upper
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from regal.lib.enumerations import values
from regal.lib.money import Money
from regal.lib.money_field import MoneyField
from regal.lib.tenancy import TenantForeignKey, TenantModel
from regal.titres.import_states import ImportState, Verdict
from regal.titres.states import Event, State

LONGEST_REFERENCE = 30


def _whose() -> Any:
    """The collectivité of a row that imports write by the hundred thousand.

    Another key of the row is a pair that holds it, and every index begins with it: a constraint and an index of its own
    would say nothing more, and cost as much as the row.
    """
    return models.ForeignKey(
        "collectivites.Collectivite", models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )


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
    """One payable debt of one budget year. Once published, what it is never changes; what is due, by adjustments only.

    A draft may be mended, and a published one's words corrected: PostgreSQL lets nothing else through, and each event
    keeps what was there before.

    `paid_at` and `is_paid_in_part` are written by the transaction that settles it: `regal verify` compares them with
    the sums.
    """

    collectivite = _whose()
    collector = models.CharField(max_length=10, choices=Collector.choices)
    regie = TenantForeignKey("collectivites.Regie", null=True, db_index=False)  # who collects
    budget = TenantForeignKey("collectivites.Budget", null=True, db_index=False)  # or whose comptable does
    product = TenantForeignKey("collectivites.Product", db_index=False)
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
    is_paid_in_part = models.BooleanField(default=False, db_default=False)  # they reach something of it, not all
    held_by = models.BigIntegerField(null=True)  # the attempt that runs
    held_until = models.DateTimeField(null=True)
    batch = models.CharField(max_length=20, blank=True, default="", db_default="")  # bordereau or rôle, of a file
    origin = TenantForeignKey("titres.Import", null=True, db_index=False)  # None: a person typed it
    origin_line = models.PositiveIntegerField(null=True)  # which line of it
    created_at = models.DateTimeField()
    # Written by PostgreSQL: letters and digits of the number, backwards, so that its end is a range (decision 0011).
    number_reversed = models.GeneratedField(
        expression=Upper(
            Reverse(
                Func("number", Value("[^A-Za-z0-9]+"), Value(""), Value("g"), function="regexp_replace"),
            )
        ),
        output_field=models.CharField(max_length=30, db_collation="C"),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "regie", "document_kind", "exercice", "number", "line"],
                condition=Q(regie__isnull=False) & ~Q(status=State.WITHDRAWN.value),
                name="titres_titre_once_in_regie",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "budget", "document_kind", "exercice", "number", "line"],
                condition=Q(budget__isnull=False) & ~Q(status=State.WITHDRAWN.value),
                name="titres_titre_once_in_budget",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "regie", "reference"],
                condition=Q(regie__isnull=False) & ~Q(status=State.WITHDRAWN.value),
                name="titres_titre_reference_in_regie",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "budget", "reference"],
                condition=Q(budget__isnull=False) & ~Q(status=State.WITHDRAWN.value),
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
            models.CheckConstraint(
                condition=Q(origin__isnull=True, origin_line__isnull=True)
                | Q(origin__isnull=False, origin_line__isnull=False),
                name="titres_titre_origin",
            ),
        ]
        indexes = [
            # All that lists filter by: whatever the filters, rows are found and counted in this index alone.
            models.Index(
                fields=["collectivite", "issued_on", "id"],
                include=[
                    "product",
                    "status",
                    "paid_at",
                    "held_until",
                    "amount",
                    "due_on",
                    "document_kind",
                    "collector",
                    "origin",
                ],
                name="titres_titre_listed",
            ),
            models.Index(fields=["collectivite", "product", "issued_on", "id"], name="titres_titre_by_product"),
            models.Index(fields=["collectivite", "due_on", "id"], name="titres_titre_by_due_day"),
            models.Index(fields=["collectivite", "document_kind", "collector"], name="titres_titre_by_kind"),
            # Few rows enter the others; a file's new ones, those to be paid alone.
            models.Index(
                fields=["collectivite", "issued_on", "id"],
                include=["product", "status", "paid_at", "held_until", "due_on", "amount"],
                condition=Q(paid_at__isnull=True, status__in=[State.OPEN.value, State.SUSPENDED.value]),
                name="titres_titre_waiting",
            ),
            models.Index(
                fields=["collectivite", "status", "issued_on", "id"],
                include=["product", "paid_at", "is_paid_in_part", "due_on", "amount"],
                condition=Q(paid_at__isnull=True) & ~Q(status=State.OPEN.value),
                name="titres_titre_decided",
            ),
            models.Index(
                fields=["collectivite", "issued_on", "id"],
                condition=Q(paid_at__isnull=False),
                name="titres_titre_paid",
            ),
            models.Index(
                fields=["collectivite", "issued_on", "id"],
                condition=Q(is_paid_in_part=True),
                name="titres_titre_paid_in_part",
            ),
            models.Index(
                fields=["collectivite", "issued_on", "id"],
                condition=Q(held_until__isnull=False),
                name="titres_titre_held",
            ),
            models.Index(fields=["collectivite", "number_reversed"], name="titres_titre_by_number"),
            models.Index(fields=["collectivite", "amount"], name="titres_titre_by_amount"),
            models.Index(
                fields=["collectivite", "origin", "origin_line"],
                condition=Q(origin__isnull=False),
                name="titres_titre_by_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"

    def is_held(self, now: datetime) -> bool:
        """Whether an attempt runs on it."""
        return self.held_until is not None and now < self.held_until


class Debtor(TenantModel):
    """Whom a titre names: apart, so that it can be purged and the titre stays.

    PostgreSQL keeps the words of the name in one more column, `words`, for its finder alone (migration 0006).
    """

    collectivite = _whose()
    titre = TenantForeignKey(Titre, db_index=False)
    name = models.CharField(max_length=120)
    reference = models.CharField(max_length=30, blank=True, default="", db_default="")  # the town's own, of a household
    address = models.JSONField(blank=True, default=list, db_default=models.Value([], models.JSONField()))  # of lines
    postcode = models.CharField(max_length=10, blank=True, default="", db_default="")
    city = models.CharField(max_length=60, blank=True, default="", db_default="")
    email = models.CharField(max_length=254, blank=True, default="", db_default="")
    siret = models.CharField(max_length=14, blank=True, default="", db_default="")  # of a firm
    others = models.CharField(max_length=500, blank=True, default="", db_default="")  # names of who is jointly liable

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "titre"], name="titres_debtor_once"),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    Func("address", function="jsonb_array_length", output_field=models.IntegerField()), 4
                ),
                name="titres_debtor_address",
            ),
        ]

    def __str__(self) -> str:
        return f"debtor of {self.titre_id}"


class DebtorWord(TenantModel):
    """A word of some debtor's name, for who mistypes it. PostgreSQL writes and forgets it with the names."""

    word = models.CharField(max_length=120, db_collation="C")

    class Meta:
        indexes = [models.Index(fields=["collectivite", "word"], name="titres_debtorword_word")]

    def __str__(self) -> str:
        return f"word {self.pk}"


class Adjustment(TenantModel):
    """What is due changes by this much, and why. Append-only: a correction is another adjustment."""

    collectivite = _whose()
    titre = TenantForeignKey(Titre, db_index=False)
    direction = models.CharField(max_length=10, choices=Direction.choices)
    amount = MoneyField()
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey(
        "people.User", models.PROTECT, null=True, related_name="+", db_index=False
    )  # None: a demonstration
    made_at = models.DateTimeField()
    origin = TenantForeignKey("titres.Import", null=True, db_index=False)  # the import that made it, or was undone
    piece = models.CharField(max_length=60, blank=True, default="", db_default="")  # the credit note's own number

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=9_999_999_99), name="titres_adjustment_amount"
            ),
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="titres_adjustment_known_direction"
            ),
        ]
        indexes = [
            models.Index(fields=["collectivite", "titre"], name="titres_adjustment_by_titre"),
            models.Index(
                fields=["collectivite", "origin"],
                condition=Q(origin__isnull=False),
                name="titres_adjustment_by_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.direction} of {self.titre_id}"


class TitreEvent(TenantModel):
    """One step of a titre. Append-only: the status is the fold of these."""

    collectivite = _whose()
    titre = TenantForeignKey(Titre, db_index=False)
    number = models.PositiveIntegerField()
    event = models.CharField(max_length=12)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    adjustment = TenantForeignKey(Adjustment, null=True, db_index=False)
    reason = models.CharField(max_length=300, blank=True)
    payer_note = models.CharField(max_length=200, blank=True, default="", db_default="")  # why, to its payer; no name
    changes: "models.JSONField[Any, Any]" = models.JSONField(null=True)  # {field: [before, after]}; no name
    by = models.ForeignKey(
        "people.User", models.PROTECT, null=True, related_name="+", db_index=False
    )  # None: a demonstration
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "titre", "number"], name="titres_event_number"),
            models.CheckConstraint(condition=Q(event__in=values(Event)), name="titres_event_known"),
        ]

    def __str__(self) -> str:
        return f"{self.titre_id}.{self.number} {self.event}"


class GroupAct(models.TextChoices):
    """What can be done to many titres at once."""

    ISSUE = "issue", _("les émettre")
    SUSPEND = "suspend", _("les suspendre")
    RESUME = "resume", _("les remettre à payer")
    CANCEL = "cancel", _("les annuler : plus rien n’est dû")
    TRANSFER = "transfer", _("les transmettre au comptable")
    WRITE_OFF = "write_off", _("les abandonner")
    RESTORE = "restore", _("les rétablir : revenir sur une annulation, une transmission ou un abandon")


class TitreGroup(TenantModel):
    """One act prepared for many titres: what it would do is read first, then confirmed once."""

    act = models.CharField(max_length=12, choices=GroupAct.choices)
    reason = models.CharField(max_length=300, blank=True)
    payer_note = models.CharField(max_length=200, blank=True)
    prepared_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    prepared_at = models.DateTimeField()
    confirmed_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(act__in=GroupAct.values), name="titres_group_known_act"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.act}"


class TitreGroupLine(TenantModel):
    """One titre of a group: as its preview saw it, and what became of it. `refusal` is "" where the act suits."""

    group = TenantForeignKey(TitreGroup)
    titre = TenantForeignKey(Titre)
    seen = models.PositiveIntegerField()  # steps and payments that the preview saw
    left = MoneyField()  # of it, then
    refusal_foreseen = models.BooleanField(default=False)  # by the preview: it is not tried
    refusal = models.CharField(max_length=8, blank=True)  # the code
    said = models.CharField(max_length=400, blank=True)  # its sentence, as it was said
    done_at = models.DateTimeField(null=True)  # done, or refused when it was tried

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "group", "titre"], name="titres_group_line_once"),
            models.CheckConstraint(condition=Q(left__gte=0), name="titres_group_line_left"),
        ]

    def __str__(self) -> str:
        return f"{self.group_id}.{self.titre_id}"


class ImportSource(TenantModel):
    """How one kind of file is read, and whose debts it brings: set once, found again the next month.

    Files of finance software (PES, ORMC) hold the comptable's debts unless an agent declares them a régie's.
    """

    name = models.CharField(max_length=80)
    collector = models.CharField(max_length=10, choices=Collector.choices)
    regie = TenantForeignKey("collectivites.Regie", null=True)  # who collects, as of a titre
    budget = TenantForeignKey("collectivites.Budget", null=True)
    file_format = models.CharField(max_length=10, blank=True)  # of `importers.base.FileFormat`; "": whatever comes
    options: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)  # `TableOptions`, or of PES
    default_product = TenantForeignKey("collectivites.Product", null=True)  # of lines that name none
    products: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)  # {the file's code: our key}
    regie_codes: "models.JSONField[Any, Any]" = models.JSONField(default=list, blank=True)  # those read; []: all
    as_drafts = models.BooleanField(default=False)  # somebody issues them afterwards
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "name"], name="titres_source_once"),
            models.CheckConstraint(
                condition=Q(collector=Collector.REGIE.value, regie__isnull=False, budget__isnull=True)
                | Q(collector=Collector.COMPTABLE.value, regie__isnull=True, budget__isnull=False),
                name="titres_source_who_collects",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Import(TenantModel):
    """One file on its way into the base. Its pieces and lines name people, and go; what it did stays."""

    source = TenantForeignKey(ImportSource)
    name = models.CharField(max_length=120)  # as the agent's computer called it
    digest = models.CharField(max_length=64)  # SHA-256 of the bytes, in hexadecimal
    size = models.PositiveBigIntegerField()
    file_format = models.CharField(max_length=10, blank=True)  # as recognised when it was read
    head: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)  # what is known before its lines
    state = models.CharField(max_length=12, default=ImportState.RECEIVED.value)
    error: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)  # of REFUSED: {"code", "where", …}
    lines_read = models.PositiveIntegerField(default=0)  # so far: progress
    bytes_read = models.PositiveBigIntegerField(default=0)
    counts: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)  # {verdict: lines}, "warnings"
    new_total: "MoneyField[Money | None, Money | None]" = MoneyField(
        null=True
    )  # of the titres that would be, or were, created
    only_valid = models.BooleanField(default=False)  # the agent accepted that wrong lines stay out
    created = models.PositiveIntegerField(default=0)  # titres
    adjusted = models.PositiveIntegerField(default=0)  # titres
    skipped = models.PositiveIntegerField(default=0)  # paid, held or decided otherwise since the report
    kept_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: the command line
    kept_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)  # when somebody confirmed
    confirmed_at = models.DateTimeField(null=True)  # when it was written
    undo_asked_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # of UNDOING
    ended_at = models.DateTimeField(null=True)  # discarded, refused or undone

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=values(ImportState)), name="titres_import_state"),
            models.CheckConstraint(
                condition=Q(new_total__isnull=True) | Q(new_total__gte=0), name="titres_import_total"
            ),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="titres_import_digest"),
            models.CheckConstraint(
                condition=~Q(
                    state__in=[ImportState.CONFIRMED.value, ImportState.UNDOING.value, ImportState.UNDONE.value]
                )
                | Q(confirmed_at__isnull=False),
                name="titres_import_confirmed",
            ),
        ]
        indexes = [
            models.Index(fields=["collectivite", "-kept_at", "-id"], name="titres_import_recent"),
            models.Index(fields=["collectivite", "source", "digest"], name="titres_import_same"),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} {self.state}"


class ImportPiece(TenantModel):
    """At most 1 MB of an upload. Goes once the import is confirmed, discarded, undone or forgotten."""

    of_import = TenantForeignKey(Import, db_index=False)
    number = models.PositiveIntegerField()  # from 0
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "of_import", "number"], name="titres_piece_once")
        ]

    def __str__(self) -> str:
        return f"piece {self.number} of import {self.of_import_id}"


class ImportLine(TenantModel):
    """What the report says of one line, and the titre that it proposes. Purged with its personal data.

    Which titre came of it, the titre itself says (`origin`, `origin_line`).
    """

    collectivite = _whose()
    of_import = TenantForeignKey(Import, db_index=False)
    number = models.PositiveIntegerField()
    place = models.CharField(max_length=100)
    verdict = models.CharField(max_length=10)
    troubles: "models.JSONField[Any, Any]" = models.JSONField(null=True)  # [{"code", "weight", "where", "said"}]
    product_id = models.BigIntegerField(null=True)  # no key: a line that is wrong may name nothing of ours
    document_kind = models.CharField(max_length=10, blank=True)
    exercice = models.PositiveSmallIntegerField(null=True)
    titre_number = models.CharField(max_length=30, blank=True)
    titre_line = models.PositiveIntegerField(default=1)
    reference = models.CharField(max_length=30, blank=True)
    label = models.CharField(max_length=100, blank=True)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    amount: "MoneyField[Money | None, Money | None]" = MoneyField(null=True)
    batch = models.CharField(max_length=20, blank=True)
    piece = models.CharField(max_length=60, blank=True)  # of a reduction: its own number
    debtor_name = models.CharField(max_length=120, blank=True)
    debtor_reference = models.CharField(max_length=30, blank=True)
    debtor_email = models.CharField(max_length=254, blank=True)
    debtor_address = models.CharField(max_length=200, blank=True)
    debtor_postcode = models.CharField(max_length=10, blank=True)
    debtor_city = models.CharField(max_length=60, blank=True)
    debtor_siret = models.CharField(max_length=14, blank=True)
    debtor_others = models.CharField(max_length=500, blank=True)
    titre_id = models.BigIntegerField(null=True)  # the one that it was compared with

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "of_import", "number"], name="titres_line_once"),
            models.CheckConstraint(condition=Q(verdict__in=values(Verdict)), name="titres_line_verdict"),
        ]

    def __str__(self) -> str:
        return f"line {self.number} of import {self.of_import_id}: {self.verdict}"
