"""Attempts to pay, what was heard of them, and what it proved."""

from typing import Any

from django.db import models
from django.db.models.functions import Reverse
from django.utils.translation import gettext_lazy as _

from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment, Outcome, Rank
from regal.lib.enumerations import values
from regal.lib.money_field import MoneyField
from regal.lib.references import UnreadableReference
from regal.lib.tenancy import TenantForeignKey, TenantModel
from regal.payments.standing import ANNOUNCED, standing_in_sql
from regal.payments.states import Event, State


class Attempt(TenantModel):
    """One hand-off of one amount to one account.

    Tokens are kept as SHA-256 digests: who reads the database can neither open a payer's page nor speak for TIPI.
    """

    account = TenantForeignKey("collectivites.GatewayAccount")
    product = TenantForeignKey("collectivites.Product")
    titre = TenantForeignKey("titres.Titre", null=True)  # the debt in our own base; None where the gateway knows it
    environment = models.CharField(max_length=10)  # the account's, by a foreign key on the three columns
    reference = models.CharField(max_length=64)  # ours, unique for ever in its account; TIPI's form mode never sees it
    key = models.CharField(
        max_length=64, blank=True, default="", db_default=""
    )  # what the gateway gave to name it: PayFiP's idOp
    debt_reference = models.CharField(max_length=30)  # without separators: 18 digits for a titre
    exercice = models.PositiveSmallIntegerField(null=True)
    amount = MoneyField()
    label = models.CharField(max_length=100)
    language = models.CharField(max_length=5, default="fr")
    status = models.CharField(max_length=20, default=State.CREATED.value)
    is_provisional = models.BooleanField(default=False, db_default=False)  # settled by a signature alone, not confirmed
    is_reversed = models.BooleanField(default=False, db_default=False)  # its settlement has a reversal
    announced = models.CharField(max_length=12, blank=True)  # an Outcome: the fold of its announcements
    announced_at = models.DateTimeField(null=True)  # when the other side says it happened, else when we heard it
    warned = models.BooleanField(default=False)  # the payer was told of an earlier attempt on this debt
    flow_digest = models.CharField(max_length=64)  # the recap's single-use token
    handle_digest = models.CharField(max_length=64)  # the payer's page
    notification_digest = models.CharField(max_length=64)  # the attempt's own address, which its gateway calls
    created_at = models.DateTimeField()
    handed_off_at = models.DateTimeField(null=True)
    # Written by PostgreSQL. Lists filter and count by them: behind row-level security only plain columns compared by
    # leakproof operators use an index, so neither an expression nor LIKE would (docs/decisions/0011).
    standing = models.GeneratedField(
        expression=standing_in_sql(), output_field=models.CharField(max_length=20), db_persist=True
    )
    debt_reference_reversed = models.GeneratedField(
        expression=Reverse("debt_reference"),
        output_field=models.CharField(max_length=30, db_collation="C"),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="payments_attempt_reference"),
            models.UniqueConstraint(
                fields=["account", "key"], condition=~models.Q(key=""), name="payments_attempt_key"
            ),
            models.UniqueConstraint(fields=["collectivite", "flow_digest"], name="payments_attempt_flow"),
            models.UniqueConstraint(fields=["collectivite", "handle_digest"], name="payments_attempt_handle"),
            models.UniqueConstraint(
                fields=["collectivite", "notification_digest"], name="payments_attempt_notification"
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, amount__lte=9_999_999_99), name="payments_attempt_amount"
            ),
            models.CheckConstraint(condition=models.Q(status__in=values(State)), name="payments_attempt_status"),
            models.CheckConstraint(
                condition=models.Q(is_provisional=False) | models.Q(status=State.PAID.value),
                name="payments_attempt_provisional",
            ),
            models.CheckConstraint(
                condition=models.Q(is_reversed=False) | models.Q(status=State.PAID.value),
                name="payments_attempt_reversed",
            ),
            models.CheckConstraint(
                condition=models.Q(announced__in=["", *(outcome.value for outcome in ANNOUNCED)]),
                name="payments_attempt_announced",
            ),
            models.CheckConstraint(
                condition=models.Q(environment__in=values(Environment)), name="payments_attempt_environment"
            ),
        ]
        indexes = [
            models.Index(  # the list, and every total of a period without reading the table
                fields=["collectivite", "-created_at", "-id"],
                include=["environment", "standing", "product", "amount"],
                name="payments_attempt_recent",
            ),
            models.Index(
                fields=["collectivite", "standing", "-created_at", "-id"], name="payments_attempt_by_standing"
            ),
            models.Index(fields=["collectivite", "product", "-created_at", "-id"], name="payments_attempt_by_product"),
            models.Index(fields=["collectivite", "amount", "-created_at", "-id"], name="payments_attempt_by_amount"),
            models.Index(fields=["collectivite", "debt_reference_reversed"], name="payments_attempt_by_end"),
            models.Index(
                fields=["collectivite", "-created_at", "-id"],
                condition=~models.Q(environment=Environment.PRODUCTION.value),
                name="payments_attempt_trials",
            ),
            models.Index(  # what is announced paid and waits for its proof, and since when
                fields=["collectivite", "announced_at"],
                include=["environment", "product", "amount"],
                condition=models.Q(standing="announced_paid"),
                name="payments_attempt_announced",
            ),
            models.Index(fields=["collectivite", "account", "debt_reference"], name="payments_attempt_debt"),
            models.Index(
                fields=["collectivite", "titre"],
                condition=models.Q(titre__isnull=False),
                name="payments_attempt_by_titre",
            ),
            models.Index(  # what a signature alone settled and nothing has confirmed yet
                fields=["collectivite", "account"],
                condition=models.Q(is_provisional=True),
                name="payments_attempt_unconfirmed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"

    @property
    def reference_tail(self) -> str:
        """The end of the debt's reference, as the payer knows it: all that a page or a log may show of it."""
        try:
            return read_reference(DebtKind(self.account.debt_kind), self.debt_reference).tail
        except UnreadableReference:
            return self.debt_reference[-4:]


class Share(TenantModel):
    """What of an attempt's amount pays one titre of our own base: a row for each, also where there is one. Append-only.

    They add up to the attempt's amount; the first is `Attempt.titre`.
    """

    attempt = TenantForeignKey(Attempt, db_index=False)
    titre = TenantForeignKey("titres.Titre", db_index=False)
    place = models.PositiveSmallIntegerField()  # as the payer listed them, from 1
    amount = MoneyField()
    # The titre's, backwards, where there are several: the attempt then has one of its own, and is found by these.
    reference_reversed = models.CharField(max_length=30, blank=True, db_collation="C")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "attempt", "titre"], name="payments_share_once"),
            models.UniqueConstraint(fields=["collectivite", "attempt", "place"], name="payments_share_place"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payments_share_amount"),
        ]
        indexes = [
            models.Index(fields=["collectivite", "titre"], name="payments_share_by_titre"),
            models.Index(
                fields=["collectivite", "reference_reversed"],
                condition=~models.Q(reference_reversed=""),
                name="payments_share_by_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id}.{self.place}"

    @property
    def reference_tail(self) -> str:
        """The end of the titre's reference: all that a page or a log may show of it."""
        return read_reference(DebtKind.REGIE, self.titre.reference).tail


class Payer(TenantModel):
    """Who to write to about an attempt: apart, so that it can be purged and the attempt stays."""

    attempt = TenantForeignKey(Attempt)
    email = models.EmailField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collectivite", "attempt"], name="payments_payer_once")]
        indexes = [models.Index(fields=["collectivite", "email"], name="payments_payer_by_email")]

    def __str__(self) -> str:
        return f"payer of {self.attempt_id}"


class InboxMessage(TenantModel):
    """One message exactly as it came, stored before anything is made of it. Append-only; the raw bytes are purged."""

    class Channel(models.TextChoices):
        NOTIFICATION = "notification"  # the gateway's server calls ours
        RETURN = "return"  # the payer's browser comes back

    account = TenantForeignKey("collectivites.GatewayAccount")
    attempt = TenantForeignKey(Attempt, null=True)  # whose address it came to; None: the account's own
    channel = models.CharField(
        max_length=12,
        choices=Channel.choices,
        default=Channel.NOTIFICATION.value,
        db_default=Channel.NOTIFICATION.value,
    )
    received_at = models.DateTimeField()
    method = models.CharField(max_length=8)
    content_type = models.CharField(max_length=120, blank=True)
    query = models.BinaryField(null=True)
    body = models.BinaryField(null=True)
    is_cut = models.BooleanField(default=False, db_default=False)  # more was sent, or announced, than is stored
    digest = models.CharField(max_length=64)  # SHA-256 of method, query and body; outlives them

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(channel="notification") | models.Q(channel="return", attempt__isnull=False),
                name="payments_inbox_channel",
            )
        ]
        indexes = [models.Index(fields=["collectivite", "attempt"], name="payments_inbox_by_attempt")]

    def __str__(self) -> str:
        return self.digest[:12]


