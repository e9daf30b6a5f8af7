"""PayFiP's client numbers are the same whatever the way to it: a number is one town's, by one way."""

from django.db import migrations

ONE_WAY = """
CREATE OR REPLACE FUNCTION regal_contract_of_one_collectivite() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    family text[] := CASE WHEN NEW.gateway IN ('payfip_url', 'payfip_ws') THEN ARRAY['payfip_url', 'payfip_ws']
        ELSE ARRAY[NEW.gateway] END;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(family[1] || ' ' || NEW.identifier, 8));
    IF EXISTS (SELECT 1 FROM public.collectivites_gatewayaccount g WHERE g.gateway = ANY (family)
        AND g.identifier = NEW.identifier AND g.collectivite_id <> NEW.collectivite_id) THEN
        RAISE EXCEPTION 'this contract belongs to another collectivite' USING ERRCODE = 'unique_violation',
            CONSTRAINT = 'collectivites_account_of_one_collectivite';
    END IF;
    IF EXISTS (SELECT 1 FROM public.collectivites_gatewayaccount g WHERE g.gateway = ANY (family)
        AND g.identifier = NEW.identifier AND g.gateway <> NEW.gateway) THEN
        RAISE EXCEPTION 'this contract is connected by another gateway' USING ERRCODE = 'unique_violation',
            CONSTRAINT = 'collectivites_account_of_one_gateway';
    END IF;
    RETURN NEW;
END
$$;
"""

AS_BEFORE = """
CREATE OR REPLACE FUNCTION regal_contract_of_one_collectivite() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.gateway || ' ' || NEW.identifier, 8));
    IF EXISTS (SELECT 1 FROM public.collectivites_gatewayaccount g WHERE g.gateway = NEW.gateway
        AND g.identifier = NEW.identifier AND g.collectivite_id <> NEW.collectivite_id) THEN
        RAISE EXCEPTION 'this contract belongs to another collectivite' USING ERRCODE = 'unique_violation',
            CONSTRAINT = 'collectivites_account_of_one_collectivite';
    END IF;
    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0009_a_town_changes_itself_only")]

    operations = [migrations.RunSQL(ONE_WAY, AS_BEFORE)]
