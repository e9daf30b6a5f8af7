"""What a town tells the payer of a debt that its régie handed over to the comptable."""

from django.db import migrations, models

MAY_CHANGE = "GRANT UPDATE (treasury_note) ON collectivites_collectivite TO regal_app"
MAY_NOT = "REVOKE UPDATE (treasury_note) ON collectivites_collectivite FROM regal_app"


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0017_several_at_once")]

    operations = [
        migrations.AddField(
            model_name="collectivite",
            name="treasury_note",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.RunSQL(MAY_CHANGE, MAY_NOT),
    ]
