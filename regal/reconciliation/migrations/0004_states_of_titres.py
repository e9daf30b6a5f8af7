"""What a PES Retour says of the debts that the comptable collects."""

import django.db.models.deletion
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0016_comparing_with_the_base"),
        ("reconciliation", "0003_lines_of_remises"),
        ("titres", "0007_what_the_comptable_says"),
    ]

    operations = [
        migrations.CreateModel(
            name="FiledState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("place", models.CharField(max_length=100)),
                ("told_on", models.DateField()),
                ("said", models.CharField(max_length=12)),
                ("collected", regal.lib.money_field.MoneyField(null=True)),
                ("is_late", models.BooleanField()),
                ("steps", models.PositiveSmallIntegerField()),
                ("last_step", models.PositiveIntegerField(null=True)),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "file",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reconciliation.depositedfile",
                    ),
                ),
                (
                    "titre",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="titres.titre",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["collectivite", "titre", "-told_on", "-id"], name="reconciliation_state_latest"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("collectivite", "file", "number"), name="reconciliation_state_number"
                    ),
                    models.UniqueConstraint(
                        fields=("collectivite", "file", "titre"), name="reconciliation_state_one_titre"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("last_step__isnull", False)),
                        fields=("collectivite", "titre", "last_step"),
                        name="reconciliation_state_one_step",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("said__in", ["taken", "suspended", "rejected", "cancelled", "written_off", "settled"])
                        ),
                        name="reconciliation_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("collected__isnull", True), ("collected__gte", 0), _connector="OR"),
                        name="reconciliation_state_collected",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("last_step__isnull", True), ("steps", 0)),
                            models.Q(
                                ("is_late", False), ("last_step__isnull", False), ("steps__gte", 1), ("steps__lte", 2)
                            ),
                            _connector="OR",
                        ),
                        name="reconciliation_state_steps",
                    ),
                ],
            },
        ),
    ]
