"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
-- The inbox keeps every row and its digest; only the raw bytes may go, and only through this function.
CREATE FUNCTION regal_inbox_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.query IS NULL AND NEW.body IS NULL
        AND (to_jsonb(NEW) - 'query' - 'body') = (to_jsonb(OLD) - 'query' - 'body') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: only its raw bytes may be purged', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

ALTER TABLE payments_attempt ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_attempt TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_attempt TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_attempt FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (status, announced, announced_at, handed_off_at) ON payments_attempt TO regal_app;
GRANT SELECT ON payments_attempt TO regal_verify;

ALTER TABLE payments_payer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_payer TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_payer TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_payer FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON payments_payer TO regal_app;
GRANT SELECT ON payments_payer TO regal_verify;

ALTER TABLE payments_inboxmessage ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_inboxmessage TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_inboxmessage TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_inboxmessage FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_inboxmessage TO regal_app;
GRANT SELECT ON payments_inboxmessage TO regal_verify;

ALTER TABLE payments_evidence ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_evidence TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_evidence TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_evidence FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_evidence TO regal_app;
GRANT SELECT ON payments_evidence TO regal_verify;

ALTER TABLE payments_attemptevent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_attemptevent TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_attemptevent TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_attemptevent FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_attemptevent TO regal_app;
GRANT SELECT ON payments_attemptevent TO regal_verify;

ALTER TABLE payments_settlement ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON payments_settlement TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON payments_settlement TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON payments_settlement FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON payments_settlement TO regal_app;
GRANT SELECT ON payments_settlement TO regal_verify;

ALTER TABLE payments_attempt ADD CONSTRAINT payments_attempt_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE payments_inboxmessage ADD CONSTRAINT payments_inboxmessage_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE payments_evidence ADD CONSTRAINT payments_evidence_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE payments_attempt ADD CONSTRAINT payments_attempt_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);

ALTER TABLE payments_attempt ADD CONSTRAINT payments_attempt_product_in_tenant
    FOREIGN KEY (collectivite_id, product_id) REFERENCES collectivites_product (collectivite_id, id);

ALTER TABLE payments_payer ADD CONSTRAINT payments_payer_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);

ALTER TABLE payments_inboxmessage ADD CONSTRAINT payments_inboxmessage_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);

ALTER TABLE payments_inboxmessage ADD CONSTRAINT payments_inboxmessage_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);

ALTER TABLE payments_evidence ADD CONSTRAINT payments_evidence_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);

ALTER TABLE payments_evidence ADD CONSTRAINT payments_evidence_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);

ALTER TABLE payments_evidence ADD CONSTRAINT payments_evidence_message_in_tenant
    FOREIGN KEY (collectivite_id, message_id) REFERENCES payments_inboxmessage (collectivite_id, id);

ALTER TABLE payments_attemptevent ADD CONSTRAINT payments_attemptevent_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);

ALTER TABLE payments_attemptevent ADD CONSTRAINT payments_attemptevent_evidence_in_tenant
    FOREIGN KEY (collectivite_id, evidence_id) REFERENCES payments_evidence (collectivite_id, id);

ALTER TABLE payments_settlement ADD CONSTRAINT payments_settlement_attempt_in_tenant
    FOREIGN KEY (collectivite_id, attempt_id) REFERENCES payments_attempt (collectivite_id, id);

ALTER TABLE payments_settlement ADD CONSTRAINT payments_settlement_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);

ALTER TABLE payments_settlement ADD CONSTRAINT payments_settlement_evidence_in_tenant
    FOREIGN KEY (collectivite_id, evidence_id) REFERENCES payments_evidence (collectivite_id, id);

ALTER TABLE payments_attempt ADD CONSTRAINT payments_attempt_environment_of_account
    FOREIGN KEY (collectivite_id, account_id, environment)
    REFERENCES collectivites_gatewayaccount (collectivite_id, id, environment);

ALTER TABLE payments_settlement ADD CONSTRAINT payments_settlement_environment_of_account
    FOREIGN KEY (collectivite_id, account_id, environment)
    REFERENCES collectivites_gatewayaccount (collectivite_id, id, environment);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_inboxmessage
    FOR EACH ROW EXECUTE FUNCTION regal_inbox_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_inboxmessage
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_evidence
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_attemptevent
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_attemptevent
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_settlement
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