class Evidence(TenantModel):
    """An immutable stored fact: what a message, an answer or a file line says, and how much that proves."""

    class Verdict(models.TextChoices):
        FITS = "fits"  # speaks of this attempt
        REPEATED = "repeated"  # the very bytes that were already heard
        DIFFERS = "differs"  # contradicts the attempt: another payment, or a forgery
        UNREADABLE = "unreadable"

    account = TenantForeignKey("collectivites.GatewayAccount")
    attempt = TenantForeignKey(Attempt, null=True)
    message = TenantForeignKey(InboxMessage, null=True)
    source = models.CharField(max_length=30)  # "notification", "return", "inquiry", "file"
    rank = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    outcome = models.CharField(max_length=12, blank=True)
    facts: "models.JSONField[Any, Any]" = models.JSONField(default=dict)  # normalised; nothing personal
    digest = models.CharField(max_length=64)  # SHA-256 of the raw bytes
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    judged_day = models.DateField()  # Europe/Paris: the seal of this day names the digest

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "message"], name="payments_evidence_one_judgement"),
            models.CheckConstraint(condition=models.Q(rank__in=values(Rank)), name="payments_evidence_rank"),
            models.CheckConstraint(
                condition=models.Q(outcome__in=["", *values(Outcome)]), name="payments_evidence_outcome"
            ),
        ]
        indexes = [
            models.Index(fields=["collectivite", "attempt"], name="payments_evidence_by_attempt"),
            models.Index(fields=["collectivite", "judged_day"], name="payments_evidence_by_day"),
            models.Index(  # what came to an account's own address and is of no attempt of ours
                fields=["collectivite", "account", "received_at"],
                condition=models.Q(attempt__isnull=True),
                name="payments_evidence_of_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.digest[:12]


class AttemptEvent(TenantModel):
    """One step of an attempt. Append-only: the status is the fold of these."""

    attempt = TenantForeignKey(Attempt)
    number = models.PositiveIntegerField()
    event = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20)
    outcome = models.CharField(max_length=12, blank=True)  # of an announcement
    evidence = TenantForeignKey(Evidence, null=True)
    occurred_at = models.DateTimeField()  # the gateway's time where it gives one
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "attempt", "number"], name="payments_event_number"),
            models.CheckConstraint(condition=models.Q(event__in=values(Event)), name="payments_event_known"),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id}.{self.number} {self.event}"


