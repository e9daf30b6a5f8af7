"""Remises of Paybox: which contracts a file names, and which operation a line is."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0011_an_address_of_its_own"),
        ("payments", "0009_walls_of_what_a_signature_proves"),
        ("reconciliation", "0002_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="depositedfile",
            name="reconciliation_file_whose",
        ),
        migrations.RemoveConstraint(
            model_name="filedline",
            name="reconciliation_line_one_attempt",
        ),
        migrations.RemoveConstraint(
            model_name="filedline",
            name="reconciliation_line_confirms_once",
        ),
        migrations.RemoveConstraint(
            model_name="filedline",
            name="reconciliation_line_known_result",
        ),
        migrations.RemoveConstraint(
            model_name="filedline",
            name="reconciliation_line_shape",
        ),
        migrations.AddField(
            model_name="depositedfile",
            name="contracts",
            field=models.CharField(blank=True, db_default="", default="", max_length=400),
        ),
        migrations.AddField(
            model_name="filedline",
            name="contract",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.AddField(
            model_name="filedline",
            name="kind",
            field=models.CharField(db_default="payment", default="payment", max_length=10),
        ),
        migrations.AddField(
            model_name="filedline",
            name="remittance",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.AddField(
            model_name="filedline",
            name="remitted_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="filedline",
            name="transaction",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.AlterField(
            model_name="depositedfile",
            name="kind",
            field=models.CharField(
                choices=[
                    ("pes_retour", "PES Retour Recette du comptable"),
                    ("regisseur_csv", "relevé de régie"),
                    ("paybox_remise", "remises de Paybox"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="filedline",
            index=models.Index(
                condition=models.Q(("transaction", ""), _negated=True),
                fields=["collectivite", "contract", "transaction"],
                name="reconciliation_line_numbered",
            ),
        ),
        migrations.AddConstraint(
            model_name="depositedfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("account__isnull", False),
                        ("budget__isnull", True),
                        ("contracts", ""),
                        ("kind", "regisseur_csv"),
                    ),
                    models.Q(
                        ("account__isnull", True), ("budget__isnull", False), ("contracts", ""), ("kind", "pes_retour")
                    ),
                    models.Q(
                        ("account__isnull", True),
                        ("budget__isnull", True),
                        ("kind", "paybox_remise"),
                        models.Q(("contracts", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="reconciliation_file_whose",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("result__in", ["confirmed", "already_confirmed", "firm"])),
                fields=("collectivite", "file", "attempt"),
                name="reconciliation_line_one_attempt",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("result__in", ["confirmed", "firm"])),
                fields=("collectivite", "attempt"),
                name="reconciliation_line_confirms_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "result__in",
                        [
                            "confirmed",
                            "already_confirmed",
                            "elsewhere",
                            "other_amount",
                            "ambiguous",
                            "firm",
                            "paid_twice",
                            "refund",
                            "cancelled",
                        ],
                    )
                ),
                name="reconciliation_line_known_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("attempt__isnull", False),
                        ("evidence__isnull", False),
                        ("is_repeated", False),
                        ("kind", "payment"),
                        ("result__in", ["confirmed", "firm"]),
                    ),
                    models.Q(("attempt__isnull", False), ("kind", "payment"), ("result", "already_confirmed")),
                    models.Q(
                        ("attempt__isnull", False),
                        ("evidence__isnull", True),
                        ("kind", "payment"),
                        ("result__in", ["other_amount", "paid_twice"]),
                    ),
                    models.Q(("evidence__isnull", True), ("result__in", ["refund", "cancelled"])),
                    models.Q(
                        ("attempt__isnull", True),
                        ("evidence__isnull", True),
                        ("kind", "payment"),
                        ("result__in", ["elsewhere", "ambiguous"]),
                    ),
                    _connector="OR",
                ),
                name="reconciliation_line_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="filedline",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["payment", "refund", "cancelled"])), name="reconciliation_line_kind"
            ),
        ),
    ]
