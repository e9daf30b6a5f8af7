"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
GRANT SELECT, INSERT, UPDATE ON people_user TO regal_app;
GRANT SELECT ON people_user TO regal_verify;

ALTER TABLE people_membership ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people_membership TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON people_membership TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON people_membership FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE, UPDATE (role) ON people_membership TO regal_app;
GRANT SELECT ON people_membership TO regal_verify;

-- In which collectivités a user works: the one question asked before the tenant is known.
GRANT SELECT ON people_membership TO regal_finder;
CREATE POLICY finder ON people_membership FOR SELECT TO regal_finder USING (true);
CREATE FUNCTION regal_memberships_of(agent bigint) RETURNS TABLE (collectivite_id bigint, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.collectivite_id, m.role FROM public.people_membership m WHERE m.user_id = agent;
$$;
REVOKE ALL ON FUNCTION regal_memberships_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regal_memberships_of(bigint) TO regal_app;
GRANT CREATE ON SCHEMA public TO regal_finder;
ALTER FUNCTION regal_memberships_of(bigint) OWNER TO regal_finder;
REVOKE CREATE ON SCHEMA public FROM regal_finder;
"""

NO_WALLS = """
DROP FUNCTION regal_memberships_of(bigint);
DROP POLICY finder ON people_membership;
REVOKE ALL ON people_membership FROM regal_finder;
REVOKE ALL ON people_user FROM regal_app, regal_verify;
REVOKE ALL ON people_membership FROM regal_app, regal_verify;
DROP POLICY verify ON people_membership;
DROP POLICY owner ON people_membership;
DROP POLICY tenant ON people_membership;
ALTER TABLE people_membership NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0001_initial"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
