"""The authorities that are owed money, what can be paid to them, and their contracts with the gateways."""

from datetime import date
from enum import StrEnum
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from regal.collectivites.reference_forms import Words, read_reference_form
from regal.gateways.base import DebtKind, Environment
from regal.lib.enumerations import values
from regal.lib.money import Money
from regal.lib.money_field import MoneyField
from regal.lib.tenancy import TenantForeignKey, TenantModel

# First segments of our own addresses: of both hosts, of the guichet, of the bureau.
RESERVED_SLUGS = (
    frozenset(["en", "static", "healthz", "readyz"])
    | frozenset(["s", "api", "aide", "accessibilite", "mentions-legales"])
    | frozenset(["connexion", "deconnexion", "compte", "invitation", "exploitation"])
)
RESERVED_PRODUCT_SLUGS = frozenset(["suivi"])
SLUG = RegexValidator(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z", _("Des lettres minuscules, des chiffres et des tirets."))

# What the screens call each kind; a «rôle» is named so on notices only.
DEBT_KIND_NAMES = {DebtKind.TITRE: _("titre"), DebtKind.ORMC: _("rôle"), DebtKind.REGIE: _("facture de régie")}
ENVIRONMENT_NAMES = {
    Environment.TEST: _("test"),
    Environment.ACTIVATION: _("activation"),
    Environment.PRODUCTION: _("production"),
}


class DebtWord(models.TextChoices):
    """What a town calls the debts of its régies; `debt_words.py` has the forms."""

    FACTURE = "facture", _("une facture")
    AVIS = "avis", _("un avis")
    TITRE = "titre", _("un titre")


class Collectivite(models.Model):
    """A town, a département, a grouping, a public body: the tenant. The one table every process may read whole."""

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    name = models.CharField(_("nom"), max_length=120)
    site_url = models.URLField(_("site internet"), max_length=200, blank=True)
    contact = models.CharField(_("qui contacter"), max_length=200, blank=True)  # shown to payers; an office, no person
    main_colour = models.CharField(
        _("couleur principale"), max_length=7, blank=True, default="", db_default=""
    )  # `lib/colours.py` says which may
    accent_colour = models.CharField(_("couleur d’accent"), max_length=7, blank=True, default="", db_default="")
    logo_digest = models.CharField(max_length=64, blank=True, default="", db_default="")  # of the `Logo` in use
    logo_text = models.CharField(
        max_length=120, blank=True, default="", db_default=""
    )  # what the logo says beside the name, for whoever is blind
    debt_word = models.CharField(
        max_length=8, choices=DebtWord.choices, default=DebtWord.FACTURE, db_default=DebtWord.FACTURE.value
    )
    treasury_note = models.CharField(
        max_length=300, blank=True, default="", db_default=""
    )  # how to pay what a régie handed over to the comptable; shown to payers
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(debt_word__in=DebtWord.values), name="collectivites_collectivite_debt_word"
            ),
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")
                & ~models.Q(slug__in=sorted(RESERVED_SLUGS)),
                name="collectivites_collectivite_slug",
            ),
            models.CheckConstraint(
                condition=models.Q(main_colour__regex=r"^(#[0-9a-f]{6})?$", accent_colour__regex=r"^(#[0-9a-f]{6})?$"),
                name="collectivites_collectivite_colours",
            ),
            models.CheckConstraint(
                condition=models.Q(logo_digest__regex=r"^([0-9a-f]{64})?$"), name="collectivites_collectivite_logo"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Logo(TenantModel):
    """A picture that `lib/pictures.py` made of what a collectivité gave; it never changes."""

    digest = models.CharField(max_length=64)  # SHA-256 of `png`, in hexadecimal; PostgreSQL checks it
    png = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "digest"], name="collectivites_logo_once"),
        ]

    def __str__(self) -> str:
        return self.digest


class Budget(TenantModel):
    """A principal or annexe budget: its own SIRET and its own numbering of titres."""

    siret = models.CharField(max_length=14, validators=[RegexValidator(r"\A[0-9]{14}\Z")])
    code = models.CharField(max_length=2, default="00")  # CodBud: 00 is usually the main budget
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "code"], name="collectivites_budget_code_once"),
            models.CheckConstraint(condition=models.Q(siret__regex=r"^[0-9]{14}$"), name="collectivites_budget_siret"),
        ]

    def __str__(self) -> str:
        return self.name


class Regie(TenantModel):
    """A cash desk run by a régisseur, who collects before any titre exists."""

    budget = TenantForeignKey(Budget)
    name = models.CharField(max_length=120)
    number = models.CharField(max_length=10)  # IdRegie in Hélios
    other_means = models.CharField(
        max_length=400, blank=True, default="", db_default=""
    )  # how else to pay, as its notices say
    several_at_once = models.BooleanField(default=False, db_default=False)  # a payer may pay several debts together

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "budget", "number"], name="collectivites_regie_once")
        ]

    def __str__(self) -> str:
        return self.name


