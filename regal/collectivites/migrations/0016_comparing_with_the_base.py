"""Whether what a payer types for a comptable's product is compared with the imported base."""

from django.db import migrations, models

MAY_CHANGE = "GRANT UPDATE (compares_with_base) ON collectivites_product TO regal_app"
MAY_NOT = "REVOKE UPDATE (compares_with_base) ON collectivites_product FROM regal_app"


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0015_a_debt_in_several_payments")]

    operations = [
        migrations.AddField(
            model_name="product",
            name="compares_with_base",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.RunSQL(MAY_CHANGE, MAY_NOT),
    ]
