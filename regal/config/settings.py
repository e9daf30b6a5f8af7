"""Every setting of REGAL. What is wrong is said by the system checks of `checks.py`, one sentence each."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from regal.config import environment

ROOT = Path(__file__).resolve().parents[2]

DEMO = environment.flag("REGAL_DEMO")
DEBUG = False
SITE = environment.text("REGAL_SITE", "bureau")  # which of the two hosts this process serves

GUICHET_URL = environment.text("REGAL_GUICHET_URL", "http://127.0.0.1:8000").rstrip("/")
BUREAU_URL = environment.text("REGAL_BUREAU_URL", "http://localhost:8001").rstrip("/")
NOTIFICATION_URL = environment.text("REGAL_NOTIFICATION_URL", GUICHET_URL).rstrip("/")
PAYFIP_URL = environment.text("REGAL_PAYFIP_URL", "https://www.payfip.gouv.fr/tpa/")
PAYBOX_URL = environment.text("REGAL_PAYBOX_URL", "")  # a sandbox's; empty: the real hosts of each contract
PAYBOX_BACKUP_URL = environment.text("REGAL_PAYBOX_BACKUP_URL", "")
PAYBOX_DIRECT_URL = environment.text("REGAL_PAYBOX_DIRECT_URL", "")
PAYBOX_DIRECT_BACKUP_URL = environment.text("REGAL_PAYBOX_DIRECT_BACKUP_URL", "")
PAYBOX_PUBLIC_KEY = environment.text("REGAL_PAYBOX_PUBLIC_KEY", "")  # PEM, of whoever signs there
SANDBOX_CONTROL_URL = environment.text("REGAL_SANDBOX_CONTROL_URL")
SANDBOX_URL = environment.text("REGAL_SANDBOX_URL")
TOWN_URLS = environment.words("REGAL_TOWN_URLS")
TRUSTED_PROXIES = environment.words("REGAL_TRUSTED_PROXIES")
SECRET_KEYS = environment.text("REGAL_SECRET_KEYS")
SECRET_KEY = environment.text("REGAL_SECRET_KEY", "not-secret: refused by the checks of `regal serve` outside the demo")
SECURE = GUICHET_URL.startswith("https://")

ALLOWED_HOSTS = sorted({urlsplit(url).hostname or "" for url in (GUICHET_URL, BUREAU_URL, NOTIFICATION_URL)})
if DEMO:
    ALLOWED_HOSTS = ["127.0.0.1", "localhost"]  # both names answer on every port

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "regal.people",
    "regal.collectivites",
    "regal.agenda",
    "regal.audit",
    "regal.cases",
    "regal.journal",
    "regal.payments",
    "regal.receipts",
    "regal.reconciliation",
    "regal.notices",
    "regal.titres",
    "regal.checkout",
    "regal.backoffice",
    "regal.proof",
    "regal.demo",
    "regal.config",
]

GUICHET_MIDDLEWARE = [
    "regal.checkout.headers.GuichetHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
]
BUREAU_MIDDLEWARE = [
    "regal.backoffice.headers.BureauHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "regal.backoffice.sessions.NoteUse",
    "regal.backoffice.policies.EnforcePolicies",
]
MIDDLEWARE = BUREAU_MIDDLEWARE  # allauth insists on its own at start-up; `wsgi_guichet.py` then takes the guichet's
ROOT_URLCONF = "regal.config.urls_guichet" if SITE == "guichet" else "regal.config.urls_bureau"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "regal.collectivites.debt_words.in_templates",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "regal.checkout.templatetags.regal"],
        },
    }
]


def _database(url: str, *, pool: bool) -> dict[str, Any]:
    """One database alias from `postgresql://user:password@host:port/name?host=/socket/folder`."""
    parts = urlsplit(url)
    query = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    behind_pgbouncer = environment.flag("REGAL_PGBOUNCER")
    options: dict[str, Any] = {"application_name": f"regal-{SITE}"}
    if "sslmode" in query:
        options["sslmode"] = query["sslmode"]
    if behind_pgbouncer:
        options["prepare_threshold"] = None
    else:
        options |= {"prepare_threshold": 3, "server_side_binding": True}
    if pool:
        options["pool"] = {"min_size": 1, "max_size": environment.number("REGAL_DATABASE_POOL", 10), "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", "") or parts.hostname or ""),
        "PORT": query.get("port", "") or str(parts.port or ""),
        "OPTIONS": options,
        "DISABLE_SERVER_SIDE_CURSORS": behind_pgbouncer,
        "CONN_HEALTH_CHECKS": pool,  # after a restart of PostgreSQL no request meets a dead connection
    }


def _mail_server(url: str) -> dict[str, Any]:
    """Where e-mails leave by: `smtp://user:password@host:port`, `smtps://…` for TLS from the first byte."""
    parts = urlsplit(url)
    return {
        "EMAIL_HOST": parts.hostname or "",
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
    }


MAIL_URL = environment.text("REGAL_MAIL_URL")
globals().update(_mail_server(MAIL_URL))
EMAIL_BACKEND = "regal.lib.mail.SmtpBackend"
EMAIL_TIMEOUT = 10  # of each of the eight or nine steps: a letter ends well within the agenda's lease of 120 s
DEFAULT_FROM_EMAIL = environment.text("REGAL_MAIL_FROM", "regal@localhost")

DATABASES = {
    "default": _database(environment.text("DATABASE_URL"), pool=True),  # regal_app: owns nothing
    "owner": _database(environment.text("DATABASE_OWNER_URL"), pool=False),  # regal_owner: migrates
    "verify": _database(environment.text("DATABASE_VERIFY_URL"), pool=False),  # regal_verify: reads all
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {  # allauth's throttling: it matters, so it lives in PostgreSQL and all processes share it
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "throttling_cache",
    }
}

PROCRASTINATE_IMPORT_PATHS = ["regal.config.jobs"]
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [ROOT / "regal" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # from the packages themselves: nothing to collect
WHITENOISE_AUTOREFRESH = False
APPEND_SLASH = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # a notification is far smaller; files come later with their own bounds
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["regal.lib.uploads.BoundedUpload"]  # each route says how large a file it takes; most take none

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "bureau_home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "regal.people.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "identifier"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
MFA_ADAPTER = "regal.people.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "REGAL"
MFA_TOTP_TOLERANCE = 1  # the code before and the code after: clocks of telephones differ
PASSWORD_RESET_TIMEOUT = 24 * 3600  # an invitation is valid for 24 h

SESSION_ENGINE = "regal.people.sessions"
SESSION_COOKIE_NAME = "__Host-regal" if SECURE else "regal"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "__Host-regal-csrf" if SECURE else "regal-csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [BUREAU_URL] if SECURE else []
CSRF_FAILURE_VIEW = "regal.backoffice.errors.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE and TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # framing is refused or granted by the Content-Security-Policy of every answer
    "security.W005",  # a town's subdomains are not ours to bind by HSTS
    "security.W008",  # http is redirected by the proxy in front
    "security.W021",  # preloading is the owner of the domain's to ask for
]

FORM_SILENCE_DAYS = environment.number("REGAL_FORM_SILENCE_DAYS", 7)  # then a silent attempt is presumed dead
INBOX_DAYS = environment.number("REGAL_INBOX_DAYS", 90)  # raw messages; their digests and what they said stay
DEBTOR_YEARS = environment.number("REGAL_DEBTOR_YEARS", 10)  # then who owed a debt that has ended is no longer named
QUITTANCE_YEARS = environment.number("REGAL_QUITTANCE_YEARS", 10)  # the same of quittances and of vouchers
PAYER_MONTHS = environment.number("REGAL_PAYER_MONTHS", 15)  # payers' e-mail addresses
IMPORT_MEGABYTES = environment.number("REGAL_IMPORT_MEGABYTES", 200)  # of a file of titres
FILE_DAYS = environment.number("REGAL_FILE_DAYS", 10)  # after the payer left, a file may still date his payment
ROUTING_DELAY_HOURS = environment.number(
    "REGAL_ROUTING_DELAY_HOURS", 24
)  # between asking where money goes and doing it

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "regal.config.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security.csrf": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # scanners: Django answers 400, and that is all
        "procrastinate": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
