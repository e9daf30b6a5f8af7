"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE titres_titre ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_titre TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_titre TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_titre FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (status, paid_at, held_by, held_until) ON titres_titre TO regal_app;
GRANT SELECT ON titres_titre TO regal_verify;

ALTER TABLE titres_debtor ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_debtor TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_debtor TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_debtor FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON titres_debtor TO regal_app;
GRANT SELECT ON titres_debtor TO regal_verify;

ALTER TABLE titres_adjustment ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_adjustment TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_adjustment TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_adjustment FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON titres_adjustment TO regal_app;
GRANT SELECT ON titres_adjustment TO regal_verify;

ALTER TABLE titres_titreevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON titres_titreevent TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON titres_titreevent TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON titres_titreevent FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON titres_titreevent TO regal_app;
GRANT SELECT ON titres_titreevent TO regal_verify;

ALTER TABLE titres_titre ADD CONSTRAINT titres_titre_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE titres_adjustment ADD CONSTRAINT titres_adjustment_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE titres_titre ADD CONSTRAINT titres_titre_regie_in_tenant
    FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id);
ALTER TABLE titres_titre ADD CONSTRAINT titres_titre_budget_in_tenant
    FOREIGN KEY (collectivite_id, budget_id) REFERENCES collectivites_budget (collectivite_id, id);
ALTER TABLE titres_titre ADD CONSTRAINT titres_titre_product_in_tenant
    FOREIGN KEY (collectivite_id, product_id) REFERENCES collectivites_product (collectivite_id, id);
ALTER TABLE titres_debtor ADD CONSTRAINT titres_debtor_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
ALTER TABLE titres_adjustment ADD CONSTRAINT titres_adjustment_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
ALTER TABLE titres_titreevent ADD CONSTRAINT titres_titreevent_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
ALTER TABLE titres_titreevent ADD CONSTRAINT titres_titreevent_adjustment_in_tenant
    FOREIGN KEY (collectivite_id, adjustment_id) REFERENCES titres_adjustment (collectivite_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON titres_adjustment
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON titres_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON titres_titreevent
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON titres_titreevent
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON titres_titreevent;
DROP TRIGGER append_only ON titres_titreevent;
DROP TRIGGER append_only_whole ON titres_adjustment;
DROP TRIGGER append_only ON titres_adjustment;
ALTER TABLE titres_titreevent DROP CONSTRAINT titres_titreevent_adjustment_in_tenant;
ALTER TABLE titres_titreevent DROP CONSTRAINT titres_titreevent_titre_in_tenant;
ALTER TABLE titres_adjustment DROP CONSTRAINT titres_adjustment_titre_in_tenant;
ALTER TABLE titres_debtor DROP CONSTRAINT titres_debtor_titre_in_tenant;
ALTER TABLE titres_titre DROP CONSTRAINT titres_titre_product_in_tenant;
ALTER TABLE titres_titre DROP CONSTRAINT titres_titre_budget_in_tenant;
ALTER TABLE titres_titre DROP CONSTRAINT titres_titre_regie_in_tenant;
ALTER TABLE titres_adjustment DROP CONSTRAINT titres_adjustment_in_tenant;
ALTER TABLE titres_titre DROP CONSTRAINT titres_titre_in_tenant;
REVOKE ALL ON titres_titreevent FROM regal_app, regal_verify;
DROP POLICY verify ON titres_titreevent;
DROP POLICY owner ON titres_titreevent;
DROP POLICY tenant ON titres_titreevent;
ALTER TABLE titres_titreevent NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON titres_adjustment FROM regal_app, regal_verify;
DROP POLICY verify ON titres_adjustment;
DROP POLICY owner ON titres_adjustment;
DROP POLICY tenant ON titres_adjustment;
ALTER TABLE titres_adjustment NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON titres_debtor FROM regal_app, regal_verify;
DROP POLICY verify ON titres_debtor;
DROP POLICY owner ON titres_debtor;
DROP POLICY tenant ON titres_debtor;
ALTER TABLE titres_debtor NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON titres_titre FROM regal_app, regal_verify;
DROP POLICY verify ON titres_titre;
DROP POLICY owner ON titres_titre;
DROP POLICY tenant ON titres_titre;
ALTER TABLE titres_titre NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("titres", "0001_initial"), ("collectivites", "0002_walls")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
