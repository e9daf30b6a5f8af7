-- Opening an older database rebuilds the tables whose definition changed (store.py): a column added here needs a default.

CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS clients (
    numcli TEXT PRIMARY KEY,
    value TEXT NOT NULL  -- JSON, see clients.py
) STRICT;

CREATE TABLE IF NOT EXISTS debts (
    numcli TEXT NOT NULL,
    refdet TEXT NOT NULL,
    exer TEXT NOT NULL,
    montant INTEGER NOT NULL CHECK (montant > 0),  -- cents
    label TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'paid', 'cancelled')),
    taken_in_charge_on TEXT NOT NULL,
    amicable_until TEXT,
    paid_by INTEGER REFERENCES transactions (id),
    PRIMARY KEY (numcli, refdet)
) STRICT;

CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    numcli TEXT NOT NULL,
    exer TEXT NOT NULL,
    refdet TEXT NOT NULL,
    objet TEXT NOT NULL,
    montant INTEGER NOT NULL CHECK (montant > 0),
    mel TEXT NOT NULL,
    urlcl TEXT NOT NULL,
    saisie TEXT NOT NULL,
    on_debt INTEGER NOT NULL CHECK (on_debt IN (0, 1)),  -- 0: a reserved test reference, or a free one
    entry TEXT NOT NULL DEFAULT 'form' CHECK (entry IN ('form', 'portal', 'service')),
    means TEXT NOT NULL DEFAULT 'card' CHECK (means IN ('', 'card', 'direct_debit', 'transfer')),  -- empty: not chosen yet
    state TEXT NOT NULL CHECK (state IN ('created', 'recap', 'means', 'card', 'secure', 'sign_in', 'mandate', 'transfer',
                                         'paid', 'refused', 'abandoned', 'stopped')),
    opened_at TEXT NOT NULL,
    decided_at TEXT,
    numauto TEXT NOT NULL DEFAULT '',
    stopped_by TEXT,  -- the rule that was broken between opening and paying
    letter TEXT NOT NULL DEFAULT '',  -- `resultrans`, where the settings choose it
    idop TEXT UNIQUE,  -- of the web service; NULL: form mode
    idop_ms INTEGER UNIQUE,  -- the millisecond that the idOp bears
    urlredirect TEXT NOT NULL DEFAULT '',
    entered_at TEXT  -- when the payer last opened `paiementws.web`
) STRICT;

-- What became of the payments of the web service: an abandon may be followed by one more outcome.
CREATE TABLE IF NOT EXISTS outcomes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    resultrans TEXT NOT NULL,
    numauto TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    known_at TEXT NOT NULL  -- from when the service tells it
) STRICT;
CREATE INDEX IF NOT EXISTS outcomes_of ON outcomes (transaction_id);

-- One online payment for one debt, whatever the code above believes.
CREATE UNIQUE INDEX IF NOT EXISTS one_payment_per_debt
    ON transactions (numcli, refdet) WHERE state = 'paid' AND on_debt = 1;

CREATE TABLE IF NOT EXISTS notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    cause TEXT NOT NULL CHECK (cause IN ('outcome', 'duplicate', 'resend')),
    url TEXT NOT NULL,
    fields TEXT NOT NULL,
    transport TEXT NOT NULL CHECK (transport IN ('body', 'query', 'both')),
    due_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'answered', 'failed', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0,  -- 1: until a later notification has been tried
    dropped_by TEXT CHECK (dropped_by IN ('fault', 'hand'))  -- NULL: it was not
) STRICT;
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (due_at) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS notification_attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    notification_id INTEGER NOT NULL REFERENCES notifications (id),
    started_at TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    status INTEGER,
    body TEXT NOT NULL,
    error TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS outgoing_mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    transaction_id INTEGER NOT NULL REFERENCES transactions (id),
    recipient TEXT NOT NULL,
    raw BLOB NOT NULL,
    due_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed')),
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outgoing_mails_due ON outgoing_mails (due_at) WHERE state = 'pending';

CREATE TABLE IF NOT EXISTS mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    raw BLOB NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    value TEXT NOT NULL,  -- JSON, see faults.py
    remaining INTEGER  -- NULL: standing
) STRICT;

CREATE TABLE IF NOT EXISTS refusals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    rule TEXT NOT NULL,
    code TEXT NOT NULL,
    entry TEXT NOT NULL DEFAULT 'form' CHECK (entry IN ('form', 'portal', 'service')),
    parameters TEXT NOT NULL
) STRICT;

-- The journal: what came in and what went out, the newest kept.
CREATE TABLE IF NOT EXISTS exchanges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,  -- see journal.py
    numcli TEXT NOT NULL,
    transaction_id INTEGER,
    told TEXT NOT NULL  -- JSON
) STRICT;

CREATE TABLE IF NOT EXISTS towns (position INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT;
