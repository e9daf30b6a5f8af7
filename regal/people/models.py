"""Who works with REGAL: agents, and in which collectivités with which role. Payers have no account."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
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
