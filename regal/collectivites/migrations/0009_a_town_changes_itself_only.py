"""The application changes a collectivité's own row only as that collectivité: the table is shared, so no policy does it."""

from django.db import migrations

WALLS = """
CREATE FUNCTION regal_own_collectivite_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'regal_app' AND NEW.id IS DISTINCT FROM nullif(current_setting('regal.tenant', true), '')::bigint
    THEN
        RAISE EXCEPTION 'collectivité % is not the current tenant', NEW.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER own_only BEFORE UPDATE ON collectivites_collectivite
    FOR EACH ROW EXECUTE FUNCTION regal_own_collectivite_only();
"""

NO_WALLS = """
DROP TRIGGER own_only ON collectivites_collectivite;
DROP FUNCTION regal_own_collectivite_only();
"""


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0008_contracts_and_routing")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
