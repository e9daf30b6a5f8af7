"""The closed list of tables that belong to no collectivité, or that name one without being hidden behind it.

None of ours holds a payer's name, e-mail or amount (`docs/decisions`, tenants). Whoever adds one says why here.
"""

SHARED_TABLES: dict[str, str] = {
    "collectivites_collectivite": "the tenants themselves: slug, name, public contact",
    "agenda_effect": "due work of all collectivités: numbers only, carried before any tenant is known",
    "agenda_watch": "attempts whose gateway is asked: numbers only, found before any tenant is known",
    "agenda_pace": "when an account may next be asked: numbers only",
    "payments_transactionseen": "gateways' transactions, of which no two accounts have the same: digests and numbers",
    "audit_platformact": "acts outside any collectivité: a kind and a number",
    "people_user": "agents and operators: one person may work for several collectivités",
    "throttling_cache": "counters of attempts to sign in",
    "throttle_window": "counters of one minute: a digest of the source",
    "stray_message_count": "messages to addresses that are not ours, a number a day",
    "people_session": "agents' sessions: whose, since when, and the browser in two words",
    "audit_verifyrun": "what each run of the invariants found: numbers",
    "django_session": "unused table of Django's",
    "django_content_type": "names of models",
    "django_migrations": "the schema's version",
    "auth_group": "unused table of Django's",
    "auth_group_permissions": "unused table of Django's",
    "auth_permission": "unused table of Django's",
    "account_emailaddress": "agents' addresses, for allauth",
    "account_emailconfirmation": "the same",
    "mfa_authenticator": "agents' second factors, sealed",
    "procrastinate_events": "jobs: a row's number only",
    "procrastinate_jobs": "the same",
    "procrastinate_periodic_defers": "the same",
    "procrastinate_workers": "the workers' heartbeats",
}
