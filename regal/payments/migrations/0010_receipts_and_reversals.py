"""Money received otherwise than online, reversals of settlements, and attempts whose money is gone."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0015_a_debt_in_several_payments"),
        ("payments", "0009_walls_of_what_a_signature_proves"),
        ("titres", "0002_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CounterPerson",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("drawer", models.CharField(blank=True, max_length=120)),
                ("label", models.CharField(blank=True, max_length=140)),
            ],
        ),
        migrations.CreateModel(
            name="CounterReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "means",
                    models.CharField(
                        choices=[
                            ("cash", "espèces"),
                            ("cheque", "chèque"),
                            ("card", "carte bancaire au guichet"),
                            ("transfer", "virement"),
                            ("vouchers", "CESU, chèques-vacances ou autres titres de paiement"),
                        ],
                        max_length=10,
                    ),
                ),
                ("amount", regal.lib.money_field.MoneyField()),
                ("received_on", models.DateField()),
                ("bank", models.CharField(blank=True, max_length=60)),
                ("piece", models.CharField(blank=True, max_length=40)),
                ("book_number", models.CharField(blank=True, max_length=20)),
                ("told_of_hold", models.BooleanField(default=False)),
                ("form_digest", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("digest", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="Reversal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("unpaid_cheque", "chèque impayé"),
                            ("typing_error", "erreur de saisie"),
                            ("given_back", "argent rendu au guichet"),
                            ("rejected", "prélèvement ou virement rejeté"),
                            ("chargeback", "paiement contesté auprès de la banque"),
                            ("forged", "paiement jamais reçu"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("made_at", models.DateTimeField()),
                ("accounting_day", models.DateField()),
            ],
        ),
        migrations.AddField(
            model_name="attempt",
            name="is_reversed",
            field=models.BooleanField(db_default=False, default=False),
        ),
        # PostgreSQL makes a generated column anew or not at all; its indexes go with it.
        migrations.RemoveIndex(model_name="attempt", name="payments_attempt_recent"),
        migrations.RemoveIndex(model_name="attempt", name="payments_attempt_by_standing"),
        migrations.RemoveIndex(model_name="attempt", name="payments_attempt_announced"),
        migrations.RemoveField(model_name="attempt", name="standing"),
        migrations.AddField(
            model_name="attempt",
            name="standing",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(is_reversed=True, then=models.Value("reversed")),
                    models.When(is_provisional=True, then=models.Value("provisional")),
                    models.When(status="paid", then=models.Value("confirmed")),
                    models.When(status="refused", then=models.Value("refused")),
                    models.When(status="abandoned", then=models.Value("abandoned")),
                    models.When(status="unknown", then=models.Value("unknown")),
                    models.When(announced="paid", then=models.Value("announced_paid")),
                    models.When(announced="refused", then=models.Value("announced_refused")),
                    models.When(announced="abandoned", then=models.Value("announced_abandoned")),
                    models.When(announced="pending", then=models.Value("announced_unclear")),
                    models.When(announced="unknown", then=models.Value("announced_unclear")),
                    models.When(status="created", then=models.Value("under_way")),
                    models.When(status="requested", then=models.Value("under_way")),
                    models.When(status="open", then=models.Value("under_way")),
                    models.When(status="handed_off", then=models.Value("under_way")),
                    models.When(status="expired_presumed", then=models.Value("silent")),
                    models.When(status="never_started", then=models.Value("never_started")),
                    default=models.Value(""),
                    output_field=models.CharField(),
                ),
                output_field=models.CharField(max_length=20),
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                fields=["collectivite", "-created_at", "-id"],
                include=("environment", "standing", "product", "amount"),
                name="payments_attempt_recent",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                fields=["collectivite", "standing", "-created_at", "-id"], name="payments_attempt_by_standing"
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("standing", "announced_paid")),
                fields=["collectivite", "announced_at"],
                include=("environment", "product", "amount"),
                name="payments_attempt_announced",
            ),
        ),
        migrations.AlterField(
            model_name="settlement",
            name="account",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.gatewayaccount",
            ),
        ),
        migrations.AlterField(
            model_name="settlement",
            name="attempt",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.attempt",
            ),
        ),
        migrations.AlterField(
            model_name="settlement",
            name="evidence",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.evidence",
            ),
        ),
        migrations.AlterField(
            model_name="settlement",
            name="rank",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_reversed", False), ("status", "paid"), _connector="OR"),
                name="payments_attempt_reversed",
            ),
        ),
        migrations.AddField(
            model_name="counterperson",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="counterreceipt",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="counterreceipt",
            name="made_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="counterreceipt",
            name="product",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.product",
            ),
        ),
        migrations.AddField(
            model_name="counterreceipt",
            name="regie",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.regie",
            ),
        ),
        migrations.AddField(
            model_name="counterreceipt",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="titres.titre"
            ),
        ),
        migrations.AddField(
            model_name="counterperson",
            name="receipt",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.counterreceipt",
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="receipt",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.counterreceipt",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "receipt"), name="payments_settlement_receipt_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("account__isnull", False),
                        ("attempt__isnull", False),
                        ("evidence__isnull", False),
                        ("rank__isnull", False),
                        ("receipt__isnull", True),
                    ),
                    models.Q(
                        ("account__isnull", True),
                        ("attempt__isnull", True),
                        ("environment", "production"),
                        ("evidence__isnull", True),
                        ("rank__isnull", True),
                        ("receipt__isnull", False),
                        ("transaction", ""),
                    ),
                    _connector="OR",
                ),
                name="payments_settlement_whence",
            ),
        ),
        migrations.AddField(
            model_name="reversal",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="reversal",
            name="made_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="reversal",
            name="settlement",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.settlement",
            ),
        ),
        migrations.AddIndex(
            model_name="counterreceipt",
            index=models.Index(fields=["collectivite", "-received_on", "-id"], name="payments_counter_by_day"),
        ),
        migrations.AddIndex(
            model_name="counterreceipt",
            index=models.Index(fields=["collectivite", "titre"], name="payments_counter_by_titre"),
        ),
        migrations.AddConstraint(
            model_name="counterreceipt",
            constraint=models.UniqueConstraint(fields=("collectivite", "form_digest"), name="payments_counter_form"),
        ),
        migrations.AddConstraint(
            model_name="counterreceipt",
            constraint=models.UniqueConstraint(fields=("collectivite", "digest"), name="payments_counter_digest"),
        ),
        migrations.AddConstraint(
            model_name="counterreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("amount__lte", 999999999)), name="payments_counter_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="counterreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("means__in", ["cash", "cheque", "card", "transfer", "vouchers"])),
                name="payments_counter_means",
            ),
        ),
        migrations.AddConstraint(
            model_name="counterreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("means", "cheque"), _negated=True),
                    models.Q(models.Q(("bank", ""), _negated=True), models.Q(("piece", ""), _negated=True)),
                    _connector="OR",
                ),
                name="payments_counter_cheque",
            ),
        ),
        migrations.AddConstraint(
            model_name="counterperson",
            constraint=models.UniqueConstraint(fields=("collectivite", "receipt"), name="payments_counterperson_once"),
        ),
        migrations.AddConstraint(
            model_name="reversal",
            constraint=models.UniqueConstraint(fields=("collectivite", "settlement"), name="payments_reversal_once"),
        ),
        migrations.AddConstraint(
            model_name="reversal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause__in", ["unpaid_cheque", "typing_error", "given_back", "rejected", "chargeback", "forged"])
                ),
                name="payments_reversal_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="reversal",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="payments_reversal_reason"
            ),
        ),
    ]
