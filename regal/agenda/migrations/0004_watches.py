"""Attempts whose gateway is asked until their end is known, and the pace of each account."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agenda", "0003_recovered"),
        ("collectivites", "0009_a_town_changes_itself_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Pace",
            fields=[
                ("account_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("free_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account_id", models.BigIntegerField()),
                ("attempt_id", models.BigIntegerField()),
                ("due_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("asked_at", models.DateTimeField(null=True)),
                ("asked", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failure", models.CharField(blank=True, max_length=80)),
                ("closed_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)), fields=["due_at"], name="agenda_watch_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("collectivite", "attempt_id"), name="agenda_watch_once")
                ],
            },
        ),
    ]
