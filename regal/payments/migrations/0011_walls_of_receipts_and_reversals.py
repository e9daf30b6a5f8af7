"""Who may do what to receipts and reversals; what may name a person can be purged, nothing else of them changes."""

from django.db import migrations

WALLS = """
ALTER TABLE payments_counterreceipt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_counterreceipt TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_counterreceipt TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_counterreceipt FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_counterreceipt TO regal_app;
GRANT SELECT ON payments_counterreceipt TO regal_verify;

ALTER TABLE payments_counterperson ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_counterperson TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_counterperson TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_counterperson FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON payments_counterperson TO regal_app;
GRANT SELECT ON payments_counterperson TO regal_verify;

ALTER TABLE payments_reversal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_reversal TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_reversal TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_reversal FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_reversal TO regal_app;
GRANT SELECT ON payments_reversal TO regal_verify;

GRANT UPDATE (is_reversed) ON payments_attempt TO regal_app;
ALTER TABLE payments_counterreceipt ADD CONSTRAINT payments_counterreceipt_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE payments_counterreceipt ADD CONSTRAINT payments_counterreceipt_regie_in_tenant
    FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id);
ALTER TABLE payments_counterreceipt ADD CONSTRAINT payments_counterreceipt_product_in_tenant
    FOREIGN KEY (collectivite_id, product_id) REFERENCES collectivites_product (collectivite_id, id);
ALTER TABLE payments_counterreceipt ADD CONSTRAINT payments_counterreceipt_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
ALTER TABLE payments_counterperson ADD CONSTRAINT payments_counterperson_receipt_in_tenant
    FOREIGN KEY (collectivite_id, receipt_id) REFERENCES payments_counterreceipt (collectivite_id, id);
ALTER TABLE payments_settlement ADD CONSTRAINT payments_settlement_receipt_in_tenant
    FOREIGN KEY (collectivite_id, receipt_id) REFERENCES payments_counterreceipt (collectivite_id, id);
ALTER TABLE payments_reversal ADD CONSTRAINT payments_reversal_settlement_in_tenant
    FOREIGN KEY (collectivite_id, settlement_id) REFERENCES payments_settlement (collectivite_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_counterreceipt
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_counterreceipt
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_reversal
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON payments_counterreceipt;
DROP TRIGGER append_only ON payments_counterreceipt;
DROP TRIGGER append_only_whole ON payments_reversal;
DROP TRIGGER append_only ON payments_reversal;
ALTER TABLE payments_reversal DROP CONSTRAINT payments_reversal_settlement_in_tenant;
ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_receipt_in_tenant;
ALTER TABLE payments_counterperson DROP CONSTRAINT payments_counterperson_receipt_in_tenant;
ALTER TABLE payments_counterreceipt DROP CONSTRAINT payments_counterreceipt_titre_in_tenant;
ALTER TABLE payments_counterreceipt DROP CONSTRAINT payments_counterreceipt_product_in_tenant;
ALTER TABLE payments_counterreceipt DROP CONSTRAINT payments_counterreceipt_regie_in_tenant;
ALTER TABLE payments_counterreceipt DROP CONSTRAINT payments_counterreceipt_in_tenant;
REVOKE UPDATE (is_reversed) ON payments_attempt FROM regal_app;
REVOKE ALL ON payments_counterreceipt FROM regal_app, regal_verify;
DROP POLICY verify ON payments_counterreceipt;
DROP POLICY owner ON payments_counterreceipt;
DROP POLICY tenant ON payments_counterreceipt;
ALTER TABLE payments_counterreceipt NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_counterperson FROM regal_app, regal_verify;
DROP POLICY verify ON payments_counterperson;
DROP POLICY owner ON payments_counterperson;
DROP POLICY tenant ON payments_counterperson;
ALTER TABLE payments_counterperson NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_reversal FROM regal_app, regal_verify;
DROP POLICY verify ON payments_reversal;
DROP POLICY owner ON payments_reversal;
DROP POLICY tenant ON payments_reversal;
ALTER TABLE payments_reversal NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0010_receipts_and_reversals"),
        ("journal", "0003_receipts_and_reversals"),
        ("collectivites", "0015_a_debt_in_several_payments"),
        ("titres", "0002_walls"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
