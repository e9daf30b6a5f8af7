"""Who may do what to shares; the attempts that there are get theirs: of one titre, the whole amount."""

from django.db import migrations

WALLS = """
ALTER TABLE payments_share ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_share TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_share TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_share FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_share TO regal_app;
GRANT SELECT ON payments_share TO regal_verify;

ALTER TABLE payments_share ADD CONSTRAINT payments_share_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);
ALTER TABLE payments_share ADD CONSTRAINT payments_share_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_share
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_share
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON payments_share;
DROP TRIGGER append_only ON payments_share;
ALTER TABLE payments_share DROP CONSTRAINT payments_share_titre_in_tenant;
ALTER TABLE payments_share DROP CONSTRAINT payments_share_attempt_in_tenant;
REVOKE ALL ON payments_share FROM regal_app, regal_verify;
DROP POLICY verify ON payments_share;
DROP POLICY owner ON payments_share;
DROP POLICY tenant ON payments_share;
ALTER TABLE payments_share NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""

FILL = """
INSERT INTO payments_share (collectivite_id, attempt_id, titre_id, place, amount_cents, reference_reversed)
SELECT collectivite_id, id, titre_id, 1, amount_cents, '' FROM payments_attempt WHERE titre_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0012_shares"), ("titres", "0002_walls")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS), migrations.RunSQL(FILL, migrations.RunSQL.noop)]
