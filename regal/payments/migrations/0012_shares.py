"""What of an attempt's amount pays which titre."""

import django.db.models.deletion
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0017_several_at_once"),
        ("payments", "0011_walls_of_receipts_and_reversals"),
        ("titres", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Share",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveSmallIntegerField()),
                ("amount", regal.lib.money_field.MoneyField()),
                ("reference_reversed", models.CharField(blank=True, db_collation="C", max_length=30)),
                (
                    "attempt",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.attempt",
                    ),
                ),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "titre",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="titres.titre",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["collectivite", "titre"], name="payments_share_by_titre"),
                    models.Index(
                        condition=models.Q(("reference_reversed", ""), _negated=True),
                        fields=["collectivite", "reference_reversed"],
                        name="payments_share_by_end",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("collectivite", "attempt", "titre"), name="payments_share_once"),
                    models.UniqueConstraint(fields=("collectivite", "attempt", "place"), name="payments_share_place"),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="payments_share_amount"),
                ],
            },
        ),
    ]
