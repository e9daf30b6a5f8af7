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
    transaction_id INTEGER REFERENCES transactions (id),
    payment_id INTEGER REFERENCES paybox_payments (id),  -- of Paybox; neither: a file of the night
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

-- Each time that a rule disturbed something. Never trimmed: it is how many faults there really were.
CREATE TABLE IF NOT EXISTS fault_uses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    fault INTEGER NOT NULL,  -- the rule's number; it may be gone
    value TEXT NOT NULL  -- the rule as it is told, JSON
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
    payment_id INTEGER,  -- of Paybox, whose merchant's key stands in `numcli`
    told TEXT NOT NULL  -- JSON
) STRICT;

CREATE TABLE IF NOT EXISTS towns (position INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT;

-- Paybox. A merchant's key is SITE-RANK-IDENTIFIER, its rank with two digits at least.
CREATE TABLE IF NOT EXISTS paybox_merchants (
    key TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    rank INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    value TEXT NOT NULL  -- JSON, see paybox_merchants.py
) STRICT;

-- The last number given, by what it numbers: calls (T), transactions (S), remises.
CREATE TABLE IF NOT EXISTS paybox_numbers (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;

-- One request that was accepted: a payer's session on the card page.
CREATE TABLE IF NOT EXISTS paybox_payments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    merchant TEXT NOT NULL,  -- its key
    reference TEXT NOT NULL,  -- PBX_CMD
    amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0),
    fields TEXT NOT NULL,  -- JSON: pairs of name and value, decoded, in the order received
    raw TEXT NOT NULL,  -- the request as received: a body, or a query string
    entry TEXT NOT NULL,  -- its path
    backup INTEGER NOT NULL DEFAULT 0 CHECK (backup IN (0, 1)),  -- 1: at the second host
    state TEXT NOT NULL CHECK (state IN ('arrived', 'choice', 'card', 'secure',
                                         'paid', 'pending', 'refused', 'abandoned', 'expired')),
    call INTEGER NOT NULL,  -- T of a cancel, and of what ends without a try
    means TEXT NOT NULL DEFAULT '',  -- PBX_TYPECARTE, or the choice made
    card TEXT NOT NULL DEFAULT '{}',  -- JSON: what is kept of the card while the bank is asked
    forced_code TEXT NOT NULL DEFAULT '',  -- E of every try from now on; empty: as the card has it
    code TEXT NOT NULL DEFAULT '',  -- E at the end
    started_at TEXT NOT NULL,
    ended_at TEXT,
    returned_at TEXT  -- when the browser was sent back, where we see it
) STRICT;
CREATE INDEX IF NOT EXISTS paybox_payments_of ON paybox_payments (merchant, reference);

-- One attempt with a card. What becomes of its money afterwards is written here too.
CREATE TABLE IF NOT EXISTS paybox_tries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id INTEGER NOT NULL REFERENCES paybox_payments (id),
    call INTEGER NOT NULL UNIQUE,  -- numappel, T
    trans INTEGER NOT NULL,  -- numtrans, S; 0: no transaction was made
    code TEXT NOT NULL,  -- E, 99999 while pending
    authorisation TEXT NOT NULL DEFAULT '',  -- A; empty: none
    amount_cents INTEGER NOT NULL,
    card TEXT NOT NULL,  -- JSON: type, bin, last4, expiry (AAMM), countries, what 3-D Secure said; see paybox_cards.py
    at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('refused', 'pending', 'authorised', 'captured', 'cancelled', 'refunded')),
    concludes_at TEXT,  -- of a pending one: when its final code is known
    concludes_with TEXT NOT NULL DEFAULT '',  -- that code
    capture_on TEXT,  -- the Paris day of its capture (PBX_DIFF); NULL: at once, or on demand (PBX_AUTOSEULE)
    captured_cents INTEGER NOT NULL DEFAULT 0,
    captured_at TEXT,
    refunded_cents INTEGER NOT NULL DEFAULT 0,
    remise INTEGER  -- the number of the nightly settlement; NULL: not settled
) STRICT;
CREATE INDEX IF NOT EXISTS paybox_tries_of ON paybox_tries (payment_id);
CREATE UNIQUE INDEX IF NOT EXISTS paybox_trans ON paybox_tries (trans) WHERE trans > 0;

-- What was given back, or credited to a card without a debit.
CREATE TABLE IF NOT EXISTS paybox_credits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    try_id INTEGER REFERENCES paybox_tries (id),  -- NULL: no debit
    merchant TEXT NOT NULL,  -- its key
    reference TEXT NOT NULL,
    call INTEGER NOT NULL,  -- that of the debit
    trans INTEGER NOT NULL UNIQUE,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    card TEXT NOT NULL,  -- JSON, as that of a try
    at TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('direct', 'desk')),
    status TEXT NOT NULL CHECK (status IN ('captured', 'cancelled')),
    remise INTEGER
) STRICT;

-- The settlements of the night, one for each site and rank; what each took is told by `remise` of the operations.
CREATE TABLE IF NOT EXISTS paybox_remises (
    number INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    rank INTEGER NOT NULL,
    closed_at TEXT NOT NULL
) STRICT;

-- Questions to Paybox Direct, with what was answered.
CREATE TABLE IF NOT EXISTS paybox_questions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    merchant TEXT NOT NULL,  -- its key; empty: nobody who has the right
    type TEXT NOT NULL,
    number TEXT NOT NULL,
    used_on TEXT,  -- the Paris day on which this number is used; NULL: the question went no further than its frame
    code TEXT NOT NULL,
    trans INTEGER NOT NULL,
    asked TEXT NOT NULL,  -- JSON, without what is secret
    answered TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS paybox_questions_of ON paybox_questions (used_on, merchant);

-- Direct Plus: what stands for a card from its inscription on.
CREATE TABLE IF NOT EXISTS paybox_subscribers (
    site TEXT NOT NULL,
    rank INTEGER NOT NULL,
    name TEXT NOT NULL,  -- REFABONNE
    token TEXT NOT NULL,  -- PORTEUR from then on
    card TEXT NOT NULL,  -- JSON, as that of a try
    PRIMARY KEY (site, rank, name)
) STRICT;

-- Calls to a merchant's site: one try each, and no second one.
CREATE TABLE IF NOT EXISTS paybox_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_id INTEGER NOT NULL REFERENCES paybox_payments (id),
    try_id INTEGER REFERENCES paybox_tries (id),
    cause TEXT NOT NULL CHECK (cause IN ('try', 'conclusion', 'duplicate', 'foreign', 'replay')),
    method TEXT NOT NULL CHECK (method IN ('GET', 'POST')),
    url TEXT NOT NULL,  -- of the merchant, without our variables
    variables TEXT NOT NULL,  -- as they travel, the signature last: in the address, or in the body
    signed TEXT NOT NULL,  -- what the signature covers; empty: not signed
    fault TEXT NOT NULL DEFAULT '',  -- what was done to it on purpose
    due_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'pending', 'answered', 'failed', 'dropped')),  -- held: until the return
    tries INTEGER NOT NULL DEFAULT 0,
    started_at TEXT,
    duration_ms INTEGER,
    status INTEGER,
    answer TEXT NOT NULL DEFAULT '',
    error TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS paybox_messages_due ON paybox_messages (due_at) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS paybox_messages_of ON paybox_messages (payment_id);
