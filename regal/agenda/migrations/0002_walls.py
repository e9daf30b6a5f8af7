"""Who may do what to these tables, and whose rows each role sees."""

from django.db import migrations

WALLS = """
GRANT SELECT, INSERT, UPDATE (due_at, done_at, tries, failure) ON agenda_effect TO regal_app;
GRANT SELECT ON agenda_effect TO regal_verify;
"""

NO_WALLS = """
REVOKE ALL ON agenda_effect FROM regal_app, regal_verify;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("agenda", "0001_initial"),
    ]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
