"""Invariants of the walls between tenants, of rights, of secrets and of the schema: read from the catalogue."""

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from regal.lib.card_numbers import holds_card_number
from regal.lib.tenancy import TenantForeignKey, TenantModel
from regal.lib.vault import BadVaultSetting, Vault
from regal.proof.findings import Invariant, Row, Snapshot
from regal.proof.shared_tables import SHARED_TABLES

APPEND_ONLY_TABLES = [
    "audit_auditentry",
    "audit_platformact",
    "cases_caseevent",
    "journal_entry",
    "payments_allocation",
    "payments_attemptevent",
    "payments_counterreceipt",
    "payments_evidence",
    "payments_inboxmessage",
    "payments_reversal",
    "payments_settlement",
    "payments_share",
    "payments_transactionseen",
    "receipts_quittance",
    "receipts_quittancedelivery",
    "reconciliation_filedline",
    "reconciliation_filedstate",
    "titres_adjustment",
    "titres_titreevent",
]

# MD5 of the text of what guards the tables: whoever owns them could make it do nothing.
GUARD_FUNCTIONS = {
    "regal_append_only": "13f99a9884d28a1a2cc806e92933a544",
    "regal_inbox_append_only": "f3776ad6c5e323a8e11be7e204c7d0af",
    "regal_own_collectivite_only": "858a78778c286bdeb045920b4d08419e",
    "regal_published_titre_stays": "281361f18b6ea9273e5e716cff803430",
    "regal_routing_facts_stay": "668be037e986b61c9a60fb0310d9af4d",
}
# MD5 of every function that runs with its owner's rights.
DEFINER_FUNCTIONS = {
    "regal_contract_of_one_collectivite": "15d6f49520541386f36dc9a5e70bfe93",
    "regal_count_titres": "2fe5b907b1d32eae150171c648e186fc",
    "regal_forget_words": "dc005241d1ff78589998eef71ccba63e",
    "regal_learn_words": "528430484704c76ef9f37adff8688864",
    "regal_memberships_of": "7fc9c8c2a857b46890382b165ea33a9f",
    "regal_purge_inbox": "8d6558a40d5ce534bfb16895f12ff031",
    "regal_routing_for_operators": "adf6e1daeb189c74357762ffad3c4aa9",
    "regal_titres_named": "802fe82231e63b1fc42cf13b3ce08fce",
    "regal_words_near": "e07dd1d988280c613a923a51e0c860b3",
}

TENANT_POLICY = (
    "(collectivite_id = (NULLIF(current_setting('regal.tenant'::text, true), ''::text))::bigint)"  # as deparsed
)

# Free text that a person types or that we write about a person's act; references, digests and tokens are exempt.
FREE_TEXT = {
    "audit_auditentry": ("subject", "before", "after"),
    "cases_case": ("facts", "reason"),
    "cases_caseevent": ("text",),
    "collectivites_adhesion": ("office",),
    "collectivites_allowedorigin": ("origin",),
    "collectivites_budget": ("name",),
    "collectivites_product": ("name", "introduction", "closed_note", "reference_form"),
    "collectivites_regie": ("name", "other_means"),
    "collectivites_routingchange": ("reason",),
    "journal_entry": ("reason", "author"),
    "payments_attempt": ("label",),
    "payments_counterperson": ("drawer", "label"),
    "payments_counterreceipt": ("bank", "piece", "book_number"),
    "payments_payer": ("email",),
    "payments_reversal": ("reason",),
    "reconciliation_depositedfile": ("name", "entity"),
    "reconciliation_filedline": ("place",),
    "reconciliation_filedstate": ("place",),
    "people_visit": ("reason",),
    "receipts_quittance": ("parts", "bank", "piece", "town_name", "regie_name"),
    "receipts_quittanceperson": ("name", "address", "city"),
    "titres_adjustment": ("reason",),
    "titres_debtor": ("name", "address", "city", "email", "others"),
    "titres_debtorword": ("word",),
    "titres_import": ("name", "head", "error"),
    "titres_importline": ("label", "debtor_name", "debtor_address", "debtor_city", "debtor_others"),
    "titres_importsource": ("name",),
    "titres_titre": ("label",),
    "titres_titreevent": ("reason", "payer_note"),
    "titres_titregroup": ("reason", "payer_note"),
}
FREE_TEXT_SHARED = {
    "audit_platformact": ("subject",),
    "collectivites_collectivite": ("name", "contact", "site_url", "logo_text"),
    "people_user": ("identifier", "email", "display_name"),
}
FACTS_THAT_ARE_NUMBERS = ["account_identifier", "amount_cents", "authorisation", "debt_reference", "exercice", "key"]

