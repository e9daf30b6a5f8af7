"""Numbered quittances, their counters, whom they name, and who took which copy."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0019_how_else_to_pay"),
        ("payments", "0013_walls_of_shares"),
        ("receipts", "0003_what_was_paid_before"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Quittance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("year", models.PositiveSmallIntegerField()),
                ("number", models.PositiveIntegerField()),
                ("town_name", models.CharField(max_length=120)),
                ("regie_name", models.CharField(max_length=120)),
                ("regie_number", models.CharField(max_length=10)),
                ("amount", regal.lib.money_field.MoneyField()),
                ("excess", regal.lib.money_field.MoneyField()),
                ("parts", models.JSONField()),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("online", "paiement en ligne"),
                            ("online_card", "carte bancaire en ligne"),
                            ("direct_debit", "prélèvement demandé en ligne"),
                            ("cash", "espèces"),
                            ("cheque", "chèque"),
                            ("card", "carte bancaire au guichet"),
                            ("transfer", "virement"),
                            ("vouchers", "CESU, chèques-vacances ou autres titres de paiement"),
                        ],
                        max_length=20,
                    ),
                ),
                ("bank", models.CharField(blank=True, max_length=60)),
                ("piece", models.CharField(blank=True, max_length=40)),
                ("transaction", models.CharField(blank=True, max_length=64)),
                ("authorisation", models.CharField(blank=True, max_length=64)),
                ("paid_at", models.DateTimeField()),
                (
                    "issued_as",
                    models.CharField(
                        choices=[("agent", "agent"), ("regisseur", "régisseur"), ("administrator", "administrateur")],
                        max_length=20,
                    ),
                ),
                ("issued_at", models.DateTimeField()),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "issued_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "regie",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="collectivites.regie",
                    ),
                ),
                (
                    "settlement",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.settlement",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QuittanceCounter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("year", models.PositiveSmallIntegerField()),
                ("last", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField(null=True)),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "regie",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="collectivites.regie",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QuittanceDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("made_at", models.DateTimeField()),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "quittance",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="receipts.quittance",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QuittancePerson",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveSmallIntegerField(default=0)),
                ("name", models.CharField(max_length=120)),
                ("address", models.JSONField(blank=True, default=list)),
                ("postcode", models.CharField(blank=True, max_length=10)),
                ("city", models.CharField(blank=True, max_length=60)),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "quittance",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="receipts.quittance",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="quittance",
            index=models.Index(fields=["collectivite", "-issued_at", "-id"], name="receipts_quittance_recent"),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "regie", "year", "number"), name="receipts_quittance_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.UniqueConstraint(fields=("collectivite", "settlement"), name="receipts_quittance_once"),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gt", 0)), name="receipts_quittance_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="receipts_quittance_amount"),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.CheckConstraint(
                condition=models.Q(("excess__gte", 0), ("excess__lte", models.F("amount"))),
                name="receipts_quittance_excess",
            ),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "how__in",
                        ["online", "online_card", "direct_debit", "cash", "cheque", "card", "transfer", "vouchers"],
                    )
                ),
                name="receipts_quittance_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="quittance",
            constraint=models.CheckConstraint(
                condition=models.Q(("issued_as__in", ["agent", "regisseur", "administrator"])),
                name="receipts_quittance_issued_as",
            ),
        ),
        migrations.AddConstraint(
            model_name="quittancecounter",
            constraint=models.UniqueConstraint(fields=("collectivite", "regie", "year"), name="receipts_counter_once"),
        ),
        migrations.AddConstraint(
            model_name="quittancedelivery",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "quittance", "number"), name="receipts_delivery_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="quittancedelivery",
            constraint=models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="receipts_delivery_from_one"),
        ),
        migrations.AddConstraint(
            model_name="quittanceperson",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "quittance", "place"), name="receipts_person_once"
            ),
        ),
    ]
