"""Who may do what to what files say of titres, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE reconciliation_filedstate ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reconciliation_filedstate TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON reconciliation_filedstate TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON reconciliation_filedstate FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON reconciliation_filedstate TO regal_app;
GRANT SELECT ON reconciliation_filedstate TO regal_verify;
ALTER TABLE reconciliation_filedstate ADD CONSTRAINT reconciliation_filedstate_file_in_tenant
    FOREIGN KEY (collectivite_id, file_id) REFERENCES reconciliation_depositedfile (collectivite_id, id);
ALTER TABLE reconciliation_filedstate ADD CONSTRAINT reconciliation_filedstate_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON reconciliation_filedstate
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON reconciliation_filedstate
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON reconciliation_filedstate;
DROP TRIGGER append_only ON reconciliation_filedstate;
ALTER TABLE reconciliation_filedstate DROP CONSTRAINT reconciliation_filedstate_titre_in_tenant;
ALTER TABLE reconciliation_filedstate DROP CONSTRAINT reconciliation_filedstate_file_in_tenant;
REVOKE ALL ON reconciliation_filedstate FROM regal_app, regal_verify;
DROP POLICY verify ON reconciliation_filedstate;
DROP POLICY owner ON reconciliation_filedstate;
DROP POLICY tenant ON reconciliation_filedstate;
ALTER TABLE reconciliation_filedstate NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0004_states_of_titres"), ("titres", "0007_what_the_comptable_says")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
