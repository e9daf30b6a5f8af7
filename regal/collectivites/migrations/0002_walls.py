"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
CREATE FUNCTION regal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a new row', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

GRANT SELECT, INSERT, UPDATE (name, site_url, contact) ON collectivites_collectivite TO regal_app;
GRANT SELECT ON collectivites_collectivite TO regal_verify;

ALTER TABLE collectivites_budget ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_budget TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_budget TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_budget FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (name) ON collectivites_budget TO regal_app;
GRANT SELECT ON collectivites_budget TO regal_verify;

ALTER TABLE collectivites_regie ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_regie TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_regie TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_regie FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (name) ON collectivites_regie TO regal_app;
GRANT SELECT ON collectivites_regie TO regal_verify;

ALTER TABLE collectivites_gatewayaccount ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_gatewayaccount TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_gatewayaccount TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_gatewayaccount FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (options, is_active) ON collectivites_gatewayaccount TO regal_app;
GRANT SELECT ON collectivites_gatewayaccount TO regal_verify;

ALTER TABLE collectivites_accountsecret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_accountsecret TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_accountsecret TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_accountsecret FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON collectivites_accountsecret TO regal_app;
GRANT SELECT ON collectivites_accountsecret TO regal_verify;

ALTER TABLE collectivites_product ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_product TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_product TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_product FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (slug, name, introduction, account_id, is_open, position) ON collectivites_product TO regal_app;
GRANT SELECT ON collectivites_product TO regal_verify;

ALTER TABLE collectivites_allowedorigin ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_allowedorigin TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_allowedorigin TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_allowedorigin FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, DELETE ON collectivites_allowedorigin TO regal_app;
GRANT SELECT ON collectivites_allowedorigin TO regal_verify;

ALTER TABLE collectivites_budget ADD CONSTRAINT collectivites_budget_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE collectivites_regie ADD CONSTRAINT collectivites_regie_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE collectivites_gatewayaccount ADD CONSTRAINT collectivites_gatewayaccount_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE collectivites_product ADD CONSTRAINT collectivites_product_in_tenant UNIQUE (collectivite_id, id);

ALTER TABLE collectivites_regie ADD CONSTRAINT collectivites_regie_budget_in_tenant
    FOREIGN KEY (collectivite_id, budget_id) REFERENCES collectivites_budget (collectivite_id, id);

ALTER TABLE collectivites_gatewayaccount ADD CONSTRAINT collectivites_gatewayaccount_budget_in_tenant
    FOREIGN KEY (collectivite_id, budget_id) REFERENCES collectivites_budget (collectivite_id, id);

ALTER TABLE collectivites_gatewayaccount ADD CONSTRAINT collectivites_gatewayaccount_regie_in_tenant
    FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id);

ALTER TABLE collectivites_accountsecret ADD CONSTRAINT collectivites_accountsecret_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);

ALTER TABLE collectivites_product ADD CONSTRAINT collectivites_product_account_in_tenant
    FOREIGN KEY (collectivite_id, account_id) REFERENCES collectivites_gatewayaccount (collectivite_id, id);
"""

NO_WALLS = """
ALTER TABLE collectivites_product DROP CONSTRAINT collectivites_product_account_in_tenant;
ALTER TABLE collectivites_accountsecret DROP CONSTRAINT collectivites_accountsecret_account_in_tenant;
ALTER TABLE collectivites_gatewayaccount DROP CONSTRAINT collectivites_gatewayaccount_regie_in_tenant;
ALTER TABLE collectivites_gatewayaccount DROP CONSTRAINT collectivites_gatewayaccount_budget_in_tenant;
ALTER TABLE collectivites_regie DROP CONSTRAINT collectivites_regie_budget_in_tenant;
ALTER TABLE collectivites_product DROP CONSTRAINT collectivites_product_in_tenant;
ALTER TABLE collectivites_gatewayaccount DROP CONSTRAINT collectivites_gatewayaccount_in_tenant;
ALTER TABLE collectivites_regie DROP CONSTRAINT collectivites_regie_in_tenant;
ALTER TABLE collectivites_budget DROP CONSTRAINT collectivites_budget_in_tenant;
REVOKE ALL ON collectivites_collectivite FROM regal_app, regal_verify;
REVOKE ALL ON collectivites_budget FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_budget;
DROP POLICY owner ON collectivites_budget;
DROP POLICY tenant ON collectivites_budget;
ALTER TABLE collectivites_budget NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON collectivites_regie FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_regie;
DROP POLICY owner ON collectivites_regie;
DROP POLICY tenant ON collectivites_regie;
ALTER TABLE collectivites_regie NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON collectivites_gatewayaccount FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_gatewayaccount;
DROP POLICY owner ON collectivites_gatewayaccount;
DROP POLICY tenant ON collectivites_gatewayaccount;
ALTER TABLE collectivites_gatewayaccount NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON collectivites_accountsecret FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_accountsecret;
DROP POLICY owner ON collectivites_accountsecret;
DROP POLICY tenant ON collectivites_accountsecret;
ALTER TABLE collectivites_accountsecret NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON collectivites_product FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_product;
DROP POLICY owner ON collectivites_product;
DROP POLICY tenant ON collectivites_product;
ALTER TABLE collectivites_product NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON collectivites_allowedorigin FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_allowedorigin;
DROP POLICY owner ON collectivites_allowedorigin;
DROP POLICY tenant ON collectivites_allowedorigin;
ALTER TABLE collectivites_allowedorigin NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DROP FUNCTION regal_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0001_initial"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
