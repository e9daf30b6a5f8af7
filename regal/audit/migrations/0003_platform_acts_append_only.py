"""Acts on the platform are append-only too, also for the owner of the tables."""

from django.db import migrations

WALLS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_platformact
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON audit_platformact
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();
"""

NO_WALLS = """
DROP TRIGGER append_only_whole ON audit_platformact;
DROP TRIGGER append_only ON audit_platformact;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_walls"), ("collectivites", "0002_walls")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
