"""Anomalies waiting for a person. Closing a case never moves money."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import later_said
from regal.lib.tenancy import TenantForeignKey, TenantModel

LONGEST_TEXT = 500


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
    DOUBLE_PAYMENT = "double_payment", later_said(_("deux paiements confirmés pour %(the_same_debt)s"))
    EXCESS = "excess", _("payé plus que dû")
    LATE_PAYMENT = "late_payment", _("paiement prouvé après son échéance")
    IMPOSSIBLE_ANSWER = "impossible_answer", _("réponse impossible")
    NO_ANSWER = "no_answer", _("PayFiP ou Paybox ne dit pas le résultat")
    NOT_CONFIRMED = "not_confirmed", _("payé, jamais confirmé")
    NOT_NOTIFIED = "not_notified", _("Paybox connaît ce paiement, son message n’est pas arrivé")
    SAME_TRANSACTION = "same_transaction", _("même numéro de transaction que chez un autre")
    TICKET_NOT_SENT = "ticket_not_sent", _("ticket de paiement qui n’a pas pu être envoyé")


class Decision(models.TextChoices):
    """The closed list of how a case may end; `decisions.py` says which suit which kind."""

    COLLECTED = "collected", _("encaissé, le comptable public le confirme")
    NEVER_COLLECTED = "never_collected", _("jamais encaissé, le comptable public l’affirme")
    COLLECTED_THEN_REJECTED = "collected_then_rejected", _("encaissé, puis rejeté ou remboursé")
    LATER_FILE = "later_file", _("encaissé, arrivera dans un prochain fichier")
    AMOUNT_OF_FILE = "amount_of_file", _("le bon montant est celui du fichier")
    AMOUNT_ASKED = "amount_asked", _("le bon montant est celui demandé ici")
    OF_ANOTHER_PAYMENT = "of_another_payment", _("c’était un autre paiement, il est retrouvé")
    WITHOUT_PROOF = "without_proof", _("message sans preuve, sans suite")
    REPORTED = "reported", _("signalé à l’exploitant de REGAL")
    PAYER_TOLD = "payer_told", _("payeur prévenu que sa dette est payée")
    PAYER_NEVER_CHASED = "payer_never_chased", _("rien à dire au payeur, il n’avait pas été relancé")
    DEBT_NAMED = "debt_named", _("le comptable public a dit de quelle dette il s’agit")
    NOT_OURS = "not_ours", _("aucune de ces dettes n’est concernée")
    REFUND_ASKED = "refund_asked", _("remboursement demandé à l’ordonnateur")
    KEPT_AS_CREDIT = "kept_as_credit", _("gardé en avoir, à déduire de ce qui est dû")
    TICKET_GIVEN = "ticket_given", _("payeur prévenu autrement, ou ticket renvoyé")
    NOT_ASKED_FOR = "not_asked_for", _("rien à dire au payeur, son paiement est compté")
    NOTHING_TOO_MUCH = (
        "nothing_too_much",
        later_said(_("rien de trop : payé en plusieurs fois, ou %(debts)s qui diffèrent")),
    )
    OTHER = "other", _("autre, expliqué dans le motif")
    RESOLVED_ITSELF = "resolved_itself", _("s’est résolue d’elle-même")


class Step(models.TextChoices):
    """What can be done with a case once it is open."""

    FIRST_SEEN = "first_seen", _("vue pour la première fois")
    ASSIGNED = "assigned", _("confiée")
    RELEASED = "released", _("rendue")
    NOTED = "noted", _("note")
    CLOSED = "closed", _("close")


_OPEN = Q(closed_at__isnull=True, closed_by__isnull=True, closed_rule="", decision="", reason="")
_CLOSED_BY_A_PERSON = (
    Q(closed_at__isnull=False, closed_by__isnull=False, closed_rule="") & ~Q(decision="") & ~Q(reason="")
)
_CLOSED_BY_A_RULE = Q(closed_at__isnull=False, closed_by__isnull=True) & ~Q(closed_rule="") & ~Q(decision="")


class Case(TenantModel):
    """What happened, and who decided what. One open per (kind, subject). Its history: `CaseEvent`."""

    kind = models.CharField(max_length=30, choices=Kind.choices)
    subject_kind = models.CharField(max_length=20)  # "attempt", "account", "effect", "deposited_file"
    subject_id = models.BigIntegerField()
    facts: "models.JSONField[Any, Any]" = models.JSONField(default=dict)  # nothing personal
    rule = models.CharField(max_length=60)  # the rule that opened it
    opened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    first_seen_at = models.DateTimeField(null=True)
    first_seen_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    assigned_to = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    closed_rule = models.CharField(max_length=60, blank=True, db_default="")  # the rule that closed it, if nobody did
    decision = models.CharField(max_length=30, blank=True, choices=Decision.choices)
    reason = models.CharField(max_length=LONGEST_TEXT, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "kind", "subject_kind", "subject_id"],
                condition=Q(closed_at__isnull=True),
                name="cases_case_one_open",
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="cases_case_known_kind"),
            models.CheckConstraint(condition=Q(decision__in=["", *Decision.values]), name="cases_case_known_decision"),
            models.CheckConstraint(
                condition=_OPEN | _CLOSED_BY_A_PERSON | _CLOSED_BY_A_RULE,
                name="cases_case_closed_by_somebody",
            ),
        ]
        indexes = [
            models.Index(
                fields=["collectivite", "opened_at", "id"],
                name="cases_case_open",
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                fields=["collectivite", "-closed_at", "-id"],
                name="cases_case_closed",
                condition=Q(closed_at__isnull=False),
            ),
            models.Index(fields=["collectivite", "subject_kind", "subject_id"], name="cases_case_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_kind} {self.subject_id}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class CaseEvent(TenantModel):
    """One thing done with a case. Append-only: what the case says of its life is the fold of these."""

    case = TenantForeignKey(Case)
    number = models.PositiveIntegerField()  # from 1, without a gap
    step = models.CharField(max_length=20, choices=Step.choices)
    by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")  # None: a rule
    rule = models.CharField(max_length=60, blank=True)
    to_user = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    decision = models.CharField(max_length=30, blank=True, choices=Decision.choices)
    text = models.CharField(max_length=LONGEST_TEXT, blank=True)  # a note, or the reason of the decision
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "case", "number"], name="cases_event_number"),
            models.CheckConstraint(condition=Q(step__in=Step.values), name="cases_event_known_step"),
            models.CheckConstraint(
                condition=Q(by__isnull=False, rule="") | (Q(by__isnull=True) & ~Q(rule="")),
                name="cases_event_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(step=Step.ASSIGNED, to_user__isnull=False)
                | (~Q(step=Step.ASSIGNED) & Q(to_user__isnull=True)),
                name="cases_event_to_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}.{self.number} {self.step}"
