"""Who may do what to these tables."""

from django.db import migrations

WALLS = """
GRANT SELECT, INSERT, UPDATE (due_at, leased_until, asked_at, asked, failures, failure, closed_at)
    ON agenda_watch TO regal_app;
GRANT SELECT ON agenda_watch TO regal_verify;
GRANT SELECT, INSERT, UPDATE ON agenda_pace TO regal_app;
GRANT SELECT ON agenda_pace TO regal_verify;
"""

NO_WALLS = """
REVOKE ALL ON agenda_watch, agenda_pace FROM regal_app, regal_verify;
"""


class Migration(migrations.Migration):
    dependencies = [("agenda", "0004_watches")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
