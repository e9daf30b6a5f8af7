"""Whether what a payer types for a comptable's product is compared with the imported base."""

from django.db import migrations, models

MAY_CHANGE = "GRANT UPDATE (compares_with_base) ON collectivites_product TO regal_app"
MAY_NOT = "REVOKE UPDATE (compares_with_base) ON collectivites_product FROM regal_app"


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0013_the_address_before_is_heard_a_while")]

    operations = [
        migrations.AddField(
            model_name="product",
            name="compares_with_base",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.RunSQL(MAY_CHANGE, MAY_NOT),
    ]
