"""A site and rank of Paybox are one contract's: its answers name nothing else, and one payment would count twice.

The sites that Paybox publishes for everybody's trials are no contract's.
"""

from django.db import migrations

BEGINS = """
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
"""

SITE_AND_RANK = """    IF NEW.gateway = 'paybox' AND split_part(NEW.identifier, '-', 1) NOT IN ('1999888', '1999887') THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(
            'paybox ' || split_part(NEW.identifier, '-', 1) || '-' || split_part(NEW.identifier, '-', 2), 8));
        IF EXISTS (SELECT 1 FROM public.collectivites_gatewayaccount g WHERE g.gateway = 'paybox'
            AND g.identifier <> NEW.identifier
            AND split_part(g.identifier, '-', 1) = split_part(NEW.identifier, '-', 1)
            AND split_part(g.identifier, '-', 2) = split_part(NEW.identifier, '-', 2)) THEN
            RAISE EXCEPTION 'this site and rank belong to another contract' USING ERRCODE = 'unique_violation',
                CONSTRAINT = 'collectivites_account_of_one_site';
        END IF;
    END IF;
"""

ENDS = """    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0011_an_address_of_its_own")]

    operations = [migrations.RunSQL(BEGINS + SITE_AND_RANK + ENDS, BEGINS + ENDS)]
