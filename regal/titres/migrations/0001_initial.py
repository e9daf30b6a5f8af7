"""The base of titres."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("collectivites", "0009_a_town_changes_itself_only"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Titre",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "collector",
                    models.CharField(
                        choices=[("regie", "la régie"), ("comptable", "le comptable public")], max_length=10
                    ),
                ),
                (
                    "document_kind",
                    models.CharField(
                        choices=[("facture", "facture"), ("titre", "titre"), ("role", "rôle")], max_length=10
                    ),
                ),
                ("exercice", models.PositiveSmallIntegerField()),
                ("number", models.CharField(max_length=30)),
                ("line", models.PositiveIntegerField(default=1)),
                ("reference", models.CharField(max_length=30)),
                ("label", models.CharField(max_length=100)),
                ("issued_on", models.DateField()),
                ("due_on", models.DateField(null=True)),
                ("amount", regal.lib.money_field.MoneyField()),
                ("status", models.CharField(default="draft", max_length=12)),
                ("paid_at", models.DateTimeField(null=True)),
                ("held_by", models.BigIntegerField(null=True)),
                ("held_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "budget",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="collectivites.budget",
                    ),
                ),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "product",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="collectivites.product",
                    ),
                ),
                (
                    "regie",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="collectivites.regie",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Debtor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="titres.titre",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "direction",
                    models.CharField(choices=[("decrease", "réduction"), ("increase", "complément")], max_length=10),
                ),
                ("amount", regal.lib.money_field.MoneyField()),
                ("reason", models.CharField(max_length=300)),
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
                    "titre",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="titres.titre",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TitreEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("event", models.CharField(max_length=12)),
                ("from_state", models.CharField(blank=True, max_length=12)),
                ("to_state", models.CharField(max_length=12)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("recorded_at", models.DateTimeField()),
                (
                    "adjustment",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="titres.adjustment",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="titres.titre",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="titre",
            index=models.Index(fields=["collectivite", "-created_at", "-id"], name="titres_titre_recent"),
        ),
        migrations.AddIndex(
            model_name="titre",
            index=models.Index(fields=["collectivite", "product", "reference"], name="titres_titre_by_product"),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("regie__isnull", False)),
                fields=("collectivite", "regie", "document_kind", "exercice", "number", "line"),
                name="titres_titre_once_in_regie",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("budget__isnull", False)),
                fields=("collectivite", "budget", "document_kind", "exercice", "number", "line"),
                name="titres_titre_once_in_budget",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("regie__isnull", False)),
                fields=("collectivite", "regie", "reference"),
                name="titres_titre_reference_in_regie",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("budget__isnull", False)),
                fields=("collectivite", "budget", "reference"),
                name="titres_titre_reference_in_budget",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("budget__isnull", True), ("collector", "regie"), ("regie__isnull", False)),
                    models.Q(("budget__isnull", False), ("collector", "comptable"), ("regie__isnull", True)),
                    _connector="OR",
                ),
                name="titres_titre_who_collects",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(("reference__regex", "^[A-Za-z0-9]{6,30}$")), name="titres_titre_reference"
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("amount__lte", 999999999)), name="titres_titre_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "open", "suspended", "cancelled", "transferred", "written_off"])
                ),
                name="titres_titre_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(("exercice__gte", 1000), ("exercice__lte", 9998)), name="titres_titre_exercice"
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("held_by__isnull", True), ("held_until__isnull", True)),
                    models.Q(("held_by__isnull", False), ("held_until__isnull", False)),
                    _connector="OR",
                ),
                name="titres_titre_hold",
            ),
        ),
        migrations.AddConstraint(
            model_name="debtor",
            constraint=models.UniqueConstraint(fields=("collectivite", "titre"), name="titres_debtor_once"),
        ),
        migrations.AddIndex(
            model_name="adjustment",
            index=models.Index(fields=["collectivite", "titre"], name="titres_adjustment_by_titre"),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("amount__lte", 999999999)), name="titres_adjustment_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(("direction__in", ["decrease", "increase"])),
                name="titres_adjustment_known_direction",
            ),
        ),
        migrations.AddConstraint(
            model_name="titreevent",
            constraint=models.UniqueConstraint(fields=("collectivite", "titre", "number"), name="titres_event_number"),
        ),
        migrations.AddConstraint(
            model_name="titreevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "event__in",
                        [
                            "recorded",
                            "issued",
                            "adjusted",
                            "suspended",
                            "resumed",
                            "cancelled",
                            "transferred",
                            "written_off",
                        ],
                    )
                ),
                name="titres_event_known",
            ),
        ),
    ]
