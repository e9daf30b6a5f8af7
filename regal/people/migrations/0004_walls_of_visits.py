"""Who may do what to these tables, and whose rows each role sees; an operator's visit counts as long as it is open.

Sessions move to a table that knows whose they are: whoever was signed in signs in again.
"""

from django.db import migrations

WALLS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON people_session TO regal_app;
GRANT SELECT ON people_session TO regal_verify;
DELETE FROM django_session;

ALTER TABLE people_invitation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people_invitation TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON people_invitation TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON people_invitation FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (sent_at) ON people_invitation TO regal_app;
GRANT SELECT ON people_invitation TO regal_verify;

ALTER TABLE people_visit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people_visit TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON people_visit TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON people_visit FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (closed_at) ON people_visit TO regal_app;
GRANT SELECT ON people_visit TO regal_verify;

-- In which collectivités a user works, or is visiting: the one question asked before the tenant is known.
DROP FUNCTION regal_memberships_of(bigint);
GRANT SELECT ON people_visit TO regal_finder;
GRANT SELECT (id, is_operator) ON people_user TO regal_finder;
CREATE POLICY finder ON people_visit FOR SELECT TO regal_finder USING (true);
CREATE FUNCTION regal_memberships_of(agent bigint, moment timestamptz)
    RETURNS TABLE (collectivite_id bigint, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.collectivite_id, m.role FROM public.people_membership m WHERE m.user_id = agent
    UNION ALL
    SELECT v.collectivite_id, v.role FROM public.people_visit v JOIN public.people_user u ON u.id = v.user_id
    WHERE v.user_id = agent AND u.is_operator
        AND v.opened_at <= moment AND moment < v.ends_at AND v.closed_at IS NULL;
$$;
REVOKE ALL ON FUNCTION regal_memberships_of(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regal_memberships_of(bigint, timestamptz) TO regal_app;
GRANT CREATE ON SCHEMA public TO regal_finder;
ALTER FUNCTION regal_memberships_of(bigint, timestamptz) OWNER TO regal_finder;
REVOKE CREATE ON SCHEMA public FROM regal_finder;
"""

NO_WALLS = """
DROP FUNCTION regal_memberships_of(bigint, timestamptz);
DROP POLICY finder ON people_visit;
REVOKE ALL ON people_visit, people_user FROM regal_finder;
CREATE FUNCTION regal_memberships_of(agent bigint) RETURNS TABLE (collectivite_id bigint, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.collectivite_id, m.role FROM public.people_membership m WHERE m.user_id = agent;
$$;
REVOKE ALL ON FUNCTION regal_memberships_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regal_memberships_of(bigint) TO regal_app;
GRANT CREATE ON SCHEMA public TO regal_finder;
ALTER FUNCTION regal_memberships_of(bigint) OWNER TO regal_finder;
REVOKE CREATE ON SCHEMA public FROM regal_finder;
REVOKE ALL ON people_visit FROM regal_app, regal_verify;
DROP POLICY verify ON people_visit;
DROP POLICY owner ON people_visit;
DROP POLICY tenant ON people_visit;
ALTER TABLE people_visit NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON people_invitation FROM regal_app, regal_verify;
DROP POLICY verify ON people_invitation;
DROP POLICY owner ON people_invitation;
DROP POLICY tenant ON people_invitation;
ALTER TABLE people_invitation NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON people_session FROM regal_app, regal_verify;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0001_rights_on_libraries"),
        ("people", "0003_who_works_and_who_visits"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
