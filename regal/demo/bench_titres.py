"""The base of titres when a town has very many: each kind of search beside a look-up by key in the same run.

Rows are written by SQL as the owner: every constraint holds and the words of names are PostgreSQL's own, but these
titres have neither events nor journal entries (`regal verify` would say so). Ten other towns bear the same names.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
from django.db import connections

from regal.backoffice.queries import plan_for_the_values_asked
from regal.backoffice.titre_queries import (
    MOST_COUNTED,
    Group,
    Selection,
    Situation,
    keys_of,
    page_of_titres,
    selected_titres,
    sums_of,
    totals_of_keys,
)
from regal.backoffice.titre_search import search
from regal.collectivites.models import Collectivite, Product
from regal.lib.embedded_postgres import DATABASE, Connections
from regal.lib.tenancy import tenant
from regal.titres.models import Debtor, Titre

TITRES = 100_000
OTHERS = 10  # towns, each with a hundredth of it
TIMES = 100
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
    CROSS JOIN (VALUES ('cantine', 'Cantine'), ('creche', 'Crèche'), ('eau', 'Eau')) s(slug, name);
INSERT INTO payments_evidence
    (collectivite_id, account_id, source, rank, verdict, outcome, facts, digest, received_at, judged_day)
    SELECT a.collectivite_id, a.id, 'file', 3, 'fits', 'paid', '{{}}', lpad(a.id::text, 64, 'b'), %(now)s, %(now)s::date
    FROM collectivites_gatewayaccount a
    JOIN collectivites_collectivite c ON c.id = a.collectivite_id AND c.slug LIKE '{mark}-%%';
"""
# Sixty per cent paid, one in a hundred suspended, one in two hundred cancelled; batches of a thousand, as imports make.
FILL_TITRES = """
WITH product AS (
    SELECT p.*, a.regie_id, c.slug AS town,
        row_number() OVER (PARTITION BY p.collectivite_id ORDER BY p.slug) - 1 AS rank
    FROM collectivites_product p JOIN collectivites_gatewayaccount a ON a.id = p.account_id
    JOIN collectivites_collectivite c ON c.id = p.collectivite_id AND c.slug LIKE '{mark}-%%'
)
INSERT INTO titres_titre (collectivite_id, collector, regie_id, product_id, document_kind, exercice, number, line,
    reference, label, issued_on, due_on, amount_cents, status, paid_at, created_at)
SELECT p.collectivite_id, 'regie', p.regie_id, p.id, 'facture', 2024 + n %% 3, lpad(n::text, 9, '0'), 1,
    lpad(n::text, 9, '0'), p.name || ', relevé ' || n %% 12, at::date, at::date + 30, 100 + (n * 613::bigint) %% 60000,
    CASE WHEN n %% 100 = 7 THEN 'suspended' WHEN n %% 200 = 9 THEN 'cancelled' ELSE 'open' END,
    CASE WHEN n %% 5 < 3 AND n %% 100 <> 7 THEN at + interval '9 days' END, at
FROM product p JOIN generate_series(1, %(each)s) n ON p.rank = n %% 3
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
FILL_PAYMENTS = """
INSERT INTO payments_attempt (collectivite_id, account_id, product_id, titre_id, environment, reference, debt_reference,
    exercice, amount_cents, label, language, status, announced, warned, flow_digest, handle_digest, notification_digest,
    created_at)
SELECT t.collectivite_id, p.account_id, p.id, t.id, 'production', '{mark}-' || t.id, t.reference, t.exercice,
    CASE WHEN t.paid_at IS NULL THEN 50 ELSE t.amount_cents END, t.label, 'fr', 'paid', 'paid', false,
    't' || t.id, 't' || t.id,
    't' || t.id, t.created_at
