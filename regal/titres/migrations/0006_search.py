"""Debtors are found by the words of their names; titres by the end of their number, their amount, and what lists filter by.

Names are searched by `regal_finder`, which sees every row and filters on the tenant itself: behind a policy no index
serves a search of words. Each word carries its tenant in front, so that one look-up of the index never meets another's.
"""

from django.db import migrations, models
from django.db.models.functions import Reverse, Upper

# What a word is: no accents, no capitals, ligatures in two letters; hyphens, apostrophes and all other signs part words.
# Letters that are several when plain make a name longer than its column: its end is cut, as a word has 120 letters at most.
WORDS = r"""
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE FUNCTION regal_plain(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(said) = length(said) THEN lower(said) ELSE left(lower(translate(
    replace(replace(replace(replace(replace(normalize(said, NFKD),
        'œ', 'oe'), 'Œ', 'oe'), 'æ', 'ae'), 'Æ', 'ae'), 'ß', 'ss'),
    'ØøŁłĐđıÐð' || U&'\0300\0301\0302\0303\0304\0306\0307\0308\0309\030A\030B\030C\031B\0323\0326\0327\0328',
    'oollddidd')), 120) END;
CREATE FUNCTION regal_words(said text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(
    SELECT DISTINCT left(CASE word WHEN 'st' THEN 'saint' WHEN 'ste' THEN 'sainte' ELSE word END, 120)
    FROM regexp_split_to_table(regal_plain(said), '[\s\u0001-\u002f:-@\[-`\{-\u00bf\u2000-\u206f\u2212]+') AS word
    WHERE word <> ''
);
-- The words of one debtor, each under his tenant; his own number, if he has one, as one word. Written for each debtor
-- of a file: one expression, which PostgreSQL inlines. Signs at either end leave an empty word, which nobody can search.
CREATE FUNCTION regal_words_of(tenant bigint, name text, reference text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(replace(
    '''' || tenant || ':' || regexp_replace(
        regal_plain(name) || ' ' || regal_plain(translate(reference, ' -./_', '')),
        '[\s\u0001-\u002f:-@\[-`\{-\u00bf\u2000-\u206f\u2212]+', ''' ''' || tenant || ':', 'g') || '''',
    ':st''', ':saint'''), ':ste''', ':sainte''')::tsvector;
ALTER TABLE titres_debtor ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (regal_words_of(collectivite_id, name, reference)) STORED;
CREATE INDEX titres_debtor_words ON titres_debtor USING gin (words);
CREATE INDEX titres_debtorword_near ON titres_debtorword USING gin (collectivite_id, word gin_trgm_ops);
"""
NO_WORDS = """
DROP INDEX titres_debtorword_near;
ALTER TABLE titres_debtor DROP COLUMN words;
DROP FUNCTION regal_words_of(bigint, text, text);
DROP FUNCTION regal_words(text);
DROP FUNCTION regal_plain(text);
"""

