"""An account may have an address of its own for notifications, of which its digest is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0010_one_number_one_way_to_payfip"),
    ]

    operations = [
        migrations.AddField(
            model_name="gatewayaccount",
            name="notification_digest",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddConstraint(
            model_name="gatewayaccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("notification_digest", ""), _negated=True),
                fields=("collectivite", "notification_digest"),
                name="collectivites_account_notification",
            ),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (notification_digest) ON collectivites_gatewayaccount TO regal_app",
            "REVOKE UPDATE (notification_digest) ON collectivites_gatewayaccount FROM regal_app",
        ),
    ]
