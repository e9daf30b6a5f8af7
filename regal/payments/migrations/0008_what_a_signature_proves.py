"""Settlements that rest on a signature alone, the transactions they name, and messages to an account's own address."""

import django.db.models.deletion
from django.db import migrations, models

import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0011_an_address_of_its_own"),
        ("payments", "0007_walls_of_allocations"),
        ("titres", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="TransactionSeen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("account_id", models.BigIntegerField()),
                ("attempt_id", models.BigIntegerField()),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="settlement",
            name="payments_settlement_rank",
        ),
        migrations.AddField(
            model_name="attempt",
            name="is_provisional",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="inboxmessage",
            name="channel",
            field=models.CharField(
                choices=[("notification", "Notification"), ("return", "Return")],
                db_default="notification",
                default="notification",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="settlement",
            name="transaction",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="reference",
            field=models.CharField(max_length=64),
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
            model_name="inboxmessage",
            name="attempt",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.attempt",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("is_provisional", True)),
                fields=["collectivite", "account"],
                name="payments_attempt_unconfirmed",
            ),
        ),
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(
                condition=models.Q(("attempt__isnull", True)),
                fields=["collectivite", "account", "received_at"],
                name="payments_evidence_of_nobody",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_provisional", False), ("status", "paid"), _connector="OR"),
                name="payments_attempt_provisional",
            ),
        ),
        migrations.AddConstraint(
            model_name="inboxmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("channel", "notification"),
                    models.Q(("attempt__isnull", False), ("channel", "return")),
                    _connector="OR",
                ),
                name="payments_inbox_channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("transaction", ""), _negated=True),
                fields=("account", "transaction"),
                name="payments_settlement_transaction",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(condition=models.Q(("rank__gte", 1)), name="payments_settlement_rank"),
        ),
    ]