class Means(models.TextChoices):
    """How money is received otherwise than online: a closed list."""

    CASH = "cash", _("espèces")
    CHEQUE = "cheque", _("chèque")
    CARD = "card", _("carte bancaire au guichet")
    TRANSFER = "transfer", _("virement")
    VOUCHERS = "vouchers", _("CESU, chèques-vacances ou autres titres de paiement")


class CounterReceipt(TenantModel):
    """Money received otherwise than online, as a named agent entered it: evidence of rank M. Append-only.

    Its digest covers every column but its own, and the books name it (docs/decisions/0018).
    """

    regie = TenantForeignKey("collectivites.Regie")
    product = TenantForeignKey("collectivites.Product")
    titre = TenantForeignKey("titres.Titre")
    means = models.CharField(max_length=10, choices=Means.choices)
    amount = MoneyField()
    received_on = models.DateField()  # Europe/Paris
    bank = models.CharField(max_length=60, blank=True)  # of a cheque
    piece = models.CharField(max_length=40, blank=True)  # its number: of the cheque, the card slip, the vouchers
    book_number = models.CharField(max_length=20, blank=True)  # in the régie's receipt book, where it keeps one
    told_of_hold = models.BooleanField(default=False)  # an online payment was running, and the agent knew
    form_digest = models.CharField(max_length=64)  # of the form's single-use token
    made_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a demonstration
    made_at = models.DateTimeField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "form_digest"], name="payments_counter_form"),
            models.UniqueConstraint(fields=["collectivite", "digest"], name="payments_counter_digest"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, amount__lte=9_999_999_99), name="payments_counter_amount"
            ),
            models.CheckConstraint(condition=models.Q(means__in=Means.values), name="payments_counter_means"),
            models.CheckConstraint(
                condition=~models.Q(means=Means.CHEQUE.value) | ~models.Q(bank="") & ~models.Q(piece=""),
                name="payments_counter_cheque",
            ),
        ]
        indexes = [
            models.Index(fields=["collectivite", "-received_on", "-id"], name="payments_counter_by_day"),
            models.Index(fields=["collectivite", "titre"], name="payments_counter_by_titre"),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"


class CounterPerson(TenantModel):
    """What of a voucher may name a person: apart, so that it can be purged and the receipt stays."""

    receipt = TenantForeignKey(CounterReceipt)
    drawer = models.CharField(max_length=120, blank=True)  # who signed the cheque, or brought the money
    label = models.CharField(max_length=140, blank=True)  # as the bank's statement words a transfer

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collectivite", "receipt"], name="payments_counterperson_once")]

    def __str__(self) -> str:
        return f"person of receipt {self.receipt_id}"


class Settlement(TenantModel):
    """An attempt proved paid, or money received otherwise. Append-only; a correction is a new entry that names it.

    What was received otherwise has a receipt, and neither attempt, account, evidence nor rank (it is M). It is real.
    """

    attempt = TenantForeignKey(Attempt, null=True)
    receipt = TenantForeignKey(CounterReceipt, null=True)
    account = TenantForeignKey("collectivites.GatewayAccount", null=True)
    environment = models.CharField(max_length=10)
    debt_reference = models.CharField(max_length=30)
    exercice = models.PositiveSmallIntegerField(null=True)
    amount = MoneyField()
    transaction = models.CharField(
        max_length=40, blank=True, default="", db_default=""
    )  # as the gateway numbers it, where it has a number that never comes again: Paybox's S
    evidence = TenantForeignKey(Evidence, null=True)
    rank: "models.PositiveSmallIntegerField[int | None, int | None]" = models.PositiveSmallIntegerField(null=True)
    occurred_at = models.DateTimeField()
    accounting_day = models.DateField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "attempt"], name="payments_settlement_once"),
            models.UniqueConstraint(fields=["collectivite", "receipt"], name="payments_settlement_receipt_once"),
            models.CheckConstraint(
                condition=models.Q(
                    attempt__isnull=False,
                    account__isnull=False,
                    evidence__isnull=False,
                    rank__isnull=False,
                    receipt__isnull=True,
                )
                | models.Q(
                    attempt__isnull=True,
                    account__isnull=True,
                    evidence__isnull=True,
                    rank__isnull=True,
                    receipt__isnull=False,
                    environment=Environment.PRODUCTION.value,
                    transaction="",
                ),
                name="payments_settlement_whence",
            ),
            models.UniqueConstraint(
                fields=["account", "transaction"],
                condition=~models.Q(transaction=""),
                name="payments_settlement_transaction",
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payments_settlement_amount"),
            models.CheckConstraint(condition=models.Q(rank__gte=Rank.SIGNED.value), name="payments_settlement_rank"),
        ]
        indexes = [
            models.Index(
                fields=["collectivite", "accounting_day"],
                include=["environment", "attempt", "amount"],
                name="payments_settlement_by_day",
            )
        ]

    def __str__(self) -> str:
        return f"settlement of {self.attempt_id or f'receipt {self.receipt_id}'}"


