"""Drafts mended, words corrected, decisions taken back, why to the payer, and acts on many titres."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.money_field
import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0014_the_word_for_a_debt"),
        ("titres", "0007_what_the_comptable_says"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TitreGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("issue", "les émettre"),
                            ("suspend", "les suspendre"),
                            ("resume", "les remettre à payer"),
                            ("cancel", "les annuler\xa0: plus rien n’est dû"),
                            ("transfer", "les transmettre au comptable"),
                            ("write_off", "les abandonner"),
                            (
                                "restore",
                                "les rétablir\xa0: revenir sur une annulation, une transmission ou un abandon",
                            ),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("payer_note", models.CharField(blank=True, max_length=200)),
                ("prepared_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="TitreGroupLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seen", models.PositiveIntegerField()),
                ("left", regal.lib.money_field.MoneyField()),
                ("refusal_foreseen", models.BooleanField(default=False)),
                ("refusal", models.CharField(blank=True, max_length=8)),
                ("said", models.CharField(blank=True, max_length=400)),
                ("done_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="titreevent",
            name="titres_event_known",
        ),
        migrations.AddField(
            model_name="titreevent",
            name="changes",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="titreevent",
            name="payer_note",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
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
                            "edited",
                            "issued",
                            "corrected",
                            "adjusted",
                            "suspended",
                            "resumed",
                            "cancelled",
                            "transferred",
                            "written_off",
                            "withdrawn",
                            "taken_charge",
                            "collected",
                            "closed",
                            "rejected",
                            "reopened",
                            "restored",
                            "redrafted",
                        ],
                    )
                ),
                name="titres_event_known",
            ),
        ),
        migrations.AddField(
            model_name="titregroup",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="titregroup",
            name="confirmed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="titregroup",
            name="prepared_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="titregroupline",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="titregroupline",
            name="group",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="titres.titregroup",
            ),
        ),
        migrations.AddField(
            model_name="titregroupline",
            name="titre",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="titres.titre"
            ),
        ),
        migrations.AddConstraint(
            model_name="titregroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("act__in", ["issue", "suspend", "resume", "cancel", "transfer", "write_off", "restore"])
                ),
                name="titres_group_known_act",
            ),
        ),
        migrations.AddConstraint(
            model_name="titregroupline",
            constraint=models.UniqueConstraint(
                fields=("collectivite", "group", "titre"), name="titres_group_line_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="titregroupline",
            constraint=models.CheckConstraint(condition=models.Q(("left__gte", 0)), name="titres_group_line_left"),
        ),
    ]
