"""The few watches that somebody holds are found at once, among all those that wait."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agenda", "0006_outages")]

    operations = [
        migrations.AddIndex(
            "watch",
            models.Index(
                condition=models.Q(("closed_at__isnull", True), ("leased_until__isnull", False)),
                fields=["leased_until"],
                name="agenda_watch_leased",
            ),
        ),
    ]
