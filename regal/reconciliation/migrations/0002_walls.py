"""Who may do what to these tables, and whose rows each role sees; a file is what its digest says."""

from django.db import migrations

WALLS = """
ALTER TABLE reconciliation_depositedfile ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reconciliation_depositedfile TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON reconciliation_depositedfile TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON reconciliation_depositedfile FOR SELECT TO regal_verify USING (true);
-- What the file is never changes: only the days it is said to cover, where it stands, and its bytes, which may go.
GRANT SELECT, INSERT,
    UPDATE (content, covers_from, covers_to, confirm_asked_by_id, confirm_asked_at, confirmed_at, discarded_at)
    ON reconciliation_depositedfile TO regal_app;
GRANT SELECT ON reconciliation_depositedfile TO regal_verify;

ALTER TABLE reconciliation_filedline ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reconciliation_filedline TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON reconciliation_filedline TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON reconciliation_filedline FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON reconciliation_filedline TO regal_app;
GRANT SELECT ON reconciliation_filedline TO regal_verify;

ALTER TABLE reconciliation_depositedfile ADD CONSTRAINT reconciliation_depositedfile_in_tenant
    UNIQUE (collectivite_id, id);
ALTER TABLE reconciliation_depositedfile ADD CONSTRAINT reconciliation_depositedfile_is_its_digest
    CHECK (digest = encode(sha256(content), 'hex'));

ALTER TABLE reconciliation_depositedfile ADD CONSTRAINT reconciliation_depositedfile_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);
ALTER TABLE reconciliation_depositedfile ADD CONSTRAINT reconciliation_depositedfile_budget_in_tenant
    FOREIGN KEY (collectivite_id, budget_id) REFERENCES collectivites_budget (collectivite_id, id);
ALTER TABLE reconciliation_filedline ADD CONSTRAINT reconciliation_filedline_file_in_tenant
    FOREIGN KEY (collectivite_id, file_id) REFERENCES reconciliation_depositedfile (collectivite_id, id);
ALTER TABLE reconciliation_filedline ADD CONSTRAINT reconciliation_filedline_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);
ALTER TABLE reconciliation_filedline ADD CONSTRAINT reconciliation_filedline_evidence_in_tenant
    FOREIGN KEY (collectivite_id, evidence_id) REFERENCES payments_evidence (collectivite_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON reconciliation_filedline
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON reconciliation_filedline
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON reconciliation_filedline;
DROP TRIGGER append_only ON reconciliation_filedline;
ALTER TABLE reconciliation_filedline DROP CONSTRAINT reconciliation_filedline_evidence_in_tenant;
ALTER TABLE reconciliation_filedline DROP CONSTRAINT reconciliation_filedline_attempt_in_tenant;
ALTER TABLE reconciliation_filedline DROP CONSTRAINT reconciliation_filedline_file_in_tenant;
ALTER TABLE reconciliation_depositedfile DROP CONSTRAINT reconciliation_depositedfile_budget_in_tenant;
ALTER TABLE reconciliation_depositedfile DROP CONSTRAINT reconciliation_depositedfile_account_in_tenant;
ALTER TABLE reconciliation_depositedfile DROP CONSTRAINT reconciliation_depositedfile_is_its_digest;
ALTER TABLE reconciliation_depositedfile DROP CONSTRAINT reconciliation_depositedfile_in_tenant;
REVOKE ALL ON reconciliation_filedline FROM regal_app, regal_verify;
DROP POLICY verify ON reconciliation_filedline;
DROP POLICY owner ON reconciliation_filedline;
DROP POLICY tenant ON reconciliation_filedline;
ALTER TABLE reconciliation_filedline NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON reconciliation_depositedfile FROM regal_app, regal_verify;
DROP POLICY verify ON reconciliation_depositedfile;
DROP POLICY owner ON reconciliation_depositedfile;
DROP POLICY tenant ON reconciliation_depositedfile;
ALTER TABLE reconciliation_depositedfile NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_initial"), ("payments", "0002_walls"), ("collectivites", "0002_walls")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
