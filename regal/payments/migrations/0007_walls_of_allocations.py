"""Who may do what to allocations, and whose rows each role sees; a key once given never changes."""

from django.db import migrations

WALLS = """
ALTER TABLE payments_allocation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_allocation TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_allocation TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_allocation FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_allocation TO regal_app;
GRANT SELECT ON payments_allocation TO regal_verify;

GRANT UPDATE (key) ON payments_attempt TO regal_app;
ALTER TABLE payments_settlement ADD CONSTRAINT payments_settlement_in_tenant UNIQUE (collectivite_id, id);
ALTER TABLE payments_attempt ADD CONSTRAINT payments_attempt_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
ALTER TABLE payments_allocation ADD CONSTRAINT payments_allocation_settlement_in_tenant
    FOREIGN KEY (collectivite_id, settlement_id) REFERENCES payments_settlement (collectivite_id, id);
ALTER TABLE payments_allocation ADD CONSTRAINT payments_allocation_titre_in_tenant
    FOREIGN KEY (collectivite_id, titre_id) REFERENCES titres_titre (collectivite_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_allocation
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

CREATE FUNCTION regal_key_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'attempt %: its key never changes', OLD.id USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER key_for_ever BEFORE UPDATE OF key ON payments_attempt
    FOR EACH ROW WHEN (OLD.key <> '' AND NEW.key IS DISTINCT FROM OLD.key) EXECUTE FUNCTION regal_key_for_ever();
"""

NO_WALLS = """
DROP TRIGGER key_for_ever ON payments_attempt;
DROP FUNCTION regal_key_for_ever();
DROP TRIGGER append_only_whole ON payments_allocation;
DROP TRIGGER append_only ON payments_allocation;
ALTER TABLE payments_allocation DROP CONSTRAINT payments_allocation_titre_in_tenant;
ALTER TABLE payments_allocation DROP CONSTRAINT payments_allocation_settlement_in_tenant;
ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_titre_in_tenant;
ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_in_tenant;
REVOKE UPDATE (key) ON payments_attempt FROM regal_app;
REVOKE ALL ON payments_allocation FROM regal_app, regal_verify;
DROP POLICY verify ON payments_allocation;
DROP POLICY owner ON payments_allocation;
DROP POLICY tenant ON payments_allocation;
ALTER TABLE payments_allocation NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_keys_titres_and_allocations"), ("titres", "0002_walls")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
