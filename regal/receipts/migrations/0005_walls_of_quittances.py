"""Who may do what to quittances: they only grow, as do their deliveries; the names on them can be purged."""

from django.db import migrations

WALLS = """
ALTER TABLE receipts_quittancecounter ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipts_quittancecounter TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON receipts_quittancecounter TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON receipts_quittancecounter FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (last, last_at) ON receipts_quittancecounter TO regal_app;
GRANT SELECT ON receipts_quittancecounter TO regal_verify;

ALTER TABLE receipts_quittance ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipts_quittance TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON receipts_quittance TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON receipts_quittance FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON receipts_quittance TO regal_app;
GRANT SELECT ON receipts_quittance TO regal_verify;

ALTER TABLE receipts_quittanceperson ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipts_quittanceperson TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON receipts_quittanceperson TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON receipts_quittanceperson FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON receipts_quittanceperson TO regal_app;
GRANT SELECT ON receipts_quittanceperson TO regal_verify;

ALTER TABLE receipts_quittancedelivery ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipts_quittancedelivery TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON receipts_quittancedelivery TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON receipts_quittancedelivery FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON receipts_quittancedelivery TO regal_app;
GRANT SELECT ON receipts_quittancedelivery TO regal_verify;

ALTER TABLE receipts_quittancecounter ADD CONSTRAINT receipts_quittancecounter_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE receipts_quittance ADD CONSTRAINT receipts_quittance_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE receipts_quittanceperson ADD CONSTRAINT receipts_quittanceperson_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE receipts_quittancedelivery ADD CONSTRAINT receipts_quittancedelivery_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE receipts_quittancecounter ADD CONSTRAINT receipts_quittancecounter_regie_in_tenant
    FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id);
ALTER TABLE receipts_quittance ADD CONSTRAINT receipts_quittance_regie_in_tenant
    FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id);
ALTER TABLE receipts_quittance ADD CONSTRAINT receipts_quittance_settlement_in_tenant
    FOREIGN KEY (collectivite_id, settlement_id) REFERENCES payments_settlement (collectivite_id, id);
ALTER TABLE receipts_quittanceperson ADD CONSTRAINT receipts_quittanceperson_quittance_in_tenant
    FOREIGN KEY (collectivite_id, quittance_id) REFERENCES receipts_quittance (collectivite_id, id);
ALTER TABLE receipts_quittancedelivery ADD CONSTRAINT receipts_quittancedelivery_quittance_in_tenant
    FOREIGN KEY (collectivite_id, quittance_id) REFERENCES receipts_quittance (collectivite_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON receipts_quittance
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON receipts_quittance
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON receipts_quittancedelivery
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON receipts_quittancedelivery
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON receipts_quittance;
DROP TRIGGER append_only ON receipts_quittance;
DROP TRIGGER append_only_whole ON receipts_quittancedelivery;
DROP TRIGGER append_only ON receipts_quittancedelivery;
ALTER TABLE receipts_quittancedelivery DROP CONSTRAINT receipts_quittancedelivery_quittance_in_tenant;
ALTER TABLE receipts_quittanceperson DROP CONSTRAINT receipts_quittanceperson_quittance_in_tenant;
ALTER TABLE receipts_quittance DROP CONSTRAINT receipts_quittance_regie_in_tenant;
ALTER TABLE receipts_quittance DROP CONSTRAINT receipts_quittance_settlement_in_tenant;
ALTER TABLE receipts_quittancecounter DROP CONSTRAINT receipts_quittancecounter_regie_in_tenant;
ALTER TABLE receipts_quittancedelivery DROP CONSTRAINT receipts_quittancedelivery_in_tenant;
REVOKE ALL ON receipts_quittancedelivery FROM regal_app, regal_verify;
DROP POLICY verify ON receipts_quittancedelivery;
DROP POLICY owner ON receipts_quittancedelivery;
DROP POLICY tenant ON receipts_quittancedelivery;
ALTER TABLE receipts_quittancedelivery NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE receipts_quittanceperson DROP CONSTRAINT receipts_quittanceperson_in_tenant;
REVOKE ALL ON receipts_quittanceperson FROM regal_app, regal_verify;
DROP POLICY verify ON receipts_quittanceperson;
DROP POLICY owner ON receipts_quittanceperson;
DROP POLICY tenant ON receipts_quittanceperson;
ALTER TABLE receipts_quittanceperson NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE receipts_quittance DROP CONSTRAINT receipts_quittance_in_tenant;
REVOKE ALL ON receipts_quittance FROM regal_app, regal_verify;
DROP POLICY verify ON receipts_quittance;
DROP POLICY owner ON receipts_quittance;
DROP POLICY tenant ON receipts_quittance;
ALTER TABLE receipts_quittance NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE receipts_quittancecounter DROP CONSTRAINT receipts_quittancecounter_in_tenant;
REVOKE ALL ON receipts_quittancecounter FROM regal_app, regal_verify;
DROP POLICY verify ON receipts_quittancecounter;
DROP POLICY owner ON receipts_quittancecounter;
DROP POLICY tenant ON receipts_quittancecounter;
ALTER TABLE receipts_quittancecounter NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("receipts", "0004_quittances"), ("payments", "0013_walls_of_shares")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