class GatewayAccount(TenantModel):
    """One contract at one gateway, in one environment: test money and real money never share an account.

    Who collects follows from the kind: a régie's account belongs to a régie, every other to the comptable through a
    budget. Identity never changes: the application's role may update `options`, `is_active` and what stands of its own
    address only.
    """

    gateway = models.CharField(max_length=20)  # a name of `gateways/registry.py`
    debt_kind = models.CharField(max_length=10, choices=[(k.value, v) for k, v in DEBT_KIND_NAMES.items()])
    environment = models.CharField(max_length=10, choices=[(e.value, v) for e, v in ENVIRONMENT_NAMES.items()])
    identifier = models.CharField(max_length=40)  # the other side's number for this contract: PayFiP's numcli
    budget = TenantForeignKey(Budget, null=True, blank=True)
    regie = TenantForeignKey(Regie, null=True, blank=True)
    options: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    is_active = models.BooleanField(default=True)
    notification_digest = models.CharField(
        max_length=64, blank=True, default="", db_default=""
    )  # of the token of its own address, where it has one
    former_notification_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    former_notification_ends_at = models.DateTimeField(null=True)  # the address before is heard until then
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "identifier", "environment"], name="collectivites_account_identity"
            ),
            models.UniqueConstraint(
                fields=["collectivite", "notification_digest"],
                condition=~models.Q(notification_digest=""),
                name="collectivites_account_notification",
            ),
            models.UniqueConstraint(
                fields=["collectivite", "id", "environment"], name="collectivites_account_environment"
            ),
            models.UniqueConstraint(fields=["collectivite", "id", "debt_kind"], name="collectivites_account_kind"),
            models.CheckConstraint(
                condition=models.Q(debt_kind=DebtKind.REGIE.value, regie__isnull=False, budget__isnull=True)
                | models.Q(
                    debt_kind__in=[DebtKind.TITRE.value, DebtKind.ORMC.value], regie__isnull=True, budget__isnull=False
                ),
                name="collectivites_account_who_collects",
            ),
            models.CheckConstraint(
                condition=models.Q(environment__in=values(Environment)), name="collectivites_account_known_environment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.identifier} ({self.environment})"


class AccountSecret(TenantModel):
    """A gateway's key or password, sealed by `lib/vault.py`; a new value is a new row, the newest counts."""

    account = TenantForeignKey(GatewayAccount)
    name = models.CharField(max_length=40)
    sealed = models.TextField()
    key_version = models.CharField(max_length=16)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.account_id} {self.name}"


class Adhesion(TenantModel):
    """What a collectivité notes of its joining PayFiP, one row a contract: three dates, and an office, no person."""

    gateway = models.CharField(max_length=20)
    identifier = models.CharField(max_length=40)
    convention_on = models.DateField(null=True, blank=True)
    form_sent_on = models.DateField(null=True, blank=True)
    identifier_received_on = models.DateField(null=True, blank=True)
    office = models.CharField(max_length=120, blank=True)  # the correspondent's
    has_direct_debit = models.BooleanField(default=False)  # joined for prélèvement too

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "gateway", "identifier"], name="collectivites_adhesion_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.identifier}"


class RoutingChange(TenantModel):
    """A change of where money goes: asked by one person, approved by another, carried out a day later at the soonest.

    What is decided never changes afterwards: the application's role may only add the next fact, and a trigger refuses
    to alter one (`docs/decisions/0009`).
    """

    class Kind(models.TextChoices):
        OPEN_PRODUCTION = "open_production"  # create the production account, and move products to it
        REOPEN = "reopen"  # take a closed production account into service again

    kind = models.CharField(max_length=20, choices=Kind.choices)
    gateway = models.CharField(max_length=20)
    identifier = models.CharField(max_length=40)
    what: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)  # {"products": [their numbers]}
    needs_operator = models.BooleanField()  # whoever runs the platform approves: nobody else here can, or never did yet
    asked_by = models.ForeignKey("people.User", models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    effective_at = models.DateTimeField()  # not before
    approved_by = models.ForeignKey("people.User", models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    carried_out_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(
        "people.User", models.PROTECT, null=True, related_name="+"
    )  # None: it could not be
    cancelled_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)  # of the cancelling

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collectivite", "gateway", "identifier"],
                condition=models.Q(carried_out_at__isnull=True, cancelled_at__isnull=True),
                name="collectivites_routing_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["open_production", "reopen"]), name="collectivites_routing_known_kind"
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True, approved_at__isnull=True)
                | models.Q(approved_by__isnull=False, approved_at__gte=models.F("asked_at"))
                & ~models.Q(approved_by=models.F("asked_by")),
                name="collectivites_routing_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(carried_out_at__isnull=True)
                | models.Q(
                    approved_at__isnull=False,
                    cancelled_at__isnull=True,
                    carried_out_at__gte=models.F("effective_at"),
                ),
                name="collectivites_routing_approved_first",
            ),
            models.CheckConstraint(
                condition=models.Q(effective_at__gte=models.F("asked_at")), name="collectivites_routing_not_before"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.identifier}"

    @property
    def is_pending(self) -> bool:
        """Neither carried out nor cancelled."""
        return self.carried_out_at is None and self.cancelled_at is None


