"""A renewed address: the one before is heard until the pages that were opened meanwhile are over."""

from django.db import migrations, models

COLUMNS = "former_notification_digest, former_notification_ends_at"


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0011_an_address_of_its_own"),
    ]

    operations = [
        migrations.AddField(
            model_name="gatewayaccount",
            name="former_notification_digest",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="gatewayaccount",
            name="former_notification_ends_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            f"GRANT UPDATE ({COLUMNS}) ON collectivites_gatewayaccount TO regal_app",
            f"REVOKE UPDATE ({COLUMNS}) ON collectivites_gatewayaccount FROM regal_app",
        ),
    ]