class Cause(models.TextChoices):
    """Why a settlement counts no more: a closed list."""

    UNPAID_CHEQUE = "unpaid_cheque", _("chèque impayé")
    TYPING_ERROR = "typing_error", _("erreur de saisie")
    GIVEN_BACK = "given_back", _("argent rendu au guichet")
    REJECTED = "rejected", _("prélèvement ou virement rejeté")
    CHARGEBACK = "chargeback", _("paiement contesté auprès de la banque")
    FORGED = "forged", _("paiement jamais reçu")


class Reversal(TenantModel):
    """A whole settlement counts no more: its rows stay, its allocations are dead, its titre is due. Append-only."""

    settlement = TenantForeignKey(Settlement)
    cause = models.CharField(max_length=20, choices=Cause.choices)
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a demonstration
    made_at = models.DateTimeField()
    accounting_day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "settlement"], name="payments_reversal_once"),
            models.CheckConstraint(condition=models.Q(cause__in=Cause.values), name="payments_reversal_cause"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="payments_reversal_reason"),
        ]

    def __str__(self) -> str:
        return f"reversal of settlement {self.settlement_id}"


class Allocation(TenantModel):
    """What of a settlement extinguishes a titre. Append-only. The rest of the settlement is an *excédent*: a case.

    It is live while its settlement has no reversal: `queries.live`.
    """

    settlement = TenantForeignKey(Settlement)
    titre = TenantForeignKey("titres.Titre")
    amount = MoneyField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "settlement", "titre"], name="payments_allocation_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payments_allocation_amount"),
        ]
        indexes = [models.Index(fields=["collectivite", "titre"], name="payments_allocation_by_titre")]

    def __str__(self) -> str:
        return f"allocation of settlement {self.settlement_id}"


class TransactionSeen(models.Model):
    """Which attempt of the whole installation a gateway's transaction was first said of. One of the shared tables.

    One key signs for every merchant of Paybox: the same transaction on two accounts is somebody's mistake, or a fraud.
    """

    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of gateway, environment, transaction and call
    account_id = models.BigIntegerField()
    attempt_id = models.BigIntegerField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:12]
