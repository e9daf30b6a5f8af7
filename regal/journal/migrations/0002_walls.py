"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE journal_entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON journal_entry TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON journal_entry TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON journal_entry FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON journal_entry TO regal_app;
GRANT SELECT ON journal_entry TO regal_verify;

ALTER TABLE journal_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON journal_head TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON journal_head TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON journal_head FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (number, hash) ON journal_head TO regal_app;
GRANT SELECT ON journal_head TO regal_verify;

ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);

ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_corrects_in_tenant
    FOREIGN KEY (collectivite_id, corrects_id) REFERENCES journal_entry (collectivite_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON journal_entry;
DROP TRIGGER append_only ON journal_entry;
ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_corrects_in_tenant;
ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_account_in_tenant;
ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_in_tenant;
REVOKE ALL ON journal_entry FROM regal_app, regal_verify;
DROP POLICY verify ON journal_entry;
DROP POLICY owner ON journal_entry;
DROP POLICY tenant ON journal_entry;
ALTER TABLE journal_entry NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON journal_head FROM regal_app, regal_verify;
DROP POLICY verify ON journal_head;
DROP POLICY owner ON journal_head;
DROP POLICY tenant ON journal_head;
ALTER TABLE journal_head NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0001_initial"),
        ("collectivites", "0002_walls"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
