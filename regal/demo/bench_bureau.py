"""The bureau's lists at a million payments in one town, among a thousand other towns: `bench.py`'s second part."""

# Written by SQL: no gateway could hand so many off. The constraints hold; `regal verify` would not pass, because these
# rows have neither events, messages nor journal entries, and share one piece of evidence per town.
FILL = """
INSERT INTO collectivites_collectivite (slug, name, site_url, contact)
    SELECT 'ville-' || n, 'Ville ' || n, '', '' FROM generate_series(1, %(towns)s) n;
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