_DIGEST = re.compile(r'"[0-9a-f]{64}"')  # of a file, in JSON: its digits may pass for a card number
_SEALED_ANYWHERE = re.compile(r"rv1\.([a-z0-9]{1,16})\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def tenant_models() -> list[type[TenantModel]]:
    """Every model whose rows belong to a collectivité."""
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


def tenant_keys() -> list[tuple[str, str]]:
    """(table, column) of every key to another row of the same collectivité."""
    return [
        (model._meta.db_table, field.column)
        for model in tenant_models()
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    ]


def _live_key_versions() -> set[str]:
    try:
        return set(Vault.from_setting(settings.SECRET_KEYS).versions)
    except BadVaultSetting:  # then every sealed secret is lost
        return set()


def _secrets(snapshot: Snapshot) -> Iterator[Row]:
    live = _live_key_versions()
    for collectivite_id, key, sealed, version in snapshot.ask(
        "SELECT collectivite_id, 'account secret ' || id, sealed, key_version FROM collectivites_accountsecret"
    ):
        token = _SEALED_ANYWHERE.fullmatch(sealed)
        if token is None or token[1] != version or version not in live:
            yield collectivite_id, f"{key}: not sealed under a live key"
    for key, kind, data in snapshot.ask("SELECT 'second factor ' || id, type, data::text FROM mfa_authenticator"):
        sealed_under = {found[1] for found in _SEALED_ANYWHERE.finditer(data)}
        if kind in ("totp", "recovery_codes") and not (sealed_under and sealed_under <= live):
            yield None, f"{key}: not sealed under a live key"


def _card_numbers(snapshot: Snapshot) -> Iterator[Row]:
    for table, columns in (FREE_TEXT | FREE_TEXT_SHARED).items():
        whose = "NULL" if table in SHARED_TABLES else "collectivite_id"
        for column in columns:
            yield from _with_card_number(snapshot, table, column, whose, f"{column}::text")
    facts = "(facts - %(facts_that_are_numbers)s::text[])::text"
    former_labels = "(changes->'label')::text"
    yield from _with_card_number(snapshot, "titres_titreevent", "changes", "collectivite_id", former_labels)
    yield from _with_card_number(snapshot, "payments_evidence", "facts", "collectivite_id", facts)


def _with_card_number(snapshot: Snapshot, table: str, column: str, whose: str, text: str) -> Iterator[Row]:
    candidates = snapshot.ask(
        f"SELECT {whose}, id, {text} FROM {table}"  # noqa: S608 - our own names
        rf" WHERE {text} ~ '[0-9]([ .\u00a0\u202f-]?[0-9]){{12}}'"
    )
    for collectivite_id, key, found in candidates:
        if holds_card_number(_DIGEST.sub("", found)):
            yield collectivite_id, f"{table} {key}: a card number in {column}"


def _schema_version(snapshot: Snapshot) -> Iterator[Row]:
    loader = MigrationLoader(connections[snapshot.using])
    in_code = set(loader.graph.nodes) | set(loader.replacements)
    applied = set(loader.applied_migrations)
    for app, name in sorted(set(loader.graph.nodes) - applied):
        yield None, f"migration {app}.{name}: not applied"
    for app, name in sorted(applied - in_code):
        yield None, f"migration {app}.{name}: applied, but not in this code"


PARAMETERS: dict[str, Any] = {
    "append_only_tables": APPEND_ONLY_TABLES,
    "guard_functions": list(GUARD_FUNCTIONS),
    "guard_texts": list(GUARD_FUNCTIONS.values()),
    "definer_functions": list(DEFINER_FUNCTIONS),
    "definer_texts": list(DEFINER_FUNCTIONS.values()),
    "shared_tables": list(SHARED_TABLES),
    "tenant_policy": TENANT_POLICY,
    "facts_that_are_numbers": FACTS_THAT_ARE_NUMBERS,
}

WALLS = (
    Invariant(
        id="I-32",
        sentence="Every row belongs to a collectivité, its keys stay there, and no role but the owner's sees past it.",
        questions=(
            """SELECT NULL, 'table ' || c.relname || ': neither of a collectivité nor on the list of shared tables'
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f')
                AND c.relname <> ALL (%(shared_tables)s::text[])
                AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'collectivite_id'
                    AND NOT a.attisdropped)""",
            """SELECT NULL, 'table ' || c.relname || ': '
                || CASE WHEN NOT a.attnotnull THEN 'collectivite_id may be null'
                WHEN NOT c.relrowsecurity THEN 'row security is off' ELSE 'row security is not forced' END
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'collectivite_id'
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                AND (NOT a.attnotnull OR c.relname <> ALL (%(shared_tables)s::text[])
                    AND NOT (c.relrowsecurity AND c.relforcerowsecurity))""",
            """SELECT NULL, 'table ' || c.relname || ': no policy for its tenant'
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'collectivite_id'
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                AND c.relname <> ALL (%(shared_tables)s::text[])
                AND NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant'
                    AND p.polroles = ARRAY['regal_app'::regrole::oid] AND p.polcmd = '*' AND p.polpermissive
                    AND pg_get_expr(p.polqual, p.polrelid) = %(tenant_policy)s
                    AND pg_get_expr(p.polwithcheck, p.polrelid) = %(tenant_policy)s)""",
            """SELECT NULL, 'table ' || c.relname || ': policy ' || p.polname || ' is not one of ours'
            FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
            WHERE c.relnamespace = 'public'::regnamespace AND NOT (
                p.polname = 'tenant' AND p.polroles = ARRAY['regal_app'::regrole::oid]
                OR p.polname = 'owner' AND p.polroles = ARRAY['regal_owner'::regrole::oid]
                OR p.polname = 'verify' AND p.polroles = ARRAY['regal_verify'::regrole::oid] AND p.polcmd = 'r'
                OR p.polname = 'finder' AND p.polroles = ARRAY['regal_finder'::regrole::oid] AND p.polcmd = 'r')""",
            """SELECT NULL, 'table ' || k.table_name || ': key ' || k.column_name || ' may leave its collectivité'
            FROM unnest(%(key_tables)s::text[], %(key_columns)s::text[]) AS k(table_name, column_name)
            WHERE NOT EXISTS (
                SELECT 1 FROM pg_constraint f
                WHERE f.contype = 'f' AND f.conrelid = k.table_name::regclass AND f.convalidated
                    AND coalesce((to_jsonb(f)->>'conenforced')::boolean, true)
                    AND ARRAY['collectivite_id', k.column_name]::name[] = ARRAY(
                        SELECT a.attname FROM unnest(f.conkey) WITH ORDINALITY AS u(attnum, place)
                        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.attnum ORDER BY u.place)
                    AND ARRAY['collectivite_id', 'id']::name[] = ARRAY(
                        SELECT a.attname FROM unnest(f.confkey) WITH ORDINALITY AS u(attnum, place)
                        JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = u.attnum ORDER BY u.place))""",
            """SELECT NULL, 'table ' || c.relname || ': foreign key ' || f.conname || ' forgets the collectivité'
            FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class target ON target.oid = f.confrelid
            WHERE f.contype = 'f' AND c.relnamespace = 'public'::regnamespace
                AND target.relname <> ALL (%(shared_tables)s::text[])
                AND NOT EXISTS (
                    SELECT 1 FROM unnest(f.conkey, f.confkey) AS u(here, there)
                    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = u.here
                    JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = u.there
                    WHERE a.attname = 'collectivite_id' AND b.attname = 'collectivite_id')""",
            """SELECT NULL, 'table collectivites_collectivite: a town may change another'
            WHERE NOT EXISTS (SELECT 1 FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
                WHERE g.tgrelid = 'collectivites_collectivite'::regclass AND p.proname = 'regal_own_collectivite_only'
                    AND g.tgtype = 19 AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL AND g.tgattr = '')""",
            """SELECT NULL, 'table titres_titre: what is published may be edited'
            WHERE NOT EXISTS (SELECT 1 FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
                WHERE g.tgrelid = 'titres_titre'::regclass AND p.proname = 'regal_published_titre_stays'
                    AND g.tgtype = 19 AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL AND g.tgattr = '')""",
            """SELECT NULL, 'role ' || rolname || ': has powers it must not have' FROM pg_roles
            WHERE rolname LIKE 'regal\\_%%'
                AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)""",
            """SELECT NULL, 'role ' || member.rolname || ': is a member of ' || role.rolname
            FROM pg_auth_members m JOIN pg_roles role ON role.oid = m.roleid JOIN pg_roles member
                ON member.oid = m.member
            WHERE member.rolname IN ('regal_app', 'regal_finder', 'regal_verify')""",
            """SELECT NULL, 'role ' || o.role || ': owns ' || o.thing
            FROM (
                SELECT relowner::regrole::text AS role, relname::text AS thing FROM pg_class
                UNION ALL SELECT nspowner::regrole::text, nspname FROM pg_namespace
                UNION ALL SELECT datdba::regrole::text, datname FROM pg_database WHERE datname = current_database()
                UNION ALL SELECT proowner::regrole::text, proname FROM pg_proc
                    WHERE proname <> ALL (%(definer_functions)s::text[])
            ) AS o WHERE o.role IN ('regal_app', 'regal_finder', 'regal_verify')""",
            """SELECT NULL, 'role ' || r.role || ': may create' FROM unnest(ARRAY['regal_app', 'regal_verify'])
                AS r(role)
            WHERE has_schema_privilege(r.role, 'public', 'CREATE')
                OR has_database_privilege(r.role, current_database(), 'CREATE, TEMPORARY')""",
            """SELECT NULL, 'role regal_verify: may write ' || c.relname FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
                AND (has_table_privilege('regal_verify', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                    OR has_any_column_privilege('regal_verify', c.oid, 'INSERT, UPDATE'))""",
            """SELECT NULL, 'function ' || p.proname || ': runs with its owner''s rights' FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND (
                NOT EXISTS (SELECT 1 FROM unnest(%(definer_functions)s::text[], %(definer_texts)s::text[])
                    AS f(name, text)
                    WHERE f.name = p.proname AND f.text = md5(p.prosrc))
                OR NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, public, pg_temp'], false)
                OR has_function_privilege('regal_verify', p.oid, 'EXECUTE'))""",
            """SELECT NULL, 'view ' || c.relname || ': shows its owner''s rows' FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND (c.relkind = 'm'
                OR c.relkind = 'v' AND NOT coalesce(c.reloptions::text[] && ARRAY['security_invoker=true',
                    'security_invoker=on'], false))""",
        ),
    ),
    Invariant(
        id="I-35",
        sentence="No secret is readable at rest; each names a live key version.",
        questions=(_secrets,),
    ),
    Invariant(
        id="I-36",
        sentence="No free text holds a card number.",
        questions=(_card_numbers,),
    ),
    Invariant(
        id="I-40",
        sentence="The schema's version is the code's version.",
        questions=(_schema_version,),
    ),
)
