"""The bureau's lists at very many payments in one town, among a thousand other towns: the last part of `bench.py`.

Each page is asked of the real bureau server over the loopback, one after the other, by a régisseur who is signed in.
Beside it stand the very statements that the page asks, caught once in process and run again by psycopg alone, as the
application's role and under the same row-level security: the ratio is what REGAL adds to PostgreSQL.
"""

import http.client
import re
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import psycopg
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.db import connections
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from regal.backoffice.forms import sealed_payer
from regal.collectivites.models import Collectivite
from regal.lib import paris
from regal.lib.embedded_postgres import DATABASE, Connections
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User

PAYMENTS_OF_THE_TOWN = 300_000
OTHER_TOWNS = 1_000
PAYMENTS_OF_EACH = 20
THREE_YEARS = 94_000_000  # seconds, over which they come
MONTHS = 33  # of them the latest is not confirmed
TIMES = 5
HOST = "localhost"
MARK = "ville"

# Written by SQL: no gateway could hand so many off. The constraints hold; `regal verify` would not pass, because these
# rows have neither events, messages nor journal entries, and share one piece of evidence per town.
FILL = """
INSERT INTO collectivites_collectivite (slug, name, site_url, contact)
    SELECT 'ville-' || n, 'Ville ' || n, '', '' FROM generate_series(0, %(towns)s) n;
INSERT INTO collectivites_budget (collectivite_id, siret, code, name)
    SELECT id, '21350001600011', '00', 'Budget principal' FROM collectivites_collectivite WHERE slug LIKE 'ville-%%';
INSERT INTO collectivites_gatewayaccount
    (collectivite_id, gateway, debt_kind, environment, identifier, budget_id, options, is_active)
    SELECT b.collectivite_id, 'payfip_url', 'titre', e.environment, lpad((b.collectivite_id + 100000)::text, 6, '0'),
        b.id, '{}', true
    FROM collectivites_budget b
    JOIN collectivites_collectivite c ON c.id = b.collectivite_id AND c.slug LIKE 'ville-%%'
    CROSS JOIN (VALUES ('production'), ('test')) e(environment);
INSERT INTO collectivites_product
    (collectivite_id, slug, name, introduction, account_id, debt_kind, is_open, position)
    SELECT a.collectivite_id, s.slug || '-' || a.environment, s.name, '', a.id, 'titre', true, 0
    FROM collectivites_gatewayaccount a
    JOIN collectivites_collectivite c ON c.id = a.collectivite_id AND c.slug LIKE 'ville-%%'
    CROSS JOIN (VALUES ('titres', 'Avis des sommes à payer'), ('cantine', 'Cantine'), ('eau', 'Eau')) s(slug, name)
    WHERE a.environment = 'production' OR s.slug = 'titres';
INSERT INTO payments_evidence
    (collectivite_id, account_id, source, rank, verdict, outcome, facts, digest, received_at, judged_day)
    SELECT collectivite_id, id, 'file', 3, 'fits', 'paid', '{}', lpad(id::text, 64, '0'), %(now)s, %(now)s::date
    FROM collectivites_gatewayaccount WHERE environment = 'production' AND identifier >= '100000';
"""
PAYMENTS = """
WITH product AS (
    SELECT p.id, p.collectivite_id, p.account_id, a.environment, p.name,
        row_number() OVER (PARTITION BY p.collectivite_id ORDER BY a.environment, p.slug) - 1 AS number
    FROM collectivites_product p JOIN collectivites_gatewayaccount a ON a.id = p.account_id
    JOIN collectivites_collectivite c ON c.id = p.collectivite_id AND c.slug {which}
), planned AS (
    SELECT product.*, n, (n * 7919::bigint) %% 100 AS luck, %(now)s - n * interval '{seconds} seconds' AS created_at
    FROM product JOIN generate_series(0, %(each)s - 1) n
        ON product.number = CASE WHEN n %% 100 = 99 THEN 3 ELSE n %% 3 END
)
INSERT INTO payments_attempt (collectivite_id, account_id, product_id, environment, reference, debt_reference, exercice,
    amount_cents, label, language, status, announced, announced_at, warned, flow_digest, handle_digest,
    notification_digest, created_at, handed_off_at)
SELECT collectivite_id, account_id, id, environment, 'bench-' || n,
    '2026' || lpad(((n * 104729::bigint) %% 100000000)::text, 8, '0') || '000001', 2026,
    CASE WHEN n %% 4 = 0 THEN 1250 ELSE 100 + (n * 613::bigint) %% 60000 END, name, 'fr',
    CASE WHEN luck < 80 AND (n >= {unconfirmed} OR luck < 4) THEN 'paid' WHEN luck BETWEEN 88 AND 97 AND n > 100
        THEN 'expired_presumed' ELSE 'handed_off' END,
    CASE WHEN luck < 80 THEN 'paid' WHEN luck < 84 THEN 'refused' WHEN luck < 88 THEN 'abandoned' ELSE '' END,
    CASE WHEN luck < 88 THEN created_at + interval '4 minutes' END, false,
    'f' || n, 'h' || n, 'n' || n, created_at, created_at
FROM planned;
"""
REST = """
INSERT INTO payments_settlement (collectivite_id, attempt_id, account_id, environment, debt_reference, exercice,
    amount_cents, evidence_id, rank, occurred_at, accounting_day, recorded_at)
SELECT t.collectivite_id, t.id, t.account_id, t.environment, t.debt_reference, t.exercice, t.amount_cents, e.id, 3,
    t.announced_at, (t.announced_at AT TIME ZONE 'Europe/Paris')::date, t.announced_at + interval '2 days'
FROM payments_attempt t JOIN payments_evidence e ON e.collectivite_id = t.collectivite_id AND e.source = 'file'
WHERE t.status = 'paid' AND t.reference LIKE 'bench-%%';
INSERT INTO payments_payer (collectivite_id, attempt_id, email)
    SELECT collectivite_id, id, 'payeur' || id %% 50000 || '@example.org'
    FROM payments_attempt WHERE reference LIKE 'bench-%%' AND created_at > %(now)s - interval '90 days';
"""

