"""The books take money received otherwise than online, and reversals that name what they correct."""

import django.db.models.deletion
from django.db import migrations, models

import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0015_a_debt_in_several_payments"),
        ("journal", "0002_walls"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="entry",
            name="journal_entry_shape",
        ),
        migrations.AddField(
            model_name="entry",
            name="means",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AddField(
            model_name="entry",
            name="receipt_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="entry",
            name="regie",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.regie",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="kind",
            field=models.CharField(
                choices=[("settlement", "Settlement"), ("reversal", "Reversal"), ("seal", "Seal")], max_length=20
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "settlement")),
                fields=("collectivite", "receipt_id"),
                name="journal_entry_one_receipt",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "reversal")),
                fields=("collectivite", "corrects"),
                name="journal_entry_one_reversal",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        models.Q(
                            models.Q(("corrects__isnull", True), ("kind", "settlement")),
                            models.Q(
                                ("corrects__isnull", False),
                                ("kind", "reversal"),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        models.Q(
                            models.Q(
                                ("account__isnull", False),
                                ("amount__gt", 0),
                                ("attempt_id__isnull", False),
                                ("environment__in", ["test", "activation", "production"]),
                                ("means", ""),
                                ("receipt_id__isnull", True),
                                ("regie__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("amount__gt", 0),
                                ("attempt_id__isnull", True),
                                ("environment", "production"),
                                ("receipt_id__isnull", False),
                                ("regie__isnull", False),
                                models.Q(("means", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        ("amount__isnull", True),
                        ("attempt_id__isnull", True),
                        ("kind", "seal"),
                        ("receipt_id__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="journal_entry_shape",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_regie_in_tenant"
            " FOREIGN KEY (collectivite_id, regie_id) REFERENCES collectivites_regie (collectivite_id, id)",
            "ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_regie_in_tenant",
        ),
    ]
