"""Attempts that a gateway gave a key to, the titres they pay, and what of each settlement extinguishes which."""

import django.db.models.deletion
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0009_a_town_changes_itself_only"),
        ("payments", "0005_lists_that_stay_fast"),
        ("titres", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", regal.lib.money_field.MoneyField()),
                ("recorded_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="evidence",
            name="payments_evidence_outcome",
        ),
        migrations.AddField(
            model_name="attempt",
            name="key",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="attempt",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.titre",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("titre__isnull", False)),
                fields=["collectivite", "titre"],
                name="payments_attempt_by_titre",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True), fields=("account", "key"), name="payments_attempt_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["", "paid", "refused", "abandoned", "pending", "unknown", "forgotten"])
                ),
                name="payments_evidence_outcome",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="settlement",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.settlement",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="titres.titre"
            ),
        ),
        migrations.AddIndex(
            model_name="allocation",
            index=models.Index(fields=["collectivite", "titre"], name="payments_allocation_by_titre"),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "settlement", "titre"), name="payments_allocation_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="payments_allocation_amount"),
        ),
    ]
