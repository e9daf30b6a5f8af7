"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE cases_case ADD CONSTRAINT cases_case_in_tenant UNIQUE (collectivite_id, id);
GRANT UPDATE (assigned_to_id, closed_rule) ON cases_case TO regal_app;

ALTER TABLE cases_caseevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON cases_caseevent TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON cases_caseevent TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON cases_caseevent FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON cases_caseevent TO regal_app;
GRANT SELECT ON cases_caseevent TO regal_verify;

ALTER TABLE cases_caseevent ADD CONSTRAINT cases_caseevent_case_in_tenant
    FOREIGN KEY (collectivite_id, case_id) REFERENCES cases_case (collectivite_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON cases_caseevent
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON cases_caseevent
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON cases_caseevent;
DROP TRIGGER append_only ON cases_caseevent;
ALTER TABLE cases_caseevent DROP CONSTRAINT cases_caseevent_case_in_tenant;
REVOKE ALL ON cases_caseevent FROM regal_app, regal_verify;
DROP POLICY verify ON cases_caseevent;
DROP POLICY owner ON cases_caseevent;
DROP POLICY tenant ON cases_caseevent;
ALTER TABLE cases_caseevent NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE UPDATE (assigned_to_id, closed_rule) ON cases_case FROM regal_app;
ALTER TABLE cases_case DROP CONSTRAINT cases_case_in_tenant;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0005_the_life_of_cases"),
        ("collectivites", "0002_walls"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
