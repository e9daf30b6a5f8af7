"""Who may do what to groups of acts, and what of a titre never changes once it is published."""

from django.db import migrations


def _walls(table: str, updated: str) -> str:
    mine = "collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint"
    return f"""
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table} TO regal_app
    USING ({mine})
    WITH CHECK ({mine});
CREATE POLICY owner ON {table} TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON {table} FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE ({updated}) ON {table} TO regal_app;
GRANT SELECT ON {table} TO regal_verify;
"""


def _no_walls(table: str) -> str:
    return f"""
REVOKE ALL ON {table} FROM regal_app, regal_verify;
DROP POLICY verify ON {table};
DROP POLICY owner ON {table};
DROP POLICY tenant ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


MENDED = "regie_id, product_id, exercice, number, reference, label, issued_on, due_on, amount_cents"

WALLS = (
    _walls("titres_titregroup", "confirmed_by_id, confirmed_at")
    + _walls("titres_titregroupline", "refusal, said, done_at")
    + f"""
ALTER TABLE titres_titregroup ADD CONSTRAINT titres_titregroup_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE titres_titregroupline ADD CONSTRAINT titres_titregroupline_group_in_tenant
    FOREIGN KEY (collectivite_id, group_id) REFERENCES titres_titregroup (collectivite_id, id);
ALTER TABLE titres_titregroupline ADD CONSTRAINT titres_titregroupline_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);

GRANT UPDATE ({MENDED}) ON titres_titre TO regal_app;
GRANT UPDATE (name) ON titres_debtor TO regal_app;

-- What a titre is may be mended while it is a draft; once it is published only its words are corrected, until it is paid.
CREATE FUNCTION regal_published_titre_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' AND (OLD.collector, OLD.regie_id, OLD.budget_id, OLD.product_id, OLD.document_kind,
        OLD.exercice, OLD.number, OLD.line, OLD.reference, OLD.issued_on, OLD.amount_cents, OLD.created_at)
        IS DISTINCT FROM (NEW.collector, NEW.regie_id, NEW.budget_id, NEW.product_id, NEW.document_kind,
        NEW.exercice, NEW.number, NEW.line, NEW.reference, NEW.issued_on, NEW.amount_cents, NEW.created_at)
    THEN
        RAISE EXCEPTION 'a published titre stays what it is';
    END IF;
    IF (OLD.status NOT IN ('draft', 'open', 'suspended') OR OLD.paid_at IS NOT NULL)
        AND (OLD.label, OLD.due_on) IS DISTINCT FROM (NEW.label, NEW.due_on)
    THEN
        RAISE EXCEPTION 'a titre that is paid or over stays as it reads';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stays BEFORE UPDATE ON titres_titre
    FOR EACH ROW EXECUTE FUNCTION regal_published_titre_stays();
"""
)

NO_WALLS = (
    f"""
DROP TRIGGER stays ON titres_titre;
DROP FUNCTION regal_published_titre_stays();
REVOKE UPDATE (name) ON titres_debtor FROM regal_app;
REVOKE UPDATE ({MENDED}) ON titres_titre FROM regal_app;
ALTER TABLE titres_titregroupline DROP CONSTRAINT titres_titregroupline_titre_in_tenant;
ALTER TABLE titres_titregroupline DROP CONSTRAINT titres_titregroupline_group_in_tenant;
ALTER TABLE titres_titregroup DROP CONSTRAINT titres_titregroup_in_tenant;
"""
    + _no_walls("titres_titregroupline")
    + _no_walls("titres_titregroup")
)


class Migration(migrations.Migration):
    dependencies = [("titres", "0008_managing")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
