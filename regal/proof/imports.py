"""What I-38 asks of imports: whole or not at all, once, and never against what was paid."""

IMPORTS_OF_TITRES = (
    """SELECT collectivite_id, 'titre ' || min(id) || ': its number, ' || count(*) || ' times'
    FROM titres_titre WHERE status <> 'withdrawn'
    GROUP BY collectivite_id, regie_id, budget_id, document_kind, exercice, number, line HAVING count(*) > 1""",
    """SELECT collectivite_id, 'titre ' || min(id) || ': its reference, ' || count(*) || ' times'
    FROM titres_titre WHERE status <> 'withdrawn'
    GROUP BY collectivite_id, regie_id, budget_id, reference HAVING count(*) > 1""",
    """SELECT t.collectivite_id, 'titre ' || t.id || ': ' || t.status || ', its import ' || i.state
    FROM titres_titre t JOIN titres_import i ON i.collectivite_id = t.collectivite_id AND i.id = t.origin_id
    WHERE i.state NOT IN ('confirmed', 'undoing', 'undone') OR (t.status = 'withdrawn') <> (i.state = 'undone')""",
    """SELECT collectivite_id, 'titre ' || id || ': withdrawn with no import' FROM titres_titre
    WHERE status = 'withdrawn' AND origin_id IS NULL""",
    """SELECT collectivite_id, 'import ' || origin_id || ': line ' || origin_line || ' written ' || count(*) || ' times'
    FROM titres_titre WHERE origin_id IS NOT NULL
    GROUP BY collectivite_id, origin_id, origin_line HAVING count(*) > 1""",
    """SELECT i.collectivite_id, 'import ' || i.id || ': says ' || i.created || ' titres, the base has '
        || coalesce(t.titres, 0)
    FROM titres_import i LEFT JOIN (
        SELECT collectivite_id, origin_id, count(*) AS titres FROM titres_titre
        WHERE origin_id IS NOT NULL GROUP BY 1, 2
    ) AS t ON t.collectivite_id = i.collectivite_id AND t.origin_id = i.id
    WHERE i.created <> coalesce(t.titres, 0)""",
    """SELECT i.collectivite_id, 'import ' || i.id || ': says ' || i.adjusted || ' changes, its lines '
        || count(l.id) FILTER (WHERE l.verdict IN ('changed', 'reduces'))
    FROM titres_import i JOIN titres_importline l ON l.collectivite_id = i.collectivite_id AND l.of_import_id = i.id
    WHERE i.state IN ('confirmed', 'undoing', 'undone') GROUP BY i.collectivite_id, i.id, i.adjusted
    HAVING count(l.id) FILTER (WHERE l.verdict IN ('changed', 'reduces')) <> i.adjusted""",
    """SELECT t.collectivite_id, 'titre ' || t.id || ': first ' || e.event || ', '
        || CASE WHEN t.origin_id IS NULL THEN 'of no import' ELSE 'of an import' END
    FROM titres_titre t JOIN titres_titreevent e
        ON e.collectivite_id = t.collectivite_id AND e.titre_id = t.id AND e.number = 1
    WHERE e.event = 'imported' AND t.origin_id IS NULL
        OR e.event NOT IN ('imported', 'recorded') AND t.origin_id IS NOT NULL""",
    """SELECT l.collectivite_id, 'import ' || l.of_import_id || ': line ' || l.number
        || CASE WHEN t.id IS NULL THEN ' has no titre' ELSE ' says something else than its titre' END
    FROM titres_importline l
    JOIN titres_import i ON i.collectivite_id = l.collectivite_id AND i.id = l.of_import_id
        AND i.state IN ('confirmed', 'undoing', 'undone')
    LEFT JOIN titres_titre t ON t.collectivite_id = l.collectivite_id AND t.origin_id = l.of_import_id
        AND t.origin_line = l.number
    WHERE l.verdict = 'new' AND (t.id IS NULL OR (t.amount_cents, t.exercice, t.number, t.line, t.reference)
        <> (l.amount_cents, l.exercice, l.titre_number, l.titre_line, l.reference)
        AND NOT EXISTS (SELECT 1 FROM titres_titreevent e WHERE e.collectivite_id = t.collectivite_id
            AND e.titre_id = t.id AND e.event = 'edited'))""",
    """SELECT p.collectivite_id, 'import ' || p.of_import_id || ': ' || i.state || ', its bytes are still there'
    FROM titres_importpiece p JOIN titres_import i ON i.collectivite_id = p.collectivite_id AND i.id = p.of_import_id
    WHERE i.state IN ('confirmed', 'discarded', 'refused', 'undoing', 'undone')""",
    """SELECT j.collectivite_id, 'adjustment ' || j.id || ': of an import, on titre ' || j.titre_id || ', paid before'
    FROM titres_adjustment j JOIN payments_allocation l ON l.collectivite_id = j.collectivite_id
        AND l.titre_id = j.titre_id AND l.recorded_at < j.made_at - interval '2 minutes'
    WHERE j.origin_id IS NOT NULL""",
    """SELECT j.collectivite_id, 'import ' || j.origin_id || ': undone, titre ' || j.titre_id || ' still changed by it'
    FROM titres_adjustment j
    JOIN titres_import i ON i.collectivite_id = j.collectivite_id AND i.id = j.origin_id AND i.state = 'undone'
    JOIN titres_titre t ON t.collectivite_id = j.collectivite_id AND t.id = j.titre_id
        AND t.origin_id IS DISTINCT FROM j.origin_id
    GROUP BY j.collectivite_id, j.origin_id, j.titre_id
    HAVING sum(CASE j.direction WHEN 'increase' THEN j.amount_cents ELSE -j.amount_cents END) <> 0""",
)
