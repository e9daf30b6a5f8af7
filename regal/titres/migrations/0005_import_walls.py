"""Who may do what to the tables of imports, and whose rows each role sees."""

from django.db import migrations

TABLES = ("titres_importsource", "titres_import", "titres_importpiece", "titres_importline")

WALLS = """
ALTER TABLE titres_importsource ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_importsource TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_importsource TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_importsource FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (name, file_format, options, default_product_id, products, regie_codes, as_drafts,
    is_active) ON titres_importsource TO regal_app;
GRANT SELECT ON titres_importsource TO regal_verify;

ALTER TABLE titres_import ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_import TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_import TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_import FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (digest, size, file_format, head, state, error, lines_read, bytes_read, counts, new_total_cents,
    only_valid, created, adjusted, skipped, read_at, confirmed_by_id, asked_at, confirmed_at, ended_at)
    ON titres_import TO regal_app;
GRANT SELECT ON titres_import TO regal_verify;

ALTER TABLE titres_importpiece ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_importpiece TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_importpiece TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_importpiece FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON titres_importpiece TO regal_app;
GRANT SELECT ON titres_importpiece TO regal_verify;

ALTER TABLE titres_importline ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_importline TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_importline TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_importline FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (verdict, troubles, titre_id), DELETE ON titres_importline TO regal_app;
GRANT SELECT ON titres_importline TO regal_verify;

ALTER TABLE titres_importsource ADD CONSTRAINT titres_importsource_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE titres_import ADD CONSTRAINT titres_import_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE titres_importsource ADD CONSTRAINT titres_importsource_regie_in_tenant
    FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id);
ALTER TABLE titres_importsource ADD CONSTRAINT titres_importsource_budget_in_tenant
    FOREIGN KEY (collectivite_id, budget_id) REFERENCES collectivites_budget (collectivite_id, id);
ALTER TABLE titres_importsource ADD CONSTRAINT titres_importsource_product_in_tenant
    FOREIGN KEY (collectivite_id, default_product_id) REFERENCES collectivites_product (collectivite_id, id);
ALTER TABLE titres_import ADD CONSTRAINT titres_import_source_in_tenant
    FOREIGN KEY (collectivite_id, source_id) REFERENCES titres_importsource (collectivite_id, id);
ALTER TABLE titres_importpiece ADD CONSTRAINT titres_importpiece_import_in_tenant
    FOREIGN KEY (collectivite_id, of_import_id) REFERENCES titres_import (collectivite_id, id);
ALTER TABLE titres_importline ADD CONSTRAINT titres_importline_import_in_tenant
    FOREIGN KEY (collectivite_id, of_import_id) REFERENCES titres_import (collectivite_id, id);
ALTER TABLE titres_titre ADD CONSTRAINT titres_titre_origin_in_tenant
    FOREIGN KEY (collectivite_id, origin_id) REFERENCES titres_import (collectivite_id, id);
ALTER TABLE titres_adjustment ADD CONSTRAINT titres_adjustment_origin_in_tenant
    FOREIGN KEY (collectivite_id, origin_id) REFERENCES titres_import (collectivite_id, id);
"""

NO_WALLS = """
ALTER TABLE titres_adjustment DROP CONSTRAINT titres_adjustment_origin_in_tenant;
ALTER TABLE titres_titre DROP CONSTRAINT titres_titre_origin_in_tenant;
ALTER TABLE titres_importline DROP CONSTRAINT titres_importline_import_in_tenant;
ALTER TABLE titres_importpiece DROP CONSTRAINT titres_importpiece_import_in_tenant;
ALTER TABLE titres_import DROP CONSTRAINT titres_import_source_in_tenant;
ALTER TABLE titres_importsource DROP CONSTRAINT titres_importsource_product_in_tenant;
ALTER TABLE titres_importsource DROP CONSTRAINT titres_importsource_budget_in_tenant;
ALTER TABLE titres_importsource DROP CONSTRAINT titres_importsource_regie_in_tenant;
ALTER TABLE titres_import DROP CONSTRAINT titres_import_in_tenant;
ALTER TABLE titres_importsource DROP CONSTRAINT titres_importsource_in_tenant;
""" + "".join(
    f"""
REVOKE ALL ON {table} FROM regal_app, regal_verify;
DROP POLICY verify ON {table};
DROP POLICY owner ON {table};
DROP POLICY tenant ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""
    for table in reversed(TABLES)
)


class Migration(migrations.Migration):
    dependencies = [("titres", "0004_imports")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
