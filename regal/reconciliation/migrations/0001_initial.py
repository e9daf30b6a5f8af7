"""Files of payments, and what became of each of their lines."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("collectivites", "0007_reserve_the_operators_address"),
        ("payments", "0004_messages_cut_and_cases_of_what_differs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DepositedFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pes_retour", "PES Retour Recette du comptable"),
                            ("regisseur_csv", "relevé de régie"),
                        ],
                        max_length=20,
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=120)),
                ("content", models.BinaryField(null=True)),
                ("entity", models.CharField(blank=True, max_length=200)),
                ("covers_from", models.DateField()),
                ("covers_to", models.DateField()),
                ("count", models.PositiveIntegerField()),
                ("total", regal.lib.money_field.MoneyField()),
                ("left_out", models.PositiveIntegerField()),
                ("deposited_at", models.DateTimeField()),
                ("confirm_asked_at", models.DateTimeField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("discarded_at", models.DateTimeField(null=True)),
                (
                    "account",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="collectivites.gatewayaccount",
                    ),
                ),
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
                    "confirm_asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "deposited_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FiledLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("place", models.CharField(max_length=100)),
                ("reference", models.CharField(blank=True, max_length=60)),
                ("amount", regal.lib.money_field.MoneyField()),
                ("day", models.DateField()),
                ("result", models.CharField(max_length=20)),
                ("is_repeated", models.BooleanField()),
                (
                    "attempt",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        null=True,
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
                    "evidence",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.evidence",
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
            ],
        ),
        migrations.AddIndex(
            model_name="depositedfile",
            index=models.Index(fields=["collectivite", "-deposited_at", "-id"], name="reconciliation_file_recent"),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("discarded_at__isnull", True)),
                fields=("collectivite", "digest"),
                name="reconciliation_file_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("account__isnull", False), ("budget__isnull", True), ("kind", "regisseur_csv")),
                    models.Q(("account__isnull", True), ("budget__isnull", False), ("kind", "pes_retour")),
                    _connector="OR",
                ),
                name="reconciliation_file_whose",
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(("covers_from__lte", models.F("covers_to"))), name="reconciliation_file_days"
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("discarded_at__isnull", True),
                    models.Q(("confirm_asked_at__isnull", True), ("confirmed_at__isnull", True)),
                    _connector="OR",
                ),
                name="reconciliation_file_one_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("confirmed_at__isnull", True), ("confirm_asked_at__isnull", False), _connector="OR"
                ),
                name="reconciliation_file_asked_first",
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("content__isnull", False),
                    ("confirmed_at__isnull", False),
                    ("discarded_at__isnull", False),
                    _connector="OR",
                ),
                name="reconciliation_file_kept_until_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(condition=models.Q(("total__gte", 0)), name="reconciliation_file_total"),
        ),
        migrations.AddIndex(
            model_name="filedline",
            index=models.Index(fields=["collectivite", "reference", "day"], name="reconciliation_line_key"),
        ),
        migrations.AddIndex(
            model_name="filedline",
            index=models.Index(fields=["collectivite", "attempt"], name="reconciliation_line_attempt"),
        ),
        migrations.AddIndex(
            model_name="filedline",
            index=models.Index(fields=["collectivite", "evidence"], name="reconciliation_line_evidence"),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "file", "number"), name="reconciliation_line_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("result__in", ["confirmed", "already_confirmed"])),
                fields=("collectivite", "file", "attempt"),
                name="reconciliation_line_one_attempt",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("result", "confirmed")),
                fields=("collectivite", "attempt"),
                name="reconciliation_line_confirms_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("result__in", ["confirmed", "already_confirmed", "elsewhere", "other_amount", "ambiguous"])
                ),
                name="reconciliation_line_known_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="reconciliation_line_amount"),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("attempt__isnull", False),
                        ("evidence__isnull", False),
                        ("is_repeated", False),
                        ("result", "confirmed"),
                    ),
                    models.Q(("attempt__isnull", False), ("result", "already_confirmed")),
                    models.Q(("attempt__isnull", False), ("evidence__isnull", True), ("result", "other_amount")),
                    models.Q(
                        ("attempt__isnull", True),
                        ("evidence__isnull", True),
                        ("result__in", ["elsewhere", "ambiguous"]),
                    ),
                    _connector="OR",
                ),
                name="reconciliation_line_shape",
            ),
        ),
    ]