FROM titres_titre t JOIN collectivites_product p ON p.id = t.product_id
WHERE (t.paid_at IS NOT NULL OR t.id %% 500 = 1)
    AND t.collectivite_id IN (SELECT id FROM collectivites_collectivite WHERE slug LIKE '{mark}-%%');
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
    to: Connections, *, now: datetime, titres: int = TITRES, say: Callable[[str], object] = lambda _: None
) -> None:
    """Write the towns, their titres, names and payments, as the owner."""
    with psycopg.connect(**_as("regal_owner", to), autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        steps = [
            (FILL, "", 0),
            (FILL_TITRES, f"= '{MARK}-0'", titres),
            (FILL_TITRES, f"<> '{MARK}-0'", titres // 100),
            (FILL_DEBTORS, "", 0),
            (FILL_PAYMENTS, "", 0),
        ]
        for statement, which, each in steps:
            began = time.perf_counter()
            told: Any = statement.format(mark=MARK, which=which, others=OTHERS)
            connection.execute(told, {"now": now, "each": each})
            say(f"  {time.perf_counter() - began:.0f} s")
        connection.execute("VACUUM ANALYZE")


@dataclass(frozen=True, kw_only=True)
class SearchFigure:
    """A kind of search beside the look-up of one row."""

    what: str
    p50_milliseconds: float
    p99_milliseconds: float
    found: str
    ratio: float


def ask(town: Collectivite, *, now: datetime, times: int = TIMES) -> list[SearchFigure]:
    """The page of each kind of search: what was typed understood, fifty rows, their sums, the count and the totals."""
    with tenant(town):
        products = {product.slug: product for product in Product.objects.of(town)}
        newest = Titre.objects.of(town).order_by("-created_at", "-pk")[0]
        middle = Titre.objects.of(town).order_by("-created_at", "-pk")[TITRES // 2]
        name = Debtor.objects.of(town).filter(titre=middle).values_list("name", flat=True)[0].split()[0]
    year, month = middle.issued_on.replace(month=1, day=1), middle.issued_on.replace(day=1)
    alone = _percentiles(lambda: _one(town, middle.pk), times)
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "tout": ("", {}),
        "numéro exact": (newest.number, {}),
        "numéro sans ses zéros": (newest.number.lstrip("0"), {}),
        "fin de numéro (412)": ("412", {}),
        "montant (12,50)": ("12,50", {}),
        "nom rare": (name, {}),
        "nom fréquent et prénom": ("girard zoe", {}),
        "nom fréquent (girard)": ("girard", {}),
        "nom mal écrit": (name[:2] + name[3:], {}),
        "nom que personne n’a": ("zzyzx", {}),
        "échues": ("", {"stands": Group.OVERDUE}),
        "payées en partie": ("", {"stands": Group.PARTLY_PAID}),
        "suspendues": ("", {"stands": Situation.SUSPENDED}),
        "état que rien n’a": ("", {"stands": Situation.TRANSFERRED}),
        "un produit": ("", {"product_id": products["eau"].pk}),
        "émises un mois": ("", {"issued": (month, middle.issued_on)}),
        "à payer avant un jour, d’un produit": ("", {"due": (year, year), "product_id": products["eau"].pk}),
        "nom fréquent, produit et état": (
            "girard", {"product_id": products["eau"].pk, "stands": Situation.SUSPENDED}
        ),
    }  # fmt: skip
    figures = []
    for what, (text, filters) in asked.items():
        count, _ = _page(town, text, filters, now=now)
        p50, p99 = _percentiles(partial(_page, town, text, filters, now=now), times)
        found = f"plus de {MOST_COUNTED}" if count is None else str(count)
        figures.append(
            SearchFigure(what=what, p50_milliseconds=p50, p99_milliseconds=p99, found=found, ratio=p50 / alone[0])
        )
    return [
        SearchFigure(
            what="une ligne par sa clé", p50_milliseconds=alone[0], p99_milliseconds=alone[1], found="1", ratio=1.0
        ),
        *figures,
    ]


def _one(town: Collectivite, key: int) -> None:
    with tenant(town):
        Titre.objects.of(town).get(pk=key)


def _page(town: Collectivite, text: str, filters: dict[str, Any], *, now: datetime) -> tuple[int | None, int]:
    with tenant(town):
        plan_for_the_values_asked()
        where = search(text, collectivite=town).where if text else None
        found = selected_titres(collectivite=town, selection=Selection(where=where, **filters), now=now)
        shown, older, _ = page_of_titres(found, collectivite=town)
        sums_of(shown, collectivite=town)
        keys = keys_of(found) if older else [titre.pk for titre in shown]
        if keys is not None:
            totals_of_keys(keys, collectivite=town)
    return None if keys is None else len(keys), len(shown)


def _percentiles(act: Callable[[], object], times: int) -> tuple[float, float]:
    took = []
    for _ in range(times + 1):  # the first is a warm-up
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1000)
    took = sorted(took[1:])
    return statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.99))]


def table(figures: Sequence[SearchFigure], *, titres: int) -> str:
    """In Markdown."""
    return "\n".join(
        [
            f"| recherche parmi {titres} factures | trouvées | p50 ms | p99 ms | / une ligne par sa clé |",
            "|---|---:|---:|---:|---:|",
            *(
                f"| {one.what} | {one.found} | {one.p50_milliseconds:.1f} | {one.p99_milliseconds:.1f} |"
                f" {one.ratio:.0f} |"
                for one in figures
            ),
        ]
    )


def measure(to: Connections, *, say: Callable[[str], object], titres: int = TITRES) -> str:
    """Fill, ask, and give the table."""
    now = datetime.now(UTC)
    say(f"{titres} factures…")
    fill(to, now=now, titres=titres)
    say("recherches…")
    figures = ask(Collectivite.objects.get(slug=f"{MARK}-0"), now=now)
    connections.close_all()
    return table(figures, titres=titres)


def _as(role: str, to: Connections) -> dict[str, Any]:
    return {"host": str(to.socket_folder), "user": role, "password": to.passwords[role], "dbname": DATABASE}
