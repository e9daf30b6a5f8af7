"""What was last answered of each attempt, and since when an account answers nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agenda", "0005_walls_of_watches")]

    operations = [
        migrations.AddField("watch", "answered_at", models.DateTimeField(null=True)),
        migrations.AddField("watch", "answer", models.CharField(blank=True, db_default="", max_length=12)),
        migrations.AddField("pace", "failures", models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField("pace", "failure", models.CharField(blank=True, db_default="", max_length=80)),
        migrations.AddField("pace", "failing_since", models.DateTimeField(null=True)),
        migrations.RemoveIndex("watch", "agenda_watch_due"),
        migrations.AddIndex(
            "watch",
            models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["account_id", "due_at"],
                name="agenda_watch_due",
            ),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (answered_at, answer) ON agenda_watch TO regal_app",
            "REVOKE UPDATE (answered_at, answer) ON agenda_watch FROM regal_app",
        ),
    ]
