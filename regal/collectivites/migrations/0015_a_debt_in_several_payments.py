"""A product may let its debts be paid in several times."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0014_the_word_for_a_debt"),
    ]

    operations = [
        migrations.AddField(
            model_name="product",
            name="partial_payment",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (partial_payment) ON collectivites_product TO regal_app",
            "REVOKE UPDATE (partial_payment) ON collectivites_product FROM regal_app",
        ),
    ]