WALLS = """
ALTER TABLE titres_debtorword ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_debtorword TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_debtorword TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_debtorword FOR SELECT TO regal_verify USING (true);
GRANT SELECT ON titres_debtorword TO regal_app, regal_verify;

-- Whoever files, changes or purges debtors need know nothing of their words. No lock: two transactions at once, of which
-- one purges the last debtor of a word and the other files the next, may forget it. Then nobody who mistypes that word is
-- helped, until a debtor who has it is filed again; typed right it is found, since `words` of debtors never lacks one.
-- A lock that prevents it would be held by each import as long as it writes.
CREATE FUNCTION regal_learn_words() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.titres_debtorword (collectivite_id, word)
    SELECT said.tenant, said.word FROM (
        SELECT DISTINCT f.collectivite_id, split_part(w, ':', 2) FROM filed f CROSS JOIN unnest(tsvector_to_array(f.words)) w
    ) AS said (tenant, word)
    WHERE said.word ~ '^[^0-9]+$' AND NOT EXISTS (
        SELECT FROM public.titres_debtorword k WHERE k.collectivite_id = said.tenant AND k.word = said.word);
    RETURN NULL;
END $$;
CREATE FUNCTION regal_forget_words() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.titres_debtorword k USING (
        SELECT DISTINCT g.collectivite_id, w FROM gone g CROSS JOIN unnest(tsvector_to_array(g.words)) w
    ) AS said (tenant, word)
    WHERE k.collectivite_id = said.tenant AND k.word = split_part(said.word, ':', 2) AND NOT EXISTS (
        SELECT FROM public.titres_debtor d WHERE d.words @@ ('''' || said.word || '''')::tsquery);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION regal_learn_words() FROM PUBLIC;
REVOKE ALL ON FUNCTION regal_forget_words() FROM PUBLIC;
CREATE TRIGGER words_filed AFTER INSERT ON titres_debtor REFERENCING NEW TABLE AS filed
    FOR EACH STATEMENT EXECUTE FUNCTION regal_learn_words();
CREATE TRIGGER words_changed AFTER UPDATE ON titres_debtor REFERENCING NEW TABLE AS filed
    FOR EACH STATEMENT EXECUTE FUNCTION regal_learn_words();
CREATE TRIGGER words_changed_from AFTER UPDATE ON titres_debtor REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION regal_forget_words();
CREATE TRIGGER words_gone AFTER DELETE ON titres_debtor REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION regal_forget_words();
INSERT INTO titres_debtorword (collectivite_id, word)
    SELECT DISTINCT d.collectivite_id, split_part(w, ':', 2) FROM titres_debtor d
    CROSS JOIN unnest(tsvector_to_array(d.words)) w WHERE split_part(w, ':', 2) ~ '^[^0-9]+$';

GRANT SELECT (collectivite_id, titre_id, words) ON titres_debtor TO regal_finder;
GRANT SELECT (collectivite_id, word) ON titres_debtorword TO regal_finder;
CREATE POLICY finder ON titres_debtor FOR SELECT TO regal_finder USING (true);
CREATE POLICY finder ON titres_debtorword FOR SELECT TO regal_finder USING (true);

-- Planned for the words asked, and by the index even where a file has just come and PostgreSQL has not counted it yet.
-- The titres of the tenant whose debtor has a word of each group: "dup*" is the beginning of one, "dupont|dupond" either.
CREATE FUNCTION regal_titres_named(groups text[], most integer) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    tenant bigint := nullif(current_setting('regal.tenant', true), '')::bigint;
    wanted tsquery;
BEGIN
    SELECT string_agg('(' || either || ')', ' & ')::tsquery INTO wanted FROM (
        SELECT (
            SELECT string_agg('''' || tenant || ':' || w || CASE WHEN right(one, 1) = '*' THEN ''':*' ELSE '''' END, ' | ')
            FROM unnest(string_to_array(said, '|')) one CROSS JOIN unnest(public.regal_words(one)) w
        ) AS either
        FROM unnest(groups[1:8]) said
    ) AS each_group;
    IF wanted IS NOT NULL THEN
        RETURN QUERY SELECT d.titre_id FROM public.titres_debtor d
            WHERE d.words @@ wanted AND d.collectivite_id = tenant LIMIT most;
    END IF;
END $$;

-- The words of the tenant's debtors that look most like this one.
CREATE FUNCTION regal_words_near(said text, most integer) RETURNS SETOF text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET enable_seqscan = off SET pg_trgm.similarity_threshold = 0.15 AS $$
    SELECT k.word FROM public.titres_debtorword k
    WHERE k.collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint AND k.word OPERATOR(public.%) said
    GROUP BY k.word ORDER BY public.similarity(k.word, said) DESC, k.word LIMIT most;
$$;
REVOKE ALL ON FUNCTION regal_titres_named(text[], integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION regal_words_near(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regal_titres_named(text[], integer) TO regal_app;
GRANT EXECUTE ON FUNCTION regal_words_near(text, integer) TO regal_app;
GRANT CREATE ON SCHEMA public TO regal_finder;
ALTER FUNCTION regal_titres_named(text[], integer) OWNER TO regal_finder;
ALTER FUNCTION regal_words_near(text, integer) OWNER TO regal_finder;
REVOKE CREATE ON SCHEMA public FROM regal_finder;
"""
NO_WALLS = """
DROP FUNCTION regal_words_near(text, integer);
DROP FUNCTION regal_titres_named(text[], integer);
DROP POLICY finder ON titres_debtorword;
DROP POLICY finder ON titres_debtor;
REVOKE ALL ON titres_debtorword FROM regal_finder;
REVOKE ALL (collectivite_id, titre_id, words) ON titres_debtor FROM regal_finder;
DROP TRIGGER words_gone ON titres_debtor;
DROP TRIGGER words_changed_from ON titres_debtor;
DROP TRIGGER words_changed ON titres_debtor;
DROP TRIGGER words_filed ON titres_debtor;
DROP FUNCTION regal_forget_words();
DROP FUNCTION regal_learn_words();
REVOKE ALL ON titres_debtorword FROM regal_app, regal_verify;
DROP POLICY verify ON titres_debtorword;
DROP POLICY owner ON titres_debtorword;
DROP POLICY tenant ON titres_debtorword;
ALTER TABLE titres_debtorword NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0013_the_address_before_is_heard_a_while"),
        ("titres", "0005_import_walls"),
    ]

    operations = [
        migrations.CreateModel(
            "DebtorWord",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "collectivite",
                    models.ForeignKey("collectivites.Collectivite", models.PROTECT, related_name="+"),
                ),
                ("word", models.CharField(db_collation="C", max_length=120)),
            ],
        ),
        migrations.AddIndex("debtorword", models.Index(fields=["collectivite", "word"], name="titres_debtorword_word")),
        migrations.AddField(
            "titre",
            "number_reversed",
            models.GeneratedField(
                db_persist=True,
                expression=Upper(
                    Reverse(
                        models.Func(
                            "number",
                            models.Value("[^A-Za-z0-9]+"),
                            models.Value(""),
                            models.Value("g"),
                            function="regexp_replace",
                        )
                    )
                ),
                output_field=models.CharField(db_collation="C", max_length=30),
            ),
        ),
        migrations.RemoveIndex("titre", "titres_titre_recent"),
        migrations.AddIndex(
            "titre",
            models.Index(
                fields=["collectivite", "-created_at", "-id"],
                include=[
                    "product",
                    "status",
                    "paid_at",
                    "held_until",
                    "amount",
                    "issued_on",
                    "due_on",
                    "document_kind",
                    "collector",
                    "origin",
                ],
                name="titres_titre_listed",
            ),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(
                fields=["collectivite", "status", "-created_at", "-id"],
                condition=models.Q(paid_at__isnull=True),
                name="titres_titre_unpaid",
            ),
        ),
        migrations.AddIndex(
            "titre", models.Index(fields=["collectivite", "number_reversed"], name="titres_titre_by_number")
        ),
        migrations.AddIndex("titre", models.Index(fields=["collectivite", "amount"], name="titres_titre_by_amount")),
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.RunSQL(WALLS, NO_WALLS),
    ]
