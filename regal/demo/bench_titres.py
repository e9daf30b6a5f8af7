"""The base of titres when a town has very many: each kind of search beside a look-up by key in the same run.

Rows are written by SQL as the owner: every constraint holds and the words of names are PostgreSQL's own, but these
titres have neither events nor journal entries (`regal verify` would say so). Ten other towns bear the same names.
Pages are asked in process, templates included; their questions once more without them; the key by psycopg alone.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.db import connections
from django.test import Client
from psycopg import sql

from regal.backoffice import titre_exports, titre_groups
from regal.backoffice.queries import plan_for_the_values_asked
from regal.backoffice.titre_forms import TitreFilters, sealed_search
from regal.backoffice.titre_queries import (
    MOST_COUNTED,
    Group,
    Selection,
    Situation,
    TitreTotals,
    page_of_titres,
    selected_titres,
    sums_of,
    titre_products,
    totals_of_few,
)
from regal.backoffice.titre_search import search
from regal.collectivites.models import Collectivite
from regal.lib.embedded_postgres import DATABASE, Connections
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from regal.titres.models import Debtor, GroupAct, Import, Titre

TITRES = 100_000
OTHERS = 10  # towns, each with a hundredth of it
TIMES = 15
HOST = "localhost"
MARK = "titres-ville"

FILL = """
INSERT INTO collectivites_collectivite (slug, name, site_url, contact)
    SELECT '{mark}-' || n, 'Ville ' || n, '', '' FROM generate_series(0, {others}) n;
INSERT INTO collectivites_budget (collectivite_id, siret, code, name)
    SELECT id, '21350001600011', '00', 'Budget principal' FROM collectivites_collectivite WHERE slug LIKE '{mark}-%%';
INSERT INTO collectivites_regie (collectivite_id, budget_id, name, number)
    SELECT collectivite_id, b.id, 'Régie', '1' FROM collectivites_budget b
    JOIN collectivites_collectivite c ON c.id = b.collectivite_id AND c.slug LIKE '{mark}-%%';
INSERT INTO collectivites_gatewayaccount
    (collectivite_id, gateway, debt_kind, environment, identifier, regie_id, options, is_active)
    SELECT r.collectivite_id, 'payfip_ws', 'regie', 'production',
        lpad((r.collectivite_id + 300000)::text, 6, '0'),
        r.id, '{{}}', true
    FROM collectivites_regie r
    JOIN collectivites_collectivite c ON c.id = r.collectivite_id AND c.slug LIKE '{mark}-%%';
INSERT INTO collectivites_product
    (collectivite_id, slug, name, introduction, account_id, debt_kind, is_open, position,
    reference_form, min_amount_cents, max_amount_cents)
    SELECT a.collectivite_id, s.slug, s.name, '', a.id, 'regie', true, 0, '{{"pattern": "#{{9}}"}}', 100, 10000000
    FROM collectivites_gatewayaccount a
    JOIN collectivites_collectivite c ON c.id = a.collectivite_id AND c.slug LIKE '{mark}-%%'
    CROSS JOIN (VALUES ('cantine', 'Cantine'), ('creche', 'Crèche'), ('eau', 'Eau'), ('terrasses', 'Terrasses'))
        s(slug, name);
INSERT INTO titres_importsource (collectivite_id, name, collector, regie_id, file_format, options, products,
    regie_codes, as_drafts, is_active)
    SELECT r.collectivite_id, 'Régie', 'regie', r.id, '', '{{}}', '{{}}', '[]', false, true
    FROM collectivites_regie r
    JOIN collectivites_collectivite c ON c.id = r.collectivite_id AND c.slug LIKE '{mark}-%%';
INSERT INTO titres_import (collectivite_id, source_id, name, digest, size, file_format, head, state, error, lines_read,
    bytes_read, counts, only_valid, created, adjusted, skipped, kept_at, confirmed_at)
    SELECT s.collectivite_id, s.id, 'factures.csv', repeat('a', 64), 1, 'table', '{{}}', 'confirmed', '{{}}', 1, 1,
        '{{}}', false, 1, 0, 0, %(now)s, %(now)s
    FROM titres_importsource s
    JOIN collectivites_collectivite c ON c.id = s.collectivite_id AND c.slug LIKE '{mark}-%%';
