"""Imports: sources, files, their pieces and lines; where a titre comes from; fewer indices on what is written by sets."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0013_the_address_before_is_heard_a_while"),
        ("titres", "0003_debtor_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                ("digest", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                ("file_format", models.CharField(blank=True, max_length=10)),
                ("head", models.JSONField(blank=True, default=dict)),
                ("state", models.CharField(default="received", max_length=12)),
                ("error", models.JSONField(blank=True, default=dict)),
                ("lines_read", models.PositiveIntegerField(default=0)),
                ("bytes_read", models.PositiveBigIntegerField(default=0)),
                ("counts", models.JSONField(blank=True, default=dict)),
                ("new_total", regal.lib.money_field.MoneyField(null=True)),
                ("only_valid", models.BooleanField(default=False)),
                ("created", models.PositiveIntegerField(default=0)),
                ("adjusted", models.PositiveIntegerField(default=0)),
                ("skipped", models.PositiveIntegerField(default=0)),
                ("kept_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("asked_at", models.DateTimeField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ImportLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("place", models.CharField(max_length=100)),
                ("verdict", models.CharField(max_length=10)),
                ("troubles", models.JSONField(null=True)),
                ("product_id", models.BigIntegerField(null=True)),
                ("document_kind", models.CharField(blank=True, max_length=10)),
                ("exercice", models.PositiveSmallIntegerField(null=True)),
                ("titre_number", models.CharField(blank=True, max_length=30)),
                ("titre_line", models.PositiveIntegerField(default=1)),
                ("reference", models.CharField(blank=True, max_length=30)),
                ("label", models.CharField(blank=True, max_length=100)),
                ("issued_on", models.DateField(null=True)),
                ("due_on", models.DateField(null=True)),
                ("amount", regal.lib.money_field.MoneyField(null=True)),
                ("batch", models.CharField(blank=True, max_length=20)),
                ("piece", models.CharField(blank=True, max_length=60)),
                ("debtor_name", models.CharField(blank=True, max_length=120)),
                ("debtor_reference", models.CharField(blank=True, max_length=30)),
                ("debtor_email", models.CharField(blank=True, max_length=254)),
                ("debtor_address", models.CharField(blank=True, max_length=200)),
                ("debtor_postcode", models.CharField(blank=True, max_length=10)),
                ("debtor_city", models.CharField(blank=True, max_length=60)),
                ("debtor_siret", models.CharField(blank=True, max_length=14)),
                ("debtor_others", models.CharField(blank=True, max_length=500)),
                ("titre_id", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ImportPiece",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="ImportSource",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                (
                    "collector",
                    models.CharField(
                        choices=[("regie", "la régie"), ("comptable", "le comptable public")], max_length=10
                    ),
                ),
                ("file_format", models.CharField(blank=True, max_length=10)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("products", models.JSONField(blank=True, default=dict)),
                ("regie_codes", models.JSONField(blank=True, default=list)),
                ("as_drafts", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RemoveIndex("titre", "titres_titre_by_product"),
        migrations.RemoveConstraint(
            model_name="titre",
            name="titres_titre_once_in_regie",
        ),
        migrations.RemoveConstraint(
            model_name="titre",
            name="titres_titre_once_in_budget",
        ),
        migrations.RemoveConstraint(
            model_name="titre",
            name="titres_titre_reference_in_regie",
        ),
        migrations.RemoveConstraint(
            model_name="titre",
            name="titres_titre_reference_in_budget",
        ),
        migrations.RemoveConstraint(
            model_name="titre",
            name="titres_titre_status",
        ),
        migrations.RemoveConstraint(
            model_name="titreevent",
            name="titres_event_known",
        ),
        migrations.AddField(
            model_name="adjustment",
            name="piece",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            model_name="debtor",
            name="others",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
        migrations.AddField(
            model_name="titre",
            name="batch",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.AddField(
            model_name="titre",
            name="origin_line",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="adjustment",
            name="collectivite",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.collectivite",
            ),
        ),
        migrations.AlterField(
            model_name="adjustment",
            name="made_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="adjustment",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.titre",
            ),
        ),
        migrations.AlterField(
            model_name="debtor",
            name="collectivite",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.collectivite",
            ),
        ),
        migrations.AlterField(
            model_name="debtor",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.titre",
            ),
        ),
        migrations.AlterField(
            model_name="titre",
            name="budget",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.budget",
            ),
        ),
        migrations.AlterField(
            model_name="titre",
            name="collectivite",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.collectivite",
            ),
        ),
        migrations.AlterField(
            model_name="titre",
            name="product",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.product",
            ),
        ),
        migrations.AlterField(
            model_name="titre",
            name="regie",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.regie",
            ),
        ),
        migrations.AlterField(
            model_name="titreevent",
            name="adjustment",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.adjustment",
            ),
        ),
        migrations.AlterField(
            model_name="titreevent",
            name="by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="titreevent",
            name="collectivite",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.collectivite",
            ),
        ),
        migrations.AlterField(
            model_name="titreevent",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.titre",
            ),
        ),
        migrations.AddConstraint(
            model_name="titreevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "event__in",
                        [
                            "recorded",
                            "imported",
                            "issued",
                            "adjusted",
                            "suspended",
                            "resumed",
                            "cancelled",
                            "transferred",
                            "written_off",
                            "withdrawn",
                        ],
                    )
                ),
                name="titres_event_known",
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="confirmed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="kept_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="adjustment",
            name="origin",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.import",
            ),
        ),
        migrations.AddField(
            model_name="titre",
            name="origin",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.import",
            ),
        ),
        migrations.AddIndex(
            model_name="adjustment",
            index=models.Index(
                condition=models.Q(("origin__isnull", False)),
                fields=["collectivite", "origin"],
                name="titres_adjustment_by_origin",
            ),
        ),
        migrations.AddIndex(
            model_name="titre",
            index=models.Index(
                condition=models.Q(("origin__isnull", False)),
                fields=["collectivite", "origin", "origin_line"],
                name="titres_titre_by_origin",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("regie__isnull", False), models.Q(("status", "withdrawn"), _negated=True)),
                fields=("collectivite", "regie", "document_kind", "exercice", "number", "line"),
                name="titres_titre_once_in_regie",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("budget__isnull", False), models.Q(("status", "withdrawn"), _negated=True)),
                fields=("collectivite", "budget", "document_kind", "exercice", "number", "line"),
                name="titres_titre_once_in_budget",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("regie__isnull", False), models.Q(("status", "withdrawn"), _negated=True)),
                fields=("collectivite", "regie", "reference"),
                name="titres_titre_reference_in_regie",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.UniqueConstraint(
                condition=models.Q(("budget__isnull", False), models.Q(("status", "withdrawn"), _negated=True)),
                fields=("collectivite", "budget", "reference"),
                name="titres_titre_reference_in_budget",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["draft", "open", "suspended", "cancelled", "transferred", "written_off", "withdrawn"],
                    )
                ),
                name="titres_titre_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("origin__isnull", True), ("origin_line__isnull", True)),
                    models.Q(("origin__isnull", False), ("origin_line__isnull", False)),
                    _connector="OR",
                ),
                name="titres_titre_origin",
            ),
        ),
        migrations.AddField(
            model_name="importline",
            name="collectivite",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.collectivite",
            ),
        ),
        migrations.AddField(
            model_name="importline",
            name="of_import",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.import",
            ),
        ),
        migrations.AddField(
            model_name="importpiece",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="importpiece",
            name="of_import",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.import",
            ),
        ),
        migrations.AddField(
            model_name="importsource",
            name="budget",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.budget",
            ),
        ),
        migrations.AddField(
            model_name="importsource",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="importsource",
            name="default_product",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.product",
            ),
        ),
        migrations.AddField(
            model_name="importsource",
            name="regie",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="collectivites.regie",
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="source",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.importsource",
            ),
        ),
        migrations.AddConstraint(
            model_name="importline",
            constraint=models.UniqueConstraint(fields=("collectivite", "of_import", "number"), name="titres_line_once"),
        ),
        migrations.AddConstraint(
            model_name="importline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("verdict__in", ["new", "changed", "unchanged", "reduces", "conflict", "error", "left_out"])
                ),
                name="titres_line_verdict",
            ),
        ),
        migrations.AddConstraint(
            model_name="importpiece",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "of_import", "number"), name="titres_piece_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="importsource",
            constraint=models.UniqueConstraint(fields=("collectivite", "name"), name="titres_source_once"),
        ),
        migrations.AddConstraint(
            model_name="importsource",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("budget__isnull", True), ("collector", "regie"), ("regie__isnull", False)),
                    models.Q(("budget__isnull", False), ("collector", "comptable"), ("regie__isnull", True)),
                    _connector="OR",
                ),
                name="titres_source_who_collects",
            ),
        ),
        migrations.AddIndex(
            model_name="import",
            index=models.Index(fields=["collectivite", "-kept_at", "-id"], name="titres_import_recent"),
        ),
        migrations.AddIndex(
            model_name="import",
            index=models.Index(fields=["collectivite", "source", "digest"], name="titres_import_same"),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["received", "reading", "proposed", "writing", "confirmed", "discarded", "refused", "undone"],
                    )
                ),
                name="titres_import_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(("new_total__isnull", True), ("new_total__gte", 0), _connector="OR"),
                name="titres_import_total",
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="titres_import_digest"
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["confirmed", "undone"]), _negated=True),
                    ("confirmed_at__isnull", False),
                    _connector="OR",
                ),
                name="titres_import_confirmed",
            ),
        ),
    ]
