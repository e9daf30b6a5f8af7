"""The statements of imports: each takes all the lines of a batch, or of an import, at once.

COPY is refused under row-level security. A column of a batch therefore travels as one text, cut by the server: cheaper
than an array, which the driver would quote item by item.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from regal.lib.money import Money
from regal.titres.import_judging import COLUMNS, Row
from regal.titres.models import Import, ImportSource

MANY = 2_000  # fewer lines than that are looked up one by one
_CUT, _NULL = "\x1f", "\x1e"
_STRAY = str.maketrans("", "", "\x00\x1e\x1f")


def _column(name: str, kind: str) -> str:
    """A text is never null here: one row's only empty text would come as none."""
    return f"coalesce(u.{name}, '')" if kind == "text" else f"u.{name}::{kind}"


_INSERT_LINES = (
    f"INSERT INTO titres_importline (collectivite_id, of_import_id, {', '.join(COLUMNS)})"  # noqa: S608 - our own text
    " SELECT %s, %s, "
    + ", ".join(_column(name, kind) for name, kind in COLUMNS.items())
    + " FROM unnest("
    + ", ".join(["string_to_array(%s, E'\\x1f', E'\\x1e')"] * len(COLUMNS))
    + f") AS u({', '.join(COLUMNS)})"
)


def insert_lines(*, import_: Import, rows: Sequence[Row]) -> None:
    """Add a batch to the report."""
    columns = [_as_text(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_LINES, [import_.collectivite_id, import_.pk, *columns])


def _as_text(column: tuple[str | None, ...]) -> str:
    try:
        text = _CUT.join(column)  # type: ignore[arg-type]  # a None raises
    except TypeError:
        text = _CUT.join(_NULL if one is None else _clean(one) for one in column)
    else:
        if _NULL in text or "\x00" in text or text.count(_CUT) != len(column) - 1:
            text = _CUT.join(_clean(one or "") for one in column)
    return text


def _clean(text: str) -> str:
    return text.translate(_STRAY)


def _run(statement: str, values: Mapping[str, Any], *, lines: int = MANY) -> int:
    """How many rows a statement wrote. `lines`: of the import that it goes through.

    Nobody has counted the rows that this import has just added, so PostgreSQL takes them for a few and would look each
    of a million up in a list of a million; of many, it must sort or hash instead.
    """
    with connection.cursor() as cursor:
        if lines >= MANY:
            cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(statement, values)
        written = int(cursor.rowcount)
        if lines >= MANY:
            cursor.execute("SET LOCAL enable_nestloop = on")
    return written


def _ask(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _values(import_: Import, source: ImportSource, now: datetime) -> dict[str, Any]:
    return {
        "c": import_.collectivite_id,
        "i": import_.pk,
        "whose": source.regie_id if source.regie_id is not None else source.budget_id,
        "now": now,
    }


def _whose(source: ImportSource) -> str:
    return "regie_id" if source.regie_id is not None else "budget_id"


def _error(code: str, value: str = "") -> str:
    """SQL of a line's troubles with one more."""
    said = f", 'said', jsonb_build_object('value', {value})" if value else ""
    return f"coalesce(l.troubles, '[]') || jsonb_build_object('code', '{code}', 'weight', 'error'{said})"


_LINES = "l.collectivite_id = %(c)s AND l.of_import_id = %(i)s"

_SAME_KEY = f"""
UPDATE titres_importline l SET verdict = 'error', troubles = {_error("L314")}
FROM (SELECT document_kind, exercice, titre_number, titre_line FROM titres_importline l
    WHERE {_LINES} AND verdict = 'new' GROUP BY 1, 2, 3, 4 HAVING count(*) > 1) AS twice
WHERE {_LINES} AND l.verdict = 'new' AND (l.document_kind, l.exercice, l.titre_number, l.titre_line)
    = (twice.document_kind, twice.exercice, twice.titre_number, twice.titre_line)"""  # noqa: S608 - our own text

_SAME_REFERENCE = f"""
UPDATE titres_importline l SET verdict = 'error', troubles = {_error("L315", "l.reference")}
FROM (SELECT reference FROM titres_importline l
    WHERE {_LINES} AND verdict = 'new' GROUP BY 1 HAVING count(*) > 1) AS twice
WHERE {_LINES} AND l.verdict = 'new' AND l.reference = twice.reference"""  # noqa: S608 - our own text

_SAME_PIECE = f"""
UPDATE titres_importline l SET verdict = 'error', troubles = {_error("L314")}
FROM (SELECT piece FROM titres_importline l
    WHERE {_LINES} AND verdict = 'reduces' GROUP BY 1 HAVING count(*) > 1) AS twice
WHERE {_LINES} AND l.verdict = 'reduces' AND l.piece = twice.piece"""  # noqa: S608 - our own text


def refuse_twice(*, import_: Import) -> None:
    """Two lines that would be the same debt, or that nobody could tell apart when paying: both are wrong."""
    values = {"c": import_.collectivite_id, "i": import_.pk}
    for statement in (_SAME_KEY, _SAME_REFERENCE, _SAME_PIECE):
        _run(statement, values)


# What is due of a titre, and what files said of it last: what people reduced since makes no file's amount differ.
# A titre that several lines concern must keep something due after all of them.
_COMPARE = """
WITH found AS (
    SELECT l.id AS line_id, l.verdict AS was, l.titre_id AS had, l.piece <> '' AS is_reduction,
        l.amount_cents AS filed, t.id AS titre_id, t.status, t.paid_at IS NOT NULL AS is_paid,
        coalesce(t.held_until > %(now)s, false) AS is_held, t.product_id IS DISTINCT FROM l.product_id AS other_product,
        t.label <> l.label OR t.due_on IS DISTINCT FROM l.due_on AS other_words,
        t.amount_cents + j.restated AS said, t.amount_cents + j.adjusted AS due, j.applied,
        p.min_amount_cents AS least, p.max_amount_cents AS most
    FROM titres_importline l
    JOIN titres_titre t ON t.collectivite_id = %(c)s AND t.{whose} = %(whose)s
        AND t.document_kind = l.document_kind AND t.exercice = l.exercice AND t.number = l.titre_number
        AND t.line = l.titre_line AND t.status <> 'withdrawn'{known}
    JOIN collectivites_product p ON p.collectivite_id = %(c)s AND p.id = t.product_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.cents), 0)::bigint AS adjusted,
            coalesce(sum(s.cents) FILTER (WHERE s.origin_id IS NOT NULL AND s.piece = ''), 0)::bigint AS restated,
            coalesce(sum(s.cents) FILTER (WHERE s.piece = l.piece AND l.piece <> ''), 0)::bigint AS applied
        FROM (SELECT origin_id, piece, CASE direction WHEN 'increase' THEN amount_cents ELSE -amount_cents END AS cents
            FROM titres_adjustment a WHERE a.collectivite_id = %(c)s AND a.titre_id = t.id) AS s) AS j
    WHERE l.collectivite_id = %(c)s AND l.of_import_id = %(i)s AND l.verdict = ANY (%(verdicts)s::text[])
), judged AS (
    SELECT *, CASE
        WHEN is_reduction AND (applied <> 0 OR status = 'cancelled') THEN 'unchanged'
        WHEN NOT is_reduction AND other_product THEN 'L325'
        WHEN NOT is_reduction AND said = filed THEN CASE WHEN other_words THEN 'L324' ELSE 'unchanged' END
        WHEN was = 'new' AND %(is_written)s THEN 'L328'
        WHEN status NOT IN ('draft', 'open', 'suspended') THEN 'L322'
        WHEN is_paid THEN 'L320'
        WHEN is_held THEN 'L321'
        WHEN is_reduction AND filed > due OR NOT is_reduction AND due + filed - said NOT BETWEEN 1 AND 999999999
            THEN 'L327'
        WHEN NOT is_reduction AND due + filed - said NOT BETWEEN coalesce(least, 1) AND coalesce(most, 999999999)
            THEN 'L306'
        ELSE 'ok' END AS finding,
        CASE WHEN is_reduction THEN -filed ELSE filed - said END AS change
    FROM found
), together AS (
    SELECT *, sum(change) FILTER (WHERE finding = 'ok') OVER of_titre AS changes,
        count(*) FILTER (WHERE finding = 'ok') OVER of_titre AS lines
    FROM judged WINDOW of_titre AS (PARTITION BY titre_id)
), said AS (
    SELECT line_id, titre_id, was, had, finding = 'L324' AS is_warned, status, filed, least, most, is_reduction,
        CASE WHEN finding = 'ok' AND lines > 1 AND due + changes <= 0 THEN 'L327' ELSE finding END AS finding
    FROM together
)
UPDATE titres_importline l SET titre_id = s.titre_id,
    verdict = CASE WHEN s.finding IN ('unchanged', 'L324') THEN 'unchanged'
        WHEN s.finding <> 'ok' THEN 'conflict' WHEN s.is_reduction THEN 'reduces' ELSE 'changed' END,
    troubles = CASE WHEN s.finding IN ('unchanged', 'ok') THEN l.troubles
        ELSE coalesce(l.troubles, '[]') || jsonb_build_object('code', s.finding,
            'weight', CASE WHEN s.finding = 'L324' THEN 'notice' ELSE 'error' END,
            'said', jsonb_build_object('state', s.status, 'cents', s.filed, 'least', s.least, 'most', s.most)) END
FROM said s
WHERE l.id = s.line_id AND (s.finding NOT IN ('unchanged', 'ok')
    OR l.titre_id IS DISTINCT FROM s.titre_id
    OR l.verdict <> CASE WHEN s.finding = 'unchanged' THEN 'unchanged' WHEN s.is_reduction THEN 'reduces'
        ELSE 'changed' END)"""

_TAKEN_REFERENCE = """
UPDATE titres_importline l SET verdict = 'error', titre_id = r.id, troubles = {error}
FROM titres_titre r
WHERE r.collectivite_id = %(c)s AND r.{whose} = %(whose)s AND r.reference = l.reference AND r.status <> 'withdrawn'
    AND l.collectivite_id = %(c)s AND l.of_import_id = %(i)s AND l.verdict = 'new'"""

_ZEROS = """
UPDATE titres_importline l SET verdict = 'error', titre_id = t.id, troubles = {error}
FROM titres_titre t
WHERE t.collectivite_id = %(c)s AND t.{whose} = %(whose)s AND t.document_kind = l.document_kind
    AND t.exercice = l.exercice AND t.line = l.titre_line AND t.number <> l.titre_number AND t.status <> 'withdrawn'
    AND ltrim(t.number, '0') = ltrim(l.titre_number, '0')
    AND l.collectivite_id = %(c)s AND l.of_import_id = %(i)s AND l.verdict = 'new'"""

_UNMATCHED = f"""
UPDATE titres_importline l SET verdict = 'left_out', troubles = coalesce(l.troubles, '[]')
    || jsonb_build_object('code', 'L326', 'weight', 'warning', 'said', jsonb_build_object('value', l.titre_number))
WHERE {_LINES} AND l.verdict = 'reduces' AND l.titre_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM titres_importline n WHERE n.collectivite_id = %(c)s AND n.of_import_id = %(i)s AND n.verdict = 'new'
        AND (n.document_kind, n.exercice, n.titre_number, n.titre_line)
            = (l.document_kind, l.exercice, l.titre_number, l.titre_line))"""  # noqa: S608 - our own text

_TOUCHED = f"""
UPDATE titres_importline l SET verdict = 'conflict',
    troubles = coalesce(l.troubles, '[]') || jsonb_build_object('code', %(code)s::text, 'weight', 'error')
WHERE {_LINES} AND l.verdict IN ('changed', 'reduces') AND l.titre_id = ANY (%(titres)s::bigint[])"""  # noqa: S608


_GONE = f"""
UPDATE titres_importline l SET verdict = 'conflict', troubles = {_error("L329")}
WHERE {_LINES} AND l.verdict IN ('changed', 'reduces') AND l.titre_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM titres_titre t WHERE t.collectivite_id = %(c)s AND t.id = l.titre_id AND t.status <> 'withdrawn'
        AND (t.document_kind, t.exercice, t.number, t.line)
            = (l.document_kind, l.exercice, l.titre_number, l.titre_line))"""  # noqa: S608 - our own text


def refuse_gone(*, import_: Import) -> None:
    """What would change a titre that was withdrawn, or bears another number by now, is a conflict."""
    _run(_GONE, {"c": import_.collectivite_id, "i": import_.pk})


def compare(*, import_: Import, source: ImportSource, now: datetime, is_written: bool = False) -> None:
    """Say of every line what it would do to the base, but for what payments know: `refuse_touched`.

    `is_written`: what the report called new, and the base has since with another amount, nobody agreed to change.
    """
    values = _values(import_, source, now) | {"is_written": is_written}
    whose, lines = _whose(source), import_.lines_read
    _run(_COMPARE.format(whose=whose, known=""), values | {"verdicts": ["new", "changed", "reduces"]}, lines=lines)
    _run(_TAKEN_REFERENCE.format(whose=whose, error=_error("L313", "l.reference")), values, lines=lines)
    if source.options.get("numbers_without_zeros", "refuse") == "refuse" and _some_zeros(values, whose):
        # No index knows a number without its zeros: once through all of them.
        _run(_ZEROS.format(whose=whose, error=_error("L316", "t.number")), values)


def compare_again(*, import_: Import, source: ImportSource, now: datetime) -> None:
    """Of what changes titres: those of the same file are written now, or others were locked since.

    No others are looked at: they could not be locked any more in the order in which everybody locks them.
    """
    known = " AND (t.id = l.titre_id OR t.origin_id = %(i)s)"
    values = _values(import_, source, now) | {"is_written": True, "verdicts": ["changed", "reduces"]}
    _run(_COMPARE.format(whose=_whose(source), known=known), values, lines=import_.lines_read)


def _some_zeros(values: Mapping[str, Any], whose: str) -> bool:
    """Whether a number begins with 0, here or there; only then may two be the same but for that."""
    here = "titres_importline l WHERE l.collectivite_id = %(c)s AND l.of_import_id = %(i)s AND l.titre_number"
    there = f"titres_titre t WHERE t.collectivite_id = %(c)s AND t.{whose} = %(whose)s AND t.number"
    question = f"SELECT EXISTS (SELECT 1 FROM {here} LIKE '0%%') OR EXISTS (SELECT 1 FROM {there} LIKE '0%%')"  # noqa: S608
    rows = _ask(question, values)
    return bool(rows[0][0])


def leave_out_unmatched(*, import_: Import) -> None:
    """Reductions of what is neither in the base nor in the file are shown, and left out."""
    _run(_UNMATCHED, {"c": import_.collectivite_id, "i": import_.pk})


def touched_titres(*, import_: Import) -> list[int]:
    """The titres that lines of an import would change, in the order in which everybody locks them."""
    rows = _ask(
        "SELECT DISTINCT titre_id FROM titres_importline WHERE collectivite_id = %(c)s AND of_import_id = %(i)s"
        " AND verdict IN ('changed', 'reduces') AND titre_id IS NOT NULL ORDER BY 1",
        {"c": import_.collectivite_id, "i": import_.pk},
    )
    return [row[0] for row in rows]


def refuse_touched(*, import_: Import, titre_ids: Sequence[int], code: str) -> None:
    """What would change a titre that was paid in part, or is being paid, is a conflict: `code` says which."""
    values = {"c": import_.collectivite_id, "i": import_.pk, "titres": list(titre_ids), "code": code}
    _run(_TOUCHED, values)


def tally(*, import_: Import) -> tuple[dict[str, int], Money]:
    """The lines by verdict, with how many are warned of; and the total of what is new."""
    rows = _ask(
        'SELECT verdict, count(*), count(*) FILTER (WHERE troubles @> \'[{"weight": "warning"}]\'),'
        " coalesce(sum(amount_cents) FILTER (WHERE verdict = 'new'), 0)::bigint"
        " FROM titres_importline WHERE collectivite_id = %(c)s AND of_import_id = %(i)s GROUP BY verdict",
        {"c": import_.collectivite_id, "i": import_.pk},
    )
    counts = {row[0]: row[1] for row in rows} | {"warnings": sum(row[2] for row in rows)}
    return counts, Money(sum(row[3] for row in rows))


_NEW_TITRES = """
INSERT INTO titres_titre (collectivite_id, collector, regie_id, budget_id, product_id, document_kind, exercice, number,
    line, reference, label, issued_on, due_on, amount_cents, status, batch, origin_id, origin_line, created_at)
SELECT %(c)s, %(collector)s, %(regie)s, %(budget)s, l.product_id, l.document_kind, l.exercice, l.titre_number,
    l.titre_line, l.reference, l.label, l.issued_on, l.due_on, l.amount_cents, %(status)s, l.batch, %(i)s, l.number,
    %(now)s
FROM titres_importline l
WHERE l.collectivite_id = %(c)s AND l.of_import_id = %(i)s AND l.verdict = 'new' ORDER BY l.number"""

_NEW_DEBTORS = """
INSERT INTO titres_debtor (collectivite_id, titre_id, name, reference, email, address, postcode, city, siret, others)
SELECT %(c)s, t.id, l.debtor_name, l.debtor_reference, l.debtor_email,
    CASE l.debtor_address WHEN '' THEN '[]' ELSE to_jsonb(string_to_array(l.debtor_address, E'\\n')) END,
    l.debtor_postcode, l.debtor_city, l.debtor_siret, l.debtor_others
FROM titres_titre t JOIN titres_importline l ON l.collectivite_id = %(c)s AND l.of_import_id = %(i)s
    AND l.number = t.origin_line
WHERE t.collectivite_id = %(c)s AND t.origin_id = %(i)s AND l.debtor_name <> ''"""

_NEW_EVENTS = """
INSERT INTO titres_titreevent (collectivite_id, titre_id, number, event, from_state, to_state, reason, by_id,
    recorded_at)
SELECT %(c)s, t.id, 1, %(event)s, '', %(status)s, '', %(by)s, %(now)s
FROM titres_titre t WHERE t.collectivite_id = %(c)s AND t.origin_id = %(i)s"""

# What is changed, in the file's order; reduced to nothing, a titre is cancelled.
_CHANGES = """
WITH changes AS (
    SELECT l.number, l.piece, l.titre_id, t.status,
        CASE WHEN l.piece <> '' THEN -l.amount_cents ELSE l.amount_cents - t.amount_cents - j.restated END AS cents,
        t.amount_cents + j.adjusted AS due
    FROM titres_importline l JOIN titres_titre t ON t.collectivite_id = %(c)s AND t.id = l.titre_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(s.cents), 0)::bigint AS adjusted,
            coalesce(sum(s.cents) FILTER (WHERE s.origin_id IS NOT NULL AND s.piece = ''), 0)::bigint AS restated
        FROM (SELECT origin_id, piece, CASE direction WHEN 'increase' THEN amount_cents ELSE -amount_cents END AS cents
            FROM titres_adjustment a WHERE a.collectivite_id = %(c)s AND a.titre_id = t.id) AS s) AS j
    WHERE l.collectivite_id = %(c)s AND l.of_import_id = %(i)s AND l.verdict IN ('changed', 'reduces')
), cancelled AS (
    UPDATE titres_titre t SET status = 'cancelled' FROM changes c
    WHERE t.collectivite_id = %(c)s AND t.id = c.titre_id AND c.due + c.cents = 0 RETURNING t.id
), made AS (
    INSERT INTO titres_adjustment (collectivite_id, titre_id, direction, amount_cents, reason, made_by_id, made_at,
        origin_id, piece)
    SELECT %(c)s, titre_id, CASE WHEN cents > 0 THEN 'increase' ELSE 'decrease' END, abs(cents), %(reason)s, %(by)s,
        %(now)s, %(i)s, piece
    FROM changes WHERE due + cents > 0 AND cents <> 0 ORDER BY number RETURNING id, titre_id
)
INSERT INTO titres_titreevent (collectivite_id, titre_id, number, event, from_state, to_state, adjustment_id, reason,
    by_id, recorded_at)
SELECT %(c)s, e.titre_id, row_number() OVER (PARTITION BY e.titre_id ORDER BY e.adjustment_id)
        + (SELECT count(*) FROM titres_titreevent n WHERE n.collectivite_id = %(c)s AND n.titre_id = e.titre_id),
    e.event, t.status, CASE e.event WHEN 'cancelled' THEN 'cancelled' ELSE t.status END, e.adjustment_id, %(reason)s,
    %(by)s, %(now)s
FROM (SELECT id AS adjustment_id, titre_id, 'adjusted' AS event FROM made
    UNION ALL SELECT NULL, id, 'cancelled' FROM cancelled) AS e
JOIN titres_titre t ON t.collectivite_id = %(c)s AND t.id = e.titre_id"""


def write_new(*, import_: Import, source: ImportSource, now: datetime, actor_id: int | None) -> int:
    """Create every titre that is new, with its debtor and its first event; how many."""
    values = _values(import_, source, now) | {
        "collector": source.collector,
        "regie": source.regie_id,
        "budget": source.budget_id,
        "status": "draft" if source.as_drafts else "open",
        "event": "recorded" if source.as_drafts else "imported",
        "by": actor_id,
    }
    created = _run(_NEW_TITRES, values)
    if created >= MANY:  # each of what follows points to one of them: `migrations/0014`
        _ask("SELECT regal_count_titres()", {})
    _run(_NEW_DEBTORS, values, lines=import_.lines_read)
    _run(_NEW_EVENTS, values)
    return created


def write_changes(*, import_: Import, source: ImportSource, reason: str, now: datetime, actor_id: int | None) -> int:
    """Adjust every titre that is changed or reduced; the caller has locked them. How many steps they took."""
    return _run(_CHANGES, _values(import_, source, now) | {"by": actor_id, "reason": reason})


_WITHDRAW = """
WITH gone AS (
    SELECT id, status FROM titres_titre WHERE collectivite_id = %(c)s AND origin_id = %(i)s AND status <> 'withdrawn'
), events AS (
    INSERT INTO titres_titreevent (collectivite_id, titre_id, number, event, from_state, to_state, reason, by_id,
        recorded_at)
    SELECT %(c)s, g.id, 1 + (SELECT count(*) FROM titres_titreevent n WHERE n.collectivite_id = %(c)s
        AND n.titre_id = g.id), 'withdrawn', g.status, 'withdrawn', '', %(by)s, %(now)s
    FROM gone g
)
UPDATE titres_titre t SET status = 'withdrawn' FROM gone g WHERE t.collectivite_id = %(c)s AND t.id = g.id"""

_BACK = """
WITH back AS (
    SELECT a.titre_id, a.piece, sum(CASE a.direction WHEN 'increase' THEN -a.amount_cents ELSE a.amount_cents END)
        ::bigint AS cents
    FROM titres_adjustment a JOIN titres_titre t ON t.collectivite_id = %(c)s AND t.id = a.titre_id
        AND t.origin_id IS DISTINCT FROM %(i)s
    WHERE a.collectivite_id = %(c)s AND a.origin_id = %(i)s GROUP BY 1, 2
), made AS (
    INSERT INTO titres_adjustment (collectivite_id, titre_id, direction, amount_cents, reason, made_by_id, made_at,
        origin_id, piece)
    SELECT %(c)s, titre_id, CASE WHEN cents > 0 THEN 'increase' ELSE 'decrease' END, abs(cents), %(reason)s, %(by)s,
        %(now)s, %(i)s, piece
    FROM back WHERE cents <> 0 ORDER BY titre_id, piece RETURNING id, titre_id
)
INSERT INTO titres_titreevent (collectivite_id, titre_id, number, event, from_state, to_state, adjustment_id, reason,
    by_id, recorded_at)
SELECT %(c)s, m.titre_id, row_number() OVER (PARTITION BY m.titre_id ORDER BY m.id)
        + (SELECT count(*) FROM titres_titreevent n WHERE n.collectivite_id = %(c)s AND n.titre_id = m.titre_id),
    'adjusted', t.status, t.status, m.id, %(reason)s, %(by)s, %(now)s
FROM made m JOIN titres_titre t ON t.collectivite_id = %(c)s AND t.id = m.titre_id"""


def withdraw(*, import_: Import, reason: str, now: datetime, actor_id: int | None) -> int:
    """Take out what an import brought, and give back what it changed of others; how many titres went."""
    values = {"c": import_.collectivite_id, "i": import_.pk, "by": actor_id, "reason": reason, "now": now}
    _run(_BACK, values)
    return _run(_WITHDRAW, values)


def standing_of(*, import_: Import, now: datetime) -> Iterator[list[tuple[int, bool, bool]]]:
    """The titres that an import brought or changed, locked in order: id, being paid or paid, decided otherwise.

    Some at a time. Of another import's, one whose due somebody, or a later import, has changed since is decided
    otherwise: what this one changed can no longer be given back. Those whose due it brought to nothing are, too: only
    a person restores them. No adjustment says so, and its lines are forgotten one day; but their event bears its hour,
    and imports write one after the other.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT t.id, t.paid_at IS NOT NULL OR coalesce(t.held_until > %(now)s, false),"
            " t.status NOT IN ('draft', 'open', 'suspended')"
            "   AND NOT (t.origin_id IS NOT DISTINCT FROM %(i)s AND t.status = 'cancelled')"
            "  OR t.origin_id IS DISTINCT FROM %(i)s AND 0 <> (SELECT coalesce(sum("
            "   CASE a.direction WHEN 'increase' THEN a.amount_cents ELSE -a.amount_cents END), 0)"
            "   FROM titres_adjustment a WHERE a.collectivite_id = %(c)s AND a.titre_id = t.id"
            "   AND a.origin_id IS DISTINCT FROM %(i)s AND a.id > (SELECT min(own.id) FROM titres_adjustment own"
            "    WHERE own.collectivite_id = %(c)s AND own.titre_id = t.id AND own.origin_id = %(i)s))"
            " FROM titres_titre t WHERE t.collectivite_id = %(c)s AND t.id IN ("
            "  SELECT id FROM titres_titre WHERE collectivite_id = %(c)s AND origin_id = %(i)s"
            "  UNION SELECT titre_id FROM titres_adjustment WHERE collectivite_id = %(c)s AND origin_id = %(i)s"
            "  UNION SELECT titre_id FROM titres_titreevent WHERE collectivite_id = %(c)s AND event = 'cancelled'"
            "   AND recorded_at = %(written)s AND by_id IS NOT DISTINCT FROM %(by)s)"
            " ORDER BY t.id FOR NO KEY UPDATE OF t",
            {
                "c": import_.collectivite_id,
                "i": import_.pk,
                "now": now,
                "written": import_.confirmed_at,
                "by": import_.confirmed_by_id,
            },
        )
        while some := cursor.fetchmany(MANY):
            yield [(row[0], row[1], row[2]) for row in some]
