"""Who may do what to a collectivité's look; a logo is what its digest says."""

from django.db import migrations

WALLS = r"""
GRANT UPDATE (main_colour, accent_colour, logo_digest, logo_text) ON collectivites_collectivite TO regal_app;

ALTER TABLE collectivites_logo ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_logo TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_logo TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_logo FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT ON collectivites_logo TO regal_app;
GRANT SELECT ON collectivites_logo TO regal_verify;

ALTER TABLE collectivites_logo ADD CONSTRAINT collectivites_logo_is_its_digest
    CHECK (digest = encode(sha256(png), 'hex'));
ALTER TABLE collectivites_logo ADD CONSTRAINT collectivites_logo_small_png
    CHECK (octet_length(png) <= 60000 AND substring(png FROM 1 FOR 8) = '\x89504e470d0a1a0a'::bytea);
"""

NO_WALLS = """
ALTER TABLE collectivites_logo DROP CONSTRAINT collectivites_logo_small_png;
ALTER TABLE collectivites_logo DROP CONSTRAINT collectivites_logo_is_its_digest;
REVOKE ALL ON collectivites_logo FROM regal_app, regal_verify;
DROP POLICY verify ON collectivites_logo;
DROP POLICY owner ON collectivites_logo;
DROP POLICY tenant ON collectivites_logo;
ALTER TABLE collectivites_logo NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE UPDATE (main_colour, accent_colour, logo_digest, logo_text) ON collectivites_collectivite FROM regal_app;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0005_look"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