class Standing(StrEnum):
    """Whether a product can be paid on a given day."""

    OPEN = "open"
    NOT_YET = "not_yet"
    OVER = "over"
    CLOSED = "closed"  # by hand, or with its contract


class Product(TenantModel):
    """Something payable: water, canteen, rents…

    A régie's product carries what PayFiP does not check: the number's shape (a pattern or a key) and an amount range.
    """

    slug = models.CharField(max_length=40, validators=[SLUG])
    name = models.CharField(max_length=100)
    introduction = models.CharField(max_length=300, blank=True)
    account = TenantForeignKey(GatewayAccount)
    debt_kind = models.CharField(
        max_length=10, default=DebtKind.TITRE.value, db_default=DebtKind.TITRE.value
    )  # the account's, by a foreign key
    is_open = models.BooleanField(default=True)
    opens_on = models.DateField(null=True, blank=True)  # the first day; None: at once
    closes_on = models.DateField(null=True, blank=True)  # the last day; None: no end
    closed_note = models.CharField(
        max_length=300, blank=True, default="", db_default=""
    )  # how to pay while it is closed
    reference_form: "models.JSONField[Any, Any]" = models.JSONField(  # `reference_forms.py`
        default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
    min_amount: "MoneyField[Money | None, Money | None]" = MoneyField(null=True, blank=True)
    max_amount: "MoneyField[Money | None, Money | None]" = MoneyField(null=True, blank=True)
    compares_with_base = models.BooleanField(
        default=True, db_default=True
    )  # a comptable's: warn whoever types what the imported base does not hold
    partial_payment = models.BooleanField(default=False, db_default=False)  # a debt may be paid in several times
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "slug"], name="collectivites_product_once"),
            models.CheckConstraint(
                condition=models.Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")
                & ~models.Q(slug__in=sorted(RESERVED_PRODUCT_SLUGS)),
                name="collectivites_product_slug",
            ),
            models.CheckConstraint(
                condition=models.Q(closes_on__isnull=True)
                | models.Q(opens_on__isnull=True)
                | models.Q(closes_on__gte=models.F("opens_on")),
                name="collectivites_product_days",
            ),
            models.CheckConstraint(
                condition=models.Q(min_amount__isnull=True)
                | models.Q(max_amount__isnull=True)
                | models.Q(min_amount__gt=0, max_amount__gte=models.F("min_amount")),
                name="collectivites_product_amounts",
            ),
            models.CheckConstraint(
                condition=~models.Q(debt_kind=DebtKind.REGIE.value)
                | models.Q(min_amount__isnull=False, max_amount__isnull=False)
                & (
                    (models.Q(reference_form__has_key="pattern") & ~models.Q(reference_form__pattern=""))
                    | (models.Q(reference_form__has_key="check_key") & ~models.Q(reference_form__check_key=""))
                ),
                name="collectivites_product_regie_is_checked",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def words(self) -> Words:
        """How its form asks for the reference. Raises BadReferenceForm."""
        return read_reference_form(DebtKind(self.debt_kind), self.reference_form)

    def standing(self, day: date) -> Standing:
        """Whether it can be paid on a day (Europe/Paris)."""
        if not self.is_open or not self.account.is_active:
            return Standing.CLOSED
        if self.opens_on is not None and day < self.opens_on:
            return Standing.NOT_YET
        if self.closes_on is not None and day > self.closes_on:
            return Standing.OVER
        return Standing.OPEN


class AllowedOrigin(TenantModel):
    """A site that may frame the collectivité's pages: `https://host[:port]`, http for the loopback only."""

    origin = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "origin"], name="collectivites_origin_once"),
            models.CheckConstraint(
                condition=models.Q(
                    origin__regex=r"^(https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?)$"
                ),
                name="collectivites_origin_form",
            ),
        ]

    def __str__(self) -> str:
        return self.origin