INSERT INTO payments_evidence
    (collectivite_id, account_id, source, rank, verdict, outcome, facts, digest, received_at, judged_day)
    SELECT a.collectivite_id, a.id, 'file', 3, 'fits', 'paid', '{{}}', lpad(a.id::text, 64, 'b'), %(now)s, %(now)s::date
    FROM collectivites_gatewayaccount a
    JOIN collectivites_collectivite c ON c.id = a.collectivite_id AND c.slug LIKE '{mark}-%%';
"""
# Sixty per cent paid, one in five hundred in part, one in a hundred suspended, one in two hundred cancelled; a thousand
# a day, a tenth of them of one import; one product in two thousand, long ago.
FILL_TITRES = """
WITH product AS (
    SELECT p.*, a.regie_id, c.slug AS town, i.id AS import_id,
        row_number() OVER (PARTITION BY p.collectivite_id ORDER BY p.slug) - 1 AS rank
    FROM collectivites_product p JOIN collectivites_gatewayaccount a ON a.id = p.account_id
    JOIN collectivites_collectivite c ON c.id = p.collectivite_id AND c.slug LIKE '{mark}-%%'
    JOIN titres_import i ON i.collectivite_id = p.collectivite_id
)
INSERT INTO titres_titre (collectivite_id, collector, regie_id, product_id, document_kind, exercice, number, line,
    reference, label, issued_on, due_on, amount_cents, status, paid_at, is_paid_in_part, origin_id, origin_line,
    created_at)
SELECT p.collectivite_id, 'regie', p.regie_id, p.id, 'facture', 2024 + n %% 3, lpad(n::text, 9, '0'), 1,
    lpad(n::text, 9, '0'), p.name || ', relevé ' || n %% 12, at::date, at::date + 30, 100 + (n * 613::bigint) %% 60000,
    CASE WHEN n %% 100 = 7 THEN 'suspended' WHEN n %% 200 = 9 THEN 'cancelled' ELSE 'open' END,
    CASE WHEN n %% 5 < 3 AND n %% 100 <> 7 THEN at + interval '9 days' END, n %% 500 = 4,
    CASE WHEN n BETWEEN %(each)s * 3 / 10 AND %(each)s * 4 / 10 THEN p.import_id END,
    CASE WHEN n BETWEEN %(each)s * 3 / 10 AND %(each)s * 4 / 10 THEN n END, at
FROM product p JOIN generate_series(1, %(each)s) n
    ON p.rank = CASE WHEN n %% 2000 = 3 AND n < %(each)s / 2 THEN 3 ELSE n %% 3 END
CROSS JOIN LATERAL (SELECT %(now)s - interval '1 day' - ((%(each)s - n) / 1000) * interval '1 day' AS at) t
WHERE p.town {which};
"""
# A name in five is one of the twenty most frequent; the others are among ninety thousand made of syllables.
FILL_DEBTORS = """
WITH said AS (SELECT
    '{{martin,bernard,thomas,petit,robert,richard,durand,dubois,moreau,laurent,simon,michel,lefebvre,leroy,roux,david,'
    || 'bertrand,morel,fournier,girard}}' AS names,
    '{{Éloïse,Jean,Zoé,Marie-Hélène,Ahmed,Noël,Inès,Léa,Hugo,François}}' AS first_names,
    '{{ba,le,ri,mo,du,cha,vin,gue,ro,sau,pel,tier,mar,lan,dri,fau,cou,bel,nou,per,gau,lé,'
    || 'ver,vil,mon,bou,sé,ra,to,qui}}' AS parts
)
INSERT INTO titres_debtor (collectivite_id, titre_id, name, reference)
SELECT t.collectivite_id, t.id,
    CASE WHEN h %% 5 = 0 THEN upper((s.names::text[])[1 + h / 7 %% 20])
        ELSE initcap((s.parts::text[])[1 + h / 11 %% 30] || (s.parts::text[])[1 + h / 331 %% 30]
            || (s.parts::text[])[1 + h / 10007 %% 30]
            || CASE WHEN h %% 2 = 0 THEN (s.parts::text[])[1 + h / 300007 %% 4] ELSE '' END) END
    || CASE WHEN h %% 20 = 3 THEN ' de la ' || (s.parts::text[])[1 + h / 13 %% 30] ELSE '' END
    || ' ' || (s.first_names::text[])[1 + h / 3 %% 10], ''
