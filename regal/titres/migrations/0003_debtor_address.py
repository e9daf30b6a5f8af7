"""Whom a titre names may have a number of its own, an address and an e-mail: what files say of a debtor."""

from django.db import migrations, models
from django.db.models.lookups import LessThanOrEqual


def _text(longest: int) -> "models.CharField[str, str]":
    return models.CharField(blank=True, db_default="", default="", max_length=longest)


class Migration(migrations.Migration):
    dependencies = [("titres", "0002_walls")]

    operations = [
        migrations.AddField("debtor", "reference", _text(30)),
        migrations.AddField(
            "debtor",
            "address",
            models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField("debtor", "postcode", _text(10)),
        migrations.AddField("debtor", "city", _text(60)),
        migrations.AddField("debtor", "email", _text(254)),
        migrations.AddField("debtor", "siret", _text(14)),
        migrations.AddConstraint(
            "debtor",
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    models.Func("address", function="jsonb_array_length", output_field=models.IntegerField()), 4
                ),
                name="titres_debtor_address",
            ),
        ),
    ]
