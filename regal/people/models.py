"""Who works with REGAL: agents, and in which collectivités with which role. Payers have no account."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from regal.lib.tenancy import TenantModel


class Role(models.TextChoices):
    """What a user may do in one collectivité; the higher includes the lower."""

    AGENT = "agent", _("agent")
    REGISSEUR = "regisseur", _("régisseur")
    ADMINISTRATOR = "administrator", _("administrateur")


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, identifier: str, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a user; without a password he can only enter through an invitation."""
        user = self.model(identifier=identifier.strip().lower(), email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    identifier = models.CharField(_("identifiant"), max_length=40, unique=True)
    email = models.EmailField(_("adresse e-mail"), max_length=254)
    display_name = models.CharField(_("nom affiché"), max_length=80, blank=True)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(default=False)  # runs the platform; sees no town's rows by it
    is_demo = models.BooleanField(default=False)  # `regal serve` refuses to start in production while one exists
    created_at = models.DateTimeField(db_default=Now())

    objects = UserManager()

    USERNAME_FIELD = "identifier"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="people_user_email_unique")]

    def __str__(self) -> str:
        return self.display_name or self.identifier


class Membership(TenantModel):
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collectivite", "user"], name="people_membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="people_membership_known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.collectivite_id}"


class Session(AbstractBaseSession):
    """A browser that is signed in, or about to be; `people/sessions.py` fills the columns in from what it keeps.

    A shared table, asked before any tenant is known: a person's number, and his browser in two words.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")  # None until both factors are given
    opened_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    browser = models.CharField(max_length=40, blank=True, default="", db_default="")

    @classmethod
    def get_session_store_class(cls) -> Any:
        from regal.people.sessions import SessionStore  # it needs this class

        return SessionStore

    def __str__(self) -> str:
        return f"session of {self.user_id}"


class Invitation(TenantModel):
    """Somebody is asked by e-mail to come and work here, or to choose his password anew. The link is stored nowhere."""

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices)
    invited_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # None: the command line
    renews_password = models.BooleanField(default=False)  # he asked for it: a link even if he has a password
    at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="people_invitation_known_role"),
        ]
        indexes = [models.Index(fields=["collectivite", "user", "-at"], name="people_invitation_of_user")]

    def __str__(self) -> str:
        return f"invitation of {self.user_id}"


class Visit(TenantModel):
    """An operator is in a town, for a reason and for a time, and its administrators see it."""

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices)  # AGENT: he only looks
    reason = models.CharField(max_length=300)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="people_visit_known_role"),
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("opened_at")), name="people_visit_ends"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="people_visit_has_reason"),
            models.UniqueConstraint(
                fields=["collectivite", "user"],
                condition=models.Q(closed_at__isnull=True),
                name="people_visit_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["user"], name="people_visit_open", condition=models.Q(closed_at__isnull=True))]

    def __str__(self) -> str:
        return f"visit of {self.user_id}"
