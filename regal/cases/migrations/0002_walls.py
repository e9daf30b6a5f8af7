"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE cases_case ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON cases_case TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON cases_case TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON cases_case FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (first_seen_at, first_seen_by_id, closed_at, closed_by_id, decision, reason) ON cases_case TO regal_app;
GRANT SELECT ON cases_case TO regal_verify;
"""

NO_WALLS = """
REVOKE ALL ON cases_case FROM regal_app, regal_verify;
DROP POLICY verify ON cases_case;
DROP POLICY owner ON cases_case;
DROP POLICY tenant ON cases_case;
ALTER TABLE cases_case NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0001_initial"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
