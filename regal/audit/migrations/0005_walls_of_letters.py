"""Who may do what to these tables, and whose rows each role sees; a letter tells of an act of its own collectivité."""

from django.db import migrations

WALLS = """
ALTER TABLE audit_letter ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_letter TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON audit_letter TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON audit_letter FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (sent_at) ON audit_letter TO regal_app;
GRANT SELECT ON audit_letter TO regal_verify;

ALTER TABLE audit_auditentry ADD CONSTRAINT audit_auditentry_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE audit_letter ADD CONSTRAINT audit_letter_entry_in_tenant
    FOREIGN KEY (collectivite_id, entry_id) REFERENCES audit_auditentry (collectivite_id, id);

GRANT SELECT, INSERT, DELETE ON audit_verifyrun TO regal_app;
GRANT SELECT ON audit_verifyrun TO regal_verify;
"""

NO_WALLS = """
REVOKE ALL ON audit_verifyrun FROM regal_app, regal_verify;
ALTER TABLE audit_letter DROP CONSTRAINT audit_letter_entry_in_tenant;
ALTER TABLE audit_auditentry DROP CONSTRAINT audit_auditentry_in_tenant;
REVOKE ALL ON audit_letter FROM regal_app, regal_verify;
DROP POLICY verify ON audit_letter;
DROP POLICY owner ON audit_letter;
DROP POLICY tenant ON audit_letter;
ALTER TABLE audit_letter NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_letters_and_verify_runs"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
