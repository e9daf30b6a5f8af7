"""Who may do what to tickets, and whose rows each role sees; what was paid before owes none."""

from django.db import migrations

WALLS = """
ALTER TABLE receipts_ticket ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receipts_ticket TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON receipts_ticket TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON receipts_ticket FOR SELECT TO regal_verify USING (true);
-- What a ticket is about, whose copy it is and its Message-ID never change: only how far its sending came.
GRANT SELECT, INSERT, UPDATE (started_at, sent_at, gave_up_at, why, tries, uncertain) ON receipts_ticket TO regal_app;
GRANT SELECT ON receipts_ticket TO regal_verify;

ALTER TABLE receipts_ticket ADD CONSTRAINT receipts_ticket_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE receipts_ticket ADD CONSTRAINT receipts_ticket_settlement_in_tenant
    FOREIGN KEY (collectivite_id, settlement_id) REFERENCES payments_settlement (collectivite_id, id);
"""

NO_WALLS = """
ALTER TABLE receipts_ticket DROP CONSTRAINT receipts_ticket_settlement_in_tenant;
ALTER TABLE receipts_ticket DROP CONSTRAINT receipts_ticket_in_tenant;
REVOKE ALL ON receipts_ticket FROM regal_app, regal_verify;
DROP POLICY verify ON receipts_ticket;
DROP POLICY owner ON receipts_ticket;
DROP POLICY tenant ON receipts_ticket;
ALTER TABLE receipts_ticket NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("receipts", "0001_initial"), ("payments", "0011_walls_of_receipts_and_reversals")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
