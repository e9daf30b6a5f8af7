"""Notices that a worker makes, until they are purged."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.tenancy


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("collectivites", "0019_how_else_to_pay"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("titres", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("size", models.PositiveIntegerField()),
                ("asked_at", models.DateTimeField()),
                ("done", models.PositiveIntegerField(default=0)),
                ("notices", models.PositiveIntegerField(default=0)),
                ("left_out", models.JSONField(default=dict)),
                ("ended_at", models.DateTimeField(null=True)),
                ("purged_at", models.DateTimeField(null=True)),
                (
                    "asked_by",
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
            ],
        ),
        migrations.CreateModel(
            name="NoticePiece",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("first", models.PositiveIntegerField()),
                ("titres", models.PositiveIntegerField()),
                ("notices", models.PositiveIntegerField()),
                ("pdf", models.BinaryField()),
                ("made_at", models.DateTimeField()),
                (
                    "batch",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="notices.noticebatch",
                    ),
                ),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="noticebatch",
            index=models.Index(fields=["collectivite", "-asked_at", "-id"], name="notices_batch_recent"),
        ),
        migrations.AddConstraint(
            model_name="noticebatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("done__lte", models.F("size")), ("size__gt", 0)), name="notices_batch_done"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticebatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("notices__lte", models.F("done"))), name="notices_batch_notices"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticebatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at__isnull", True), ("done", models.F("size")), _connector="OR"),
                name="notices_batch_ended_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticepiece",
            constraint=models.UniqueConstraint(fields=("collectivite", "batch", "number"), name="notices_piece_once"),
        ),
        migrations.AddConstraint(
            model_name="noticepiece",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "batch", "first"), name="notices_piece_no_double"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticepiece",
            constraint=models.CheckConstraint(
                condition=models.Q(("notices__gt", 0), ("notices__lte", models.F("titres"))),
                name="notices_piece_notices",
            ),
        ),
    ]
