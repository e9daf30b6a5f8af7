"""E-mails that tell of an act, and what each run of the invariants found."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_platform_acts_append_only"),
        ("collectivites", "0007_reserve_the_operators_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="VerifyRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("invariants", models.PositiveIntegerField()),
                ("rows", models.PositiveBigIntegerField()),
                ("broken", models.PositiveIntegerField()),
                ("milliseconds", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Letter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "entry",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.auditentry",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("collectivite", "entry", "recipient"), name="audit_letter_once")
                ],
            },
        ),
    ]
