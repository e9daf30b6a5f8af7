"""How else a régie may be paid, as its notices say."""

from django.db import migrations, models

MAY_CHANGE = "GRANT UPDATE (other_means) ON collectivites_regie TO regal_app"
MAY_NOT = "REVOKE UPDATE (other_means) ON collectivites_regie FROM regal_app"


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0018_how_to_pay_the_comptable")]

    operations = [
        migrations.AddField(
            model_name="regie",
            name="other_means",
            field=models.CharField(blank=True, db_default="", default="", max_length=400),
        ),
        migrations.RunSQL(MAY_CHANGE, MAY_NOT),
    ]