FROM titres_titre t CROSS JOIN said s CROSS JOIN LATERAL (SELECT abs(hashint8(t.id)) AS h) x
WHERE t.collectivite_id IN (SELECT id FROM collectivites_collectivite WHERE slug LIKE '{mark}-%%');
"""
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = 'titres_titre'::regclass
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
FILL_PAYMENTS = """
INSERT INTO payments_attempt (collectivite_id, account_id, product_id, titre_id, environment, reference, debt_reference,
    exercice, amount_cents, label, language, status, announced, warned, flow_digest, handle_digest, notification_digest,
    created_at)
SELECT t.collectivite_id, p.account_id, p.id, t.id, 'production', '{mark}-' || t.id, t.reference, t.exercice,
    CASE WHEN t.paid_at IS NULL THEN 50 ELSE t.amount_cents END, t.label, 'fr', 'paid', 'paid', false,
    't' || t.id, 't' || t.id,
    't' || t.id, t.created_at
FROM titres_titre t JOIN collectivites_product p ON p.id = t.product_id
WHERE (t.paid_at IS NOT NULL OR t.is_paid_in_part) AND (t.is_paid_in_part OR t.id %% {one_in} = 0)
    AND t.collectivite_id IN (SELECT id FROM collectivites_collectivite WHERE slug LIKE '{mark}-%%');
INSERT INTO payments_share (collectivite_id, attempt_id, titre_id, place, amount_cents, reference_reversed)
SELECT collectivite_id, id, titre_id, 1, amount_cents, '' FROM payments_attempt WHERE reference LIKE '{mark}-%%';
INSERT INTO payments_settlement (collectivite_id, attempt_id, account_id, environment, debt_reference, exercice,
    amount_cents, evidence_id, rank, occurred_at, accounting_day, recorded_at)
SELECT a.collectivite_id, a.id, a.account_id, a.environment, a.debt_reference, a.exercice, a.amount_cents, e.id, 3,
    a.created_at, a.created_at::date, a.created_at
