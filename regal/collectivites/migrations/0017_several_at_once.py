"""A régie may let a payer pay several of its debts in one payment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0016_comparing_with_the_base")]

    operations = [
        migrations.AddField(
            model_name="regie",
            name="several_at_once",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (several_at_once) ON collectivites_regie TO regal_app",
            "REVOKE UPDATE (several_at_once) ON collectivites_regie FROM regal_app",
        ),
    ]
