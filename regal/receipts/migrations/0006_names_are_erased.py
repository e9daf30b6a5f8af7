"""Since when a quittance names nobody."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0019_how_else_to_pay"),
        ("receipts", "0005_walls_of_quittances"),
    ]

    operations = [
        migrations.AddField(
            model_name="quittanceperson",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="quittanceperson",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("erased_at__isnull", True),
                    models.Q(
                        ("address", models.Value([], models.JSONField())), ("city", ""), ("name", ""), ("postcode", "")
                    ),
                    _connector="OR",
                ),
                name="receipts_person_erased",
            ),
        ),
    ]