# The rows of an export, of production only, newest first, with their proof.
COPY = """
COPY (
    SELECT t.created_at, t.label, t.debt_reference, t.amount_cents, t.standing, t.announced_at, s.recorded_at,
        s.accounting_day, t.environment, a.identifier, s.rank
    FROM payments_attempt t JOIN collectivites_gatewayaccount a ON a.id = t.account_id
    LEFT JOIN payments_settlement s ON s.attempt_id = t.id AND s.collectivite_id = {town}
    WHERE t.collectivite_id = {town} AND t.environment = 'production' {since}
    ORDER BY t.created_at DESC, t.id DESC
) TO STDOUT
"""


class WrongPage(Exception):
    """The server answered something else than the page that is measured."""


@dataclass(frozen=True, kw_only=True)
class PageFigure:
    """A page of the bureau beside its own statements."""

    what: str
    milliseconds: float
    statements: int
    sql_milliseconds: float


@dataclass(frozen=True, kw_only=True)
class FileFigure:
    """A file beside the same rows copied out by PostgreSQL alone."""

    what: str
    rows: int
    seconds: float
    megabytes: float
    copy_seconds: float


def fill(to: Connections, *, now: datetime, payments: int = PAYMENTS_OF_THE_TOWN, towns: int = OTHER_TOWNS) -> None:
    """Write the towns and their payments, as the owner."""
    told = {"now": now, "towns": towns}
    here = PAYMENTS.format(which=f"= '{MARK}-0'", seconds=THREE_YEARS / payments, unconfirmed=payments // MONTHS)
    elsewhere = PAYMENTS.format(which=f"LIKE '{MARK}-%%' AND c.slug <> '{MARK}-0'", seconds=50_000, unconfirmed=4)
    with psycopg.connect(
        **_address(to, "regal_owner"), autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        for statement, each in ((FILL, 0), (here, payments), (elsewhere, PAYMENTS_OF_EACH), (REST, 0)):
            connection.execute(statement, told | {"each": each})
        connection.execute("VACUUM ANALYZE")


def is_ready(port: int) -> bool:
    """Whether the bureau serves on that port, its worker included."""
    server = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        server.request("GET", "/healthz")
        return server.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        server.close()


class BureauBench:
    """Asks one server, already running on `port`, whose database `fill` has written."""

    def __init__(self, to: Connections, *, port: int, now: datetime) -> None:
        self.to, self.port, self.now = to, port, now
        self.town = Collectivite.objects.get(slug=f"{MARK}-0")
        user = User.objects.create_user(identifier="mesure", email="mesure@example.org")
        with tenant(self.town):
            Membership.objects.create(collectivite=self.town, user=user, role=Role.REGISSEUR)
        self.in_process = Client(headers={"host": HOST})
        self.in_process.force_login(user)
        request = RequestFactory().get("/")
        request.session = self.in_process.session
        record_authentication(request, user, "password", reauthenticated=True)
        request.session.save()
        self.cookies = {settings.SESSION_COOKIE_NAME: self.in_process.cookies[settings.SESSION_COOKIE_NAME].value}

    def pages(self) -> list[PageFigure]:
        """Every kind of question that an agent may put."""
        base, today = f"/{self.town.slug}/paiements/", paris.today(self.now)
        payer = urlencode({"payeur": sealed_payer("payeur77@example.org", town=self.town)})
        deep = int((self.now - timedelta(days=900)).timestamp() * 1_000_000)
        long_ago = (today - timedelta(days=400)).isoformat()
        a_year_ago = (today - timedelta(days=365)).isoformat()
        asked = {
            "accueil": f"/{self.town.slug}/",
            "liste, première page, totaux de tout": base,
            "liste, page profonde (2 ½ ans)": f"{base}?apres={deep}-1",
            "produit": f"{base}?produit=cantine-production",
            "aujourd’hui": f"{base}?du={today.isoformat()}&au={today.isoformat()}",
            "un mois, il y a un an": f"{base}?du={long_ago}&au={a_year_ago}",
            "confirmés d’un mois, par jour comptable": f"{base}?date=confirme&du={long_ago}&au={a_year_ago}",
            "état courant (confirmé)": f"{base}?etat=confirmed",
            "état que rien n’a (résultat inconnu)": f"{base}?etat=unknown",
            "environnement test": f"{base}?environnement=test",
            "montant exact (12,50 €, un sur quatre)": f"{base}?montant=12,50",
            "montants de 599 à 600 €": f"{base}?montant=599&montant_max=600",
            "fin de référence (412-1)": f"{base}?reference=412-1",
            "fin de référence (412)": f"{base}?reference=412",
            "e-mail du payeur": f"{base}?{payer}",
            "produit, mois, état et montant": f"{base}?produit=cantine-production&etat=confirmed&montant=12,50"
            f"&du={long_ago}&au={a_year_ago}",
        }
        return [self._page(what, address) for what, address in asked.items()]

    def files(self) -> list[FileFigure]:
        """A CSV and a workbook of some months, and a CSV of everything."""
        first = (paris.today(self.now) - timedelta(days=120)).isoformat()
        return [
            self._file("CSV de quatre mois", {"format": "csv", "du": first}),
            self._file("classeur de quatre mois", {"format": "xlsx", "du": first}),
            self._file("CSV de tout", {"format": "csv"}),
        ]

    def _page(self, what: str, address: str) -> PageFigure:
        took = []
        for _ in range(TIMES + 1):  # the first is a warm-up
            began = time.perf_counter()
            self._ask("GET", address)
            took.append(time.perf_counter() - began)
        statements = self._statements(address)
        return PageFigure(
            what=what,
            milliseconds=statistics.median(took[1:]) * 1000,
            statements=len(statements),
            sql_milliseconds=self._alone(statements) * 1000,
        )

    def _statements(self, address: str) -> list[str]:
        """What the page asks of the town's rows, its values written in."""
        with CaptureQueriesContext(connections["default"]) as captured:
            if self.in_process.get(address).status_code != 200:
                raise WrongPage(address)
        rows = ('"payments_', '"cases_', '"collectivites_product"')
        return [
            one["sql"] for one in captured if one["sql"].startswith("SELECT") and any(r in one["sql"] for r in rows)
        ]

    def _alone(self, statements: list[str]) -> float:
        """The same statements by psycopg alone, in one transaction of the town: seconds, the median."""
        took = []
        with psycopg.connect(**_address(self.to, "regal_app")) as connection:
            for _ in range(TIMES + 1):
                began = time.perf_counter()
                connection.execute("SELECT set_config('regal.tenant', %s, true)", [str(self.town.pk)])
                for statement in statements:
                    connection.execute(statement.encode()).fetchall()
                connection.rollback()
                took.append(time.perf_counter() - began)
        return statistics.median(took[1:])

    def _file(self, what: str, fields: dict[str, str]) -> FileFigure:
        page = self._ask("GET", f"/{self.town.slug}/paiements/").decode()
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        began = time.perf_counter()
        content = self._ask("POST", f"/{self.town.slug}/paiements/export/", fields | {"csrfmiddlewaretoken": token})
        seconds = time.perf_counter() - began
        rows, copied = self._copied(fields.get("du"))
        lines = content.count(b"\r\n")
        if fields["format"] == "csv" and lines != rows + 1:
            raise WrongPage(f"{what}: {lines} lines for {rows} rows")
        return FileFigure(what=what, rows=rows, seconds=seconds, megabytes=len(content) / 1e6, copy_seconds=copied)

    def _copied(self, first_day: str | None) -> tuple[int, float]:
        """The same rows by COPY."""
        since = f"AND t.created_at >= '{first_day} 00:00 Europe/Paris'" if first_day else ""
        rows = 0
        with psycopg.connect(**_address(self.to, "regal_app")) as connection:
            began = time.perf_counter()
            connection.execute("SELECT set_config('regal.tenant', %s, true)", [str(self.town.pk)])
            with connection.cursor().copy(COPY.format(town=self.town.pk, since=since).encode()) as copy:
                for piece in copy:
                    rows += bytes(piece).count(b"\n")
        return rows, time.perf_counter() - began

    def _ask(self, method: str, address: str, fields: dict[str, str] | None = None) -> bytes:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        server = http.client.HTTPConnection(HOST, self.port, timeout=600)  # one each: the server drops idle ones
        server.request(method, address, urlencode(fields).encode() if fields is not None else None, headers)
        answer = server.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        content = answer.read()
        server.close()
        if answer.status != HTTPStatus.OK:
            raise WrongPage(f"{address}: {answer.status}")
        return content


def _address(to: Connections, role: str) -> dict[str, Any]:
    return {
        "host": str(to.socket_folder),
        "user": role,
        "password": to.passwords[role],
        "dbname": DATABASE,
    }


def measure(
    to: Connections,
    *,
    port: int,
    serve: Callable[[], AbstractContextManager[object]],
    say: Callable[[str], object],
    payments: int = PAYMENTS_OF_THE_TOWN,
) -> str:
    """Fill, ask, and give both tables in Markdown. `serve` runs the bureau on `port` until it is left."""
    now = datetime.now(UTC)
    say(f"{payments} paiements…")
    began = time.perf_counter()
    fill(to, now=now, payments=payments)
    filled = time.perf_counter() - began
    with serve():
        bench = BureauBench(to, port=port, now=now)
        say("listes…")
        pages = bench.pages()
        say("exports…")
        files = bench.files()
    connections.close_all()
    return tables(pages, files, payments=payments, filled=filled)


def tables(pages: list[PageFigure], files: list[FileFigure], *, payments: int, filled: float) -> str:
    """Each page beside its statements alone, each file beside COPY."""
    lines = [
        f"Bureau : {_spaced(payments)} paiements dans une collectivité, mille autres collectivités ; {filled:.0f} s.",
        "",
        "| page du bureau | ms | questions | les mêmes, seules, ms | rapport |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {one.what} | {one.milliseconds:.0f} | {one.statements} | {one.sql_milliseconds:.0f} |"
            f" {one.milliseconds / one.sql_milliseconds:.1f} |"
            for one in pages
        ),
        "",
        "| export | lignes | s | Mo | lignes par seconde | COPY seul, lignes par seconde | rapport |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {one.what} | {_spaced(one.rows)} | {one.seconds:.1f} | {one.megabytes:.1f} |"
            f" {_spaced(one.rows / one.seconds)} | {_spaced(one.rows / one.copy_seconds)} |"
            f" {one.seconds / one.copy_seconds:.0f} |"
            for one in files
        ),
    ]
    return "\n".join(lines)


def _spaced(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")
