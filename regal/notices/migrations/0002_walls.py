"""Who may do what to batches of notices, and whose rows each role sees."""

from django.db import migrations

WALLS = """
ALTER TABLE notices_noticebatch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notices_noticebatch TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON notices_noticebatch TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON notices_noticebatch FOR SELECT TO regal_verify USING (true);
-- Which titres were chosen, by whom and when never change: only how far the worker came.
GRANT SELECT, INSERT, UPDATE (done, notices, left_out, ended_at, purged_at) ON notices_noticebatch TO regal_app;
GRANT SELECT ON notices_noticebatch TO regal_verify;

ALTER TABLE notices_noticepiece ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notices_noticepiece TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON notices_noticepiece TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON notices_noticepiece FOR SELECT TO regal_verify USING (true);
-- A piece never changes; it goes.
GRANT SELECT, INSERT, DELETE ON notices_noticepiece TO regal_app;
GRANT SELECT ON notices_noticepiece TO regal_verify;

ALTER TABLE notices_noticebatch ADD CONSTRAINT notices_noticebatch_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE notices_noticepiece ADD CONSTRAINT notices_noticepiece_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE notices_noticepiece ADD CONSTRAINT notices_noticepiece_batch_in_tenant
    FOREIGN KEY (collectivite_id, batch_id) REFERENCES notices_noticebatch (collectivite_id, id);
"""

NO_WALLS = """
ALTER TABLE notices_noticepiece DROP CONSTRAINT notices_noticepiece_batch_in_tenant;
ALTER TABLE notices_noticepiece DROP CONSTRAINT notices_noticepiece_in_tenant;
ALTER TABLE notices_noticebatch DROP CONSTRAINT notices_noticebatch_in_tenant;
REVOKE ALL ON notices_noticebatch, notices_noticepiece FROM regal_app, regal_verify;
DROP POLICY verify ON notices_noticepiece;
DROP POLICY owner ON notices_noticepiece;
DROP POLICY tenant ON notices_noticepiece;
ALTER TABLE notices_noticepiece NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP POLICY verify ON notices_noticebatch;
DROP POLICY owner ON notices_noticebatch;
DROP POLICY tenant ON notices_noticebatch;
ALTER TABLE notices_noticebatch NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