-- The application may not update the inbox; this owner's function purges the raw bytes of one tenant.
CREATE FUNCTION regal_purge_inbox(before timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH purged AS (
        UPDATE public.payments_inboxmessage SET query = NULL, body = NULL
        WHERE collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint
            AND received_at < before AND (query IS NOT NULL OR body IS NOT NULL)
        RETURNING 1
    ) SELECT count(*) FROM purged;
$$;
REVOKE ALL ON FUNCTION regal_purge_inbox(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regal_purge_inbox(timestamptz) TO regal_app;
"""

NO_WALLS = """
DROP FUNCTION regal_purge_inbox(timestamptz);
DROP TRIGGER append_only_whole ON payments_settlement;
DROP TRIGGER append_only ON payments_settlement;
DROP TRIGGER append_only_whole ON payments_attemptevent;
DROP TRIGGER append_only ON payments_attemptevent;
DROP TRIGGER append_only_whole ON payments_evidence;
DROP TRIGGER append_only ON payments_evidence;
DROP TRIGGER append_only_whole ON payments_inboxmessage;
DROP TRIGGER append_only ON payments_inboxmessage;
ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_environment_of_account;
ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_environment_of_account;
ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_evidence_in_tenant;
ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_account_in_tenant;
ALTER TABLE payments_settlement DROP CONSTRAINT payments_settlement_attempt_in_tenant;
ALTER TABLE payments_attemptevent DROP CONSTRAINT payments_attemptevent_evidence_in_tenant;
ALTER TABLE payments_attemptevent DROP CONSTRAINT payments_attemptevent_attempt_in_tenant;
ALTER TABLE payments_evidence DROP CONSTRAINT payments_evidence_message_in_tenant;
ALTER TABLE payments_evidence DROP CONSTRAINT payments_evidence_attempt_in_tenant;
ALTER TABLE payments_evidence DROP CONSTRAINT payments_evidence_account_in_tenant;
ALTER TABLE payments_inboxmessage DROP CONSTRAINT payments_inboxmessage_attempt_in_tenant;
ALTER TABLE payments_inboxmessage DROP CONSTRAINT payments_inboxmessage_account_in_tenant;
ALTER TABLE payments_payer DROP CONSTRAINT payments_payer_attempt_in_tenant;
ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_product_in_tenant;
ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_account_in_tenant;
ALTER TABLE payments_evidence DROP CONSTRAINT payments_evidence_in_tenant;
ALTER TABLE payments_inboxmessage DROP CONSTRAINT payments_inboxmessage_in_tenant;
ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_in_tenant;
REVOKE ALL ON payments_attempt FROM regal_app, regal_verify;
DROP POLICY verify ON payments_attempt;
DROP POLICY owner ON payments_attempt;
DROP POLICY tenant ON payments_attempt;
ALTER TABLE payments_attempt NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_payer FROM regal_app, regal_verify;
DROP POLICY verify ON payments_payer;
DROP POLICY owner ON payments_payer;
DROP POLICY tenant ON payments_payer;
ALTER TABLE payments_payer NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_inboxmessage FROM regal_app, regal_verify;
DROP POLICY verify ON payments_inboxmessage;
DROP POLICY owner ON payments_inboxmessage;
DROP POLICY tenant ON payments_inboxmessage;
ALTER TABLE payments_inboxmessage NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_evidence FROM regal_app, regal_verify;
DROP POLICY verify ON payments_evidence;
DROP POLICY owner ON payments_evidence;
DROP POLICY tenant ON payments_evidence;
ALTER TABLE payments_evidence NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_attemptevent FROM regal_app, regal_verify;
DROP POLICY verify ON payments_attemptevent;
DROP POLICY owner ON payments_attemptevent;
DROP POLICY tenant ON payments_attemptevent;
ALTER TABLE payments_attemptevent NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON payments_settlement FROM regal_app, regal_verify;
DROP POLICY verify ON payments_settlement;
DROP POLICY owner ON payments_settlement;
DROP POLICY tenant ON payments_settlement;
ALTER TABLE payments_settlement NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP FUNCTION regal_inbox_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0001_initial"),
        ("collectivites", "0002_walls"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
