"""What must be right before anything starts: one French sentence each, with its remedy.

`regal check` and every command run the first group, `regal serve` all of them. Those that ask the database are tagged.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections
from django.urls import reverse

from regal.collectivites.models import Collectivite
from regal.gateways.base import Misconfigured
from regal.gateways.paybox.account import is_safe_address
from regal.gateways.paybox.verify import public_key
from regal.lib.keys import LARGEST_KEY
from regal.lib.tokens import TOKEN_LENGTH
from regal.lib.vault import BadVaultSetting, Vault
from regal.people.queries import demo_account_exists

LONGEST_BASE_ADDRESS = 60
LONGEST_AT_PAYBOX = 150
LONGEST_AT_PAYFIP = 250
PAYBOX_ADDRESSES = ("PAYBOX_URL", "PAYBOX_BACKUP_URL", "PAYBOX_DIRECT_URL", "PAYBOX_DIRECT_BACKUP_URL")
SHORTEST_SECRET_KEY = 50
SHORTEST_ROUTING_DELAY_HOURS = 24
LONGEST_YEARS = 100
_PLAIN_PORTS = {"http": 80, "https": 443}


@register()
def addresses(**options: Any) -> list[CheckMessage]:
    """Guichet, bureau and notifications: three plain addresses, two host names, short enough for every gateway."""
    return [*_addresses()]


@register()
def secrets(**options: Any) -> list[CheckMessage]:
    """The keys that seal what is secret in the database."""
    try:
        Vault.from_setting(settings.SECRET_KEYS)
    except BadVaultSetting:
        return [
            Error(
                "REGAL_SECRET_KEYS ne peut pas servir : écrivez nom:clé, les plus récentes d’abord, séparées par des"
                " virgules, où chaque clé est faite de 32 octets tirés au hasard, en base64 (par exemple"
                " « head -c 32 /dev/urandom | base64 »).",
                id="regal.E005",
            )
        ]
    return []


@register()
def databases(**options: Any) -> list[CheckMessage]:
    """Three roles, all named, all different."""
    variables = {"default": "DATABASE_URL", "owner": "DATABASE_OWNER_URL", "verify": "DATABASE_VERIFY_URL"}
    missing = [
        variable
        for alias, variable in variables.items()
        if not settings.DATABASES[alias]["NAME"] or not settings.DATABASES[alias]["USER"]
    ]
    if missing:
        return [
            Error(
                f"{', '.join(missing)} : il manque le rôle ou la base ; écrivez"
                " postgresql://role:mot-de-passe@machine:5432/base.",
                id="regal.E006",
            )
        ]
    if len({settings.DATABASES[alias]["USER"] for alias in variables}) < len(variables):
        return [
            Error(
                "DATABASE_URL, DATABASE_OWNER_URL et DATABASE_VERIFY_URL doivent nommer trois rôles différents :"
                " l’application, la propriétaire des tables et la vérificatrice.",
                id="regal.E007",
            )
        ]
    return []


@register()
def proxies(**options: Any) -> list[CheckMessage]:
    """Addresses or networks, else nobody could be counted."""
    wrong = [one for one in settings.TRUSTED_PROXIES if not _is_network(one)]
    if not wrong:
        return []
    return [
        Error(
            f"REGAL_TRUSTED_PROXIES : « {wrong[0]} » n’est ni une adresse ni un réseau ; écrivez par exemple 10.0.0.5"
            " ou 10.0.0.0/24.",
            id="regal.E008",
        )
    ]


@register()
def routing_delay(**options: Any) -> list[CheckMessage]:
    """A day at least in which whoever is told can stop a change of where money goes."""
    if settings.DEMO or settings.ROUTING_DELAY_HOURS >= SHORTEST_ROUTING_DELAY_HOURS:
        return []
    return [
        Error(
            f"REGAL_ROUTING_DELAY_HOURS : {SHORTEST_ROUTING_DELAY_HOURS} heures au moins entre la demande d’une mise en"
            " production et son effet ; retirez ce réglage ou augmentez-le.",
            id="regal.E016",
        )
    ]


@register()
def retention(**options: Any) -> list[CheckMessage]:
    """Names are kept a whole year at least: less would erase what is not closed yet."""
    most = {"DEBTOR_YEARS": LONGEST_YEARS, "QUITTANCE_YEARS": LONGEST_YEARS, "PAYER_MONTHS": 12 * LONGEST_YEARS}
    return [
        Error(
            f"REGAL_{name} : de 1 à {longest} ; retirez ce réglage, ou écrivez une durée que confirment votre"
            " référent RGPD et vos archives.",
            id="regal.E025",
        )
        for name, longest in most.items()
        if not 1 <= getattr(settings, name) <= longest
    ]


@register()
def paybox(**options: Any) -> list[CheckMessage]:
    """Paybox's own machines, or all of another's: a sandbox's page never goes with Paybox's key."""
    return [*_paybox()]


@register(deploy=True)
def in_production(**options: Any) -> list[CheckMessage]:
    """What the demonstration may do without."""
    if settings.DEMO:
        return []
    found: list[CheckMessage] = []
    if not re.fullmatch(r"(smtp|smtps|smtp\+starttls)://[^/?#]+/?", settings.MAIL_URL):
        found.append(
            Error(
                "REGAL_MAIL_URL : écrivez smtps://utilisateur:mot-de-passe@machine:465, ou smtp+starttls://… (smtp://…"
                " sans chiffrement, sur votre réseau seulement) : les invitations partent par courriel.",
                id="regal.E014",
            )
        )
    if "@" not in settings.DEFAULT_FROM_EMAIL or settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        found.append(Error("REGAL_MAIL_FROM : écrivez l’adresse d’où partent les courriels.", id="regal.E015"))
    for name in ("GUICHET_URL", "BUREAU_URL", "NOTIFICATION_URL", "PAYFIP_URL"):
        if getattr(settings, name).startswith("http://"):
            found.append(Error(f"REGAL_{name} doit commencer par https:// hors de la démonstration.", id="regal.E011"))
    if not re.fullmatch(r"https?://[^/?#]+/([^?#]*/)?", settings.PAYFIP_URL):
        found.append(
            Error("REGAL_PAYFIP_URL doit être une adresse complète, finissant par une barre oblique.", id="regal.E012")
        )
    key = settings.SECRET_KEY
    if len(key) < SHORTEST_SECRET_KEY or len(set(key)) < 5 or key.startswith("not-secret"):
        found.append(
            Error(
                f"REGAL_SECRET_KEY doit être tirée au hasard et avoir {SHORTEST_SECRET_KEY} caractères ou plus (par"
                " exemple « head -c 48 /dev/urandom | base64 »).",
                id="regal.E013",
            )
        )
    return found


@register(Tags.database)
def application_role(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """The role that serves pages can neither see all towns nor change the tables."""
    if "default" not in (databases or ()):
        return []
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolbypassrls, EXISTS (SELECT 1 FROM pg_tables WHERE tableowner = current_user)"
                " FROM pg_roles WHERE rolname = current_user"
            )
            sees_all, owns = cursor.fetchone()
    except DatabaseError:
        return [
            Error(
                "La base de données ne répond pas : vérifiez DATABASE_URL, et que PostgreSQL est démarré.",
                id="regal.E021",
            )
        ]
    found: list[CheckMessage] = []
    if sees_all:
        found.append(
            Error(
                "Le rôle de DATABASE_URL est superutilisateur ou passe outre la sécurité des lignes : donnez à"
                " l’application un rôle NOSUPERUSER NOBYPASSRLS.",
                id="regal.E022",
            )
        )
    elif owns:
        found.append(
            Error(
                "Le rôle de DATABASE_URL possède des tables : migrez avec celui de DATABASE_OWNER_URL et servez avec un"
                " autre.",
                id="regal.E023",
            )
        )
    return found


@register(Tags.database)
def demo_accounts(databases: Sequence[str] | None = None, **options: Any) -> list[CheckMessage]:
    """Outside the demonstration nobody enters with a password that is printed on a start page."""
    if settings.DEMO or "default" not in (databases or ()):
        return []
    try:
        found = demo_account_exists()
    except DatabaseError:  # said by `application_role`, or not migrated yet
        return []
    if not found:
        return []
    return [
        Error(
            "Cette base contient des comptes de démonstration, dont le mot de passe est public : servez une base"
            " neuve.",
            id="regal.E024",
        )
    ]


def _addresses() -> Iterator[CheckMessage]:
    named = {name: getattr(settings, name) for name in ("GUICHET_URL", "BUREAU_URL", "NOTIFICATION_URL")}
    wrong = [name for name, address in named.items() if not _is_base_address(address)]
    for name in wrong:
        yield Error(
            f"REGAL_{name} : « {named[name]} » n’est pas une adresse de base ; écrivez https://nom.exemple.fr, sans"
            " chemin.",
            id="regal.E001",
        )
    if wrong:
        return
    guichet, bureau = urlsplit(named["GUICHET_URL"]), urlsplit(named["BUREAU_URL"])
    if guichet.hostname == bureau.hostname:
        yield Error(
            "REGAL_GUICHET_URL et REGAL_BUREAU_URL portent le même nom de machine : donnez-en deux (les cookies du"
            " bureau ne regardent que lui).",
            id="regal.E002",
        )
    for name, address in named.items():
        if len(address) > LONGEST_BASE_ADDRESS:
            yield Error(
                f"REGAL_{name} a {len(address)} caractères : {LONGEST_BASE_ADDRESS} au plus, sinon les passerelles"
                " refusent nos adresses.",
                id="regal.E003",
            )
    longest = len(longest_notification_address())
    if longest > min(LONGEST_AT_PAYBOX, LONGEST_AT_PAYFIP):
        yield Error(
            f"Une adresse de notification peut avoir {longest} caractères : raccourcissez REGAL_NOTIFICATION_URL"
            f" ({LONGEST_AT_PAYBOX} au plus pour Paybox, {LONGEST_AT_PAYFIP} pour PayFiP).",
            id="regal.E004",
        )
    longest = len(longest_return_address())
    if longest > LONGEST_AT_PAYBOX:
        yield Error(
            f"L’adresse où Paybox renvoie les payeurs peut avoir {longest} caractères, et {LONGEST_AT_PAYBOX} au plus :"
            f" raccourcissez REGAL_GUICHET_URL de {longest - LONGEST_AT_PAYBOX} caractères.",
            id="regal.E020",
        )


def _paybox() -> Iterator[CheckMessage]:
    given = {name: getattr(settings, name) for name in PAYBOX_ADDRESSES if getattr(settings, name)}
    for name, address in given.items():
        if not is_safe_address(address):
            yield Error(
                f"REGAL_{name} : « {address} » n’est pas une adresse complète ; écrivez https://nom.exemple.fr/,"
                " finissant par une barre oblique (http:// sur cette machine seulement).",
                id="regal.E017",
            )
    key = settings.PAYBOX_PUBLIC_KEY
    if key and not _is_public_key(key):
        yield Error(
            "REGAL_PAYBOX_PUBLIC_KEY n’est pas une clé publique RSA de 1024 bits, au format PEM : celle d’un bac à"
            " sable est à l’adresse /pubkey.pem. Pour Paybox lui-même, retirez ce réglage.",
            id="regal.E018",
        )
    if not settings.DEMO and (given or key) and not (len(given) == len(PAYBOX_ADDRESSES) and key):
        yield Error(
            f"REGAL_{', REGAL_'.join(PAYBOX_ADDRESSES)} et REGAL_PAYBOX_PUBLIC_KEY ne se donnent qu’ensemble, pour un"
            " bac à sable : donnez les cinq, ou retirez-les tous pour Paybox lui-même.",
            id="regal.E019",
        )


def _is_public_key(pem: str) -> bool:
    try:
        public_key(pem)
    except Misconfigured:
        return False
    return True


def longest_return_address() -> str:
    """The longest address that a gateway can be given to send a payer back to."""
    slug = "x" * (Collectivite._meta.get_field("slug").max_length or 0)
    path = reverse("back", urlconf="regal.config.urls_guichet", args=[slug, "x" * TOKEN_LENGTH])
    return f"{settings.GUICHET_URL}/en{path}"


def longest_notification_address() -> str:
    """The longest address that a gateway can be given to call."""
    path = reverse("notification", urlconf="regal.config.urls_guichet", args=[LARGEST_KEY, "x" * TOKEN_LENGTH])
    return f"{settings.NOTIFICATION_URL}{path}"


def _is_base_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in _PLAIN_PORTS
        and bool(parts.hostname)
        and not (parts.path or parts.query or parts.fragment or parts.username)
        and port != 0
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