FROM payments_attempt a JOIN payments_evidence e ON e.account_id = a.account_id WHERE a.reference LIKE '{mark}-%%';
INSERT INTO payments_allocation (collectivite_id, settlement_id, titre_id, amount_cents, recorded_at)
SELECT s.collectivite_id, s.id, a.titre_id, s.amount_cents, s.recorded_at
FROM payments_settlement s JOIN payments_attempt a ON a.id = s.attempt_id WHERE a.reference LIKE '{mark}-%%';
"""


def fill(
    to: Connections,
    *,
    now: datetime,
    titres: int = TITRES,
    named: bool = True,
    one_in: int = 1,
    say: Callable[[str], object] = lambda _: None,
) -> None:
    """Write the towns, their titres, names and payments, as the owner.

    For the payer's look-up alone: not `named`, without debtors; of those that are paid, `one_in` with its payment.
    """
    with psycopg.connect(**_as("regal_owner", to), autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        steps = [
            (FILL, "", 0),
            (FILL_TITRES, f"= '{MARK}-0'", titres),
            (FILL_TITRES, f"<> '{MARK}-0'", titres // 100),
            *([(FILL_DEBTORS, "", 0)] if named else []),
            (FILL_PAYMENTS, "", 0),
        ]
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:  # made whole afterwards, as whoever loads very many rows does
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        for statement, which, each in steps:
            began = time.perf_counter()
            told: Any = statement.format(mark=MARK, which=which, others=OTHERS, one_in=one_in)
            connection.execute(told, {"now": now, "each": each})
            say(f"  {time.perf_counter() - began:.0f} s")
            if statement is FILL_TITRES and which.startswith("<>"):
                for _, definition in indexes:
                    connection.execute(definition)
                say(f"  {time.perf_counter() - began:.0f} s, index")
        connection.execute("VACUUM ANALYZE")


@dataclass(frozen=True, kw_only=True)
class Took:
    """Milliseconds of one of several times: the median by the clock, and of processors on average."""

    clock: float
    python: float
    postgres: float

    @property
    def cpu(self) -> float:
        return self.python + self.postgres


@dataclass(frozen=True, kw_only=True)
class SearchFigure:
    """A kind of search: the whole page, what it asks of the base, and the look-up of one row beside it."""

    what: str
    found: str
    page: "Took"
    questions: "Took"


@dataclass(frozen=True, kw_only=True)
class WorkFigure:
    """Something done to very many."""

    what: str
    rows: int
    seconds: float
    megabytes: float = 0.0  # more than before
    alone_seconds: float = 0.0  # COPY of the same rows


class TitresBench:
    """Asks the town that `fill` has written."""

    def __init__(self, to: Connections, *, now: datetime, times: int = TIMES) -> None:
        self.to, self.now, self.times = to, now, times
        self.town = Collectivite.objects.get(slug=f"{MARK}-0")
        user = User.objects.create_user(identifier="factures", email="factures@example.org")
        with tenant(self.town):
            Membership.objects.create(collectivite=self.town, user=user, role=Role.REGISSEUR)
            self.products = titre_products(collectivite=self.town)
            self.imports = list(Import.objects.of(self.town))
            by_day = Titre.objects.of(self.town).order_by("-issued_on", "-pk")
            self.newest, self.middle = by_day[0], by_day[by_day.count() // 2]
            debtors = Debtor.objects.of(self.town).filter(titre=self.middle)
            self.name = debtors.values_list("name", flat=True)[0].split()[0]
        self.client = Client(headers={"host": HOST})
        self.client.force_login(user)
        self._alone = psycopg.connect(**_as("regal_app", to))
        self.key = _timed(self._one, 200, lambda: self._alone.info.backend_pid)

    def searches(self) -> list[SearchFigure]:
        """Each kind of search and of filter, and those together that are the hardest."""
        first, last = (self.middle.issued_on + timedelta(days=days) for days in (-30, 0))
        month = {"emise_du": first.isoformat(), "emise_au": last.isoformat()}
        due = {"limite_du": first.isoformat(), "limite_au": last.isoformat()}
        deep = {"apres": f"{self.middle.issued_on.toordinal()}-{self.middle.pk}"}
        part, overdue = {"etat": Group.PARTLY_PAID.value}, {"etat": Group.OVERDUE.value}
        suspended, mistyped = {"etat": Situation.SUSPENDED.value}, self.name[:2] + self.name[3:]
        asked: dict[str, tuple[str, dict[str, str]]] = {
            "tout": ("", {}),
            "tout, page du milieu": ("", deep),
            "numéro exact": (self.newest.number, {}),
            "numéro sans ses zéros": (self.newest.number.lstrip("0"), {}),
            "fin de numéro (412)": ("99412", {}),
            "montant (12,50)": ("12,50", {}),
            "nom rare": (self.name, {}),
            "nom fréquent et prénom": ("girard zoe", {}),
            "nom fréquent (girard)": ("girard", {}),
            "deux mots fréquents (de la)": ("de la", {}),
            "une lettre seule": ("a", {}),
            "nom mal écrit": (mistyped, {}),
            "nom que personne n’a": ("zzyzx", {}),
            "échues": ("", overdue),
            "payées en partie": ("", part),
            "suspendues": ("", suspended),
            "payées": ("", {"etat": Situation.PAID.value}),
            "en cours de paiement (aucune)": ("", {"etat": Situation.HELD.value}),
            "état que rien n’a": ("", {"etat": Situation.TRANSFERRED.value}),
            "un produit": ("", {"produit": "eau"}),
            "un produit rare et ancien": ("", {"produit": "terrasses"}),
            "un import d’un dixième": ("", {"importation": str(self.imports[0].pk)}),
            "document que rien n’est": ("", {"document": "role"}),
            "celles du comptable (aucune)": ("", {"encaisse_par": "comptable"}),
            "émises un mois": ("", month),
            "échéance un mois": ("", due),
            "échéance avant un jour, d’un produit": ("", {"limite_au": first.isoformat(), "produit": "eau"}),
            "nom fréquent, échues, un mois": ("girard", month | overdue),
            "nom fréquent, produit et état": ("girard", suspended | {"produit": "eau"}),
            "échues d’un produit, un mois": ("", overdue | month | {"produit": "eau"}),
            "payées en partie, produit et mois": ("", part | month | {"produit": "eau"}),
        }
        return [self._search(what, text, filters) for what, (text, filters) in asked.items()]

    def work(self) -> list[WorkFigure]:
        """All of them in a file, and what an act on very many would do."""
        began, before, most, rows = time.perf_counter(), _megabytes(), 0.0, -1
        for piece in titre_exports.csv_of(titre_exports.rows(town=self.town, selection=Selection(), now=self.now)):
            rows += piece.count(b"\r\n")
            most = max(most, _megabytes())
        seconds = time.perf_counter() - began
        export = WorkFigure(
            what="export CSV de tout",
            rows=rows,
            seconds=seconds,
            megabytes=most - before,
            alone_seconds=self._copied(),
        )
        began, before = time.perf_counter(), _megabytes()
        with tenant(self.town):
            waiting = selected_titres(
                collectivite=self.town, selection=Selection(stands=Situation.PAYABLE), now=self.now
            )
            keys = list(waiting.order_by().values_list("pk", flat=True)[: titre_groups.MOST])
            titre_groups.prepare(
                collectivite=self.town,
                act=GroupAct.SUSPEND,
                reason="Mesure de la vitesse",
                titres=Titre.objects.of(self.town).filter(pk__anyof=keys),
                now=self.now,
            )
        group = WorkFigure(
            what="acte sur 5 000 factures : ce qu’il ferait",
            rows=len(keys),
            seconds=time.perf_counter() - began,
            megabytes=_megabytes() - before,
        )
        return [export, group]

    def _search(self, what: str, text: str, filters: dict[str, str]) -> SearchFigure:
        sealed = {"cherche": sealed_search(text, town=self.town)} if text else {}
        address = f"/{self.town.slug}/factures/?{urlencode(sealed | filters)}"
        totals = self._questions(sealed | filters)
        found = f"plus de {MOST_COUNTED}" if totals is None else str(totals.count)
        return SearchFigure(
            what=what,
            found=found,
            page=_timed(partial(self._page, address), self.times, _django_s_backend),
            questions=_timed(partial(self._questions, sealed | filters), self.times, _django_s_backend),
        )

    def _page(self, address: str) -> None:
        answer = self.client.get(address)
        if answer.status_code != 200:
            raise WrongList(f"{address}: {answer.status_code}")

    def _questions(self, told: dict[str, str]) -> TitreTotals | None:
        """As the page does: what was typed understood, its rows, their sums and names, the totals."""
        filters = TitreFilters(told, town=self.town, products=self.products, imports=self.imports)
        with tenant(self.town):
            plan_for_the_values_asked()
            searched = search(filters.text, collectivite=self.town) if filters.text else None
            selection = filters.selection(searched)
            found = selected_titres(collectivite=self.town, selection=selection, now=self.now)
            shown, older, newer = page_of_titres(
                found, collectivite=self.town, order=selection.order, after=told.get("apres", "")
            )
            sums_of(shown, collectivite=self.town)
            if not older and not newer:
                found = Titre.objects.of(self.town).filter(pk__anyof=[titre.pk for titre in shown])
            return totals_of_few(found, collectivite=self.town) if shown else TitreTotals()

    def _one(self) -> None:
        self._alone.execute("SELECT set_config('regal.tenant', %s, true)", [str(self.town.pk)])
        self._alone.execute("SELECT * FROM titres_titre WHERE id = %s", [self.middle.pk]).fetchall()
        self._alone.rollback()

    def _copied(self) -> float:
        began = time.perf_counter()
        self._alone.execute("SELECT set_config('regal.tenant', %s, true)", [str(self.town.pk)])
        with self._alone.cursor().copy(COPY) as copy:
            for _ in copy:
                pass
        self._alone.rollback()
        return time.perf_counter() - began


COPY = """
COPY (
    SELECT t.*, d.name, d.reference, d.address, d.postcode, d.city, d.email, d.siret, s.paid
    FROM titres_titre t LEFT JOIN titres_debtor d ON d.titre_id = t.id LEFT JOIN (
        SELECT titre_id, sum(amount_cents) AS paid FROM payments_allocation GROUP BY titre_id) s ON s.titre_id = t.id
    ORDER BY t.id DESC
) TO STDOUT
"""


class WrongList(Exception):
    """The page is not the one that is measured."""


def _megabytes() -> float:
    resident = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(resident.split()[1]) / 1024


def _timed(act: Callable[[], object], times: int, backend: Callable[[], int]) -> Took:
    act()  # a warm-up
    pid = backend()
    took, python, postgres = [], time.process_time(), _cpu_seconds(pid)
    for _ in range(times):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    each = 1000 / times
    return Took(
        clock=statistics.median(took) * 1000,
        python=(time.process_time() - python) * each,
        postgres=(_cpu_seconds(pid) - postgres) * each,
    )


def _django_s_backend() -> int:
    """The process of PostgreSQL that answers; it stays, since no connection is closed meanwhile."""
    connections["default"].ensure_connection()
    return int(connections["default"].connection.info.backend_pid)


def _cpu_seconds(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def tables(key: Took, searches: Iterable[SearchFigure], work: Sequence[WorkFigure], titres: int) -> str:
    """In Markdown."""
    lines = [
        f"| recherche parmi {_spaced(titres)} factures | trouvées | page, ms | CPU Python ms | CPU PostgreSQL ms"
        " | ses questions, ms | CPU ms | CPU / une clé |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        f"| une facture par sa clé, par psycopg seul | 1 | | | | {key.clock:.1f} | {key.cpu:.2f} | 1 |",
    ]
    for one in searches:
        lines.append(
            f"| {one.what} | {one.found} | {one.page.clock:.0f} | {one.page.python:.0f} | {one.page.postgres:.0f}"
            f" | {one.questions.clock:.0f} | {one.questions.cpu:.0f} | {one.questions.cpu / key.cpu:.0f} |"
        )
    lines += ["", "| travail | lignes | s | lignes par seconde | mémoire de plus, Mo | / COPY seul |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for done in work:
        ratio = f"{done.seconds / done.alone_seconds:.0f}" if done.alone_seconds else ""
        lines.append(
            f"| {done.what} | {_spaced(done.rows)} | {done.seconds:.1f} | {_spaced(done.rows / done.seconds)}"
            f" | {done.megabytes:.0f} | {ratio} |"
        )
    return "\n".join(lines)


def _spaced(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def measure(to: Connections, *, say: Callable[[str], object], titres: int = TITRES) -> str:
    """Fill, ask, and give the tables."""
    now = datetime.now(UTC)
    say(f"{titres} factures…")
    fill(to, now=now, titres=titres)
    say("recherches…")
    bench = TitresBench(to, now=now)
    searches = bench.searches()
    say("export, acte sur un groupe…")
    work = bench.work()
    connections.close_all()
    return tables(bench.key, searches, work, titres)


def _as(role: str, to: Connections) -> dict[str, Any]:
    return {"host": str(to.socket_folder), "user": role, "password": to.passwords[role], "dbname": DATABASE}
