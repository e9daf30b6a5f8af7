"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE audit_auditentry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_auditentry TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON audit_auditentry TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON audit_auditentry FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON audit_auditentry TO regal_app;
GRANT SELECT ON audit_auditentry TO regal_verify;

GRANT SELECT, INSERT ON audit_platformact TO regal_app;
GRANT SELECT ON audit_platformact TO regal_verify;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_auditentry
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON audit_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON audit_auditentry;
DROP TRIGGER append_only ON audit_auditentry;
REVOKE ALL ON audit_auditentry FROM regal_app, regal_verify;
DROP POLICY verify ON audit_auditentry;
DROP POLICY owner ON audit_auditentry;
DROP POLICY tenant ON audit_auditentry;
ALTER TABLE audit_auditentry NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON audit_platformact FROM regal_app, regal_verify;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("collectivites", "0002_walls"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
