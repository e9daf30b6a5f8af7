"""What is done with a case, who has it, and how it ends; one more kind."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import regal.lib.tenancy


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0004_kinds_from_files"),
        ("collectivites", "0007_reserve_the_operators_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("first_seen", "vue pour la première fois"),
                            ("assigned", "confiée"),
                            ("released", "rendue"),
                            ("noted", "note"),
                            ("closed", "close"),
                        ],
                        max_length=20,
                    ),
                ),
                ("rule", models.CharField(blank=True, max_length=60)),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("collected", "encaissé, le comptable public le confirme"),
                            ("never_collected", "jamais encaissé, le comptable public l’affirme"),
                            ("collected_then_rejected", "encaissé, puis rejeté ou remboursé"),
                            ("later_file", "encaissé, arrivera dans un prochain fichier"),
                            ("amount_of_file", "le bon montant est celui du fichier"),
                            ("amount_asked", "le bon montant est celui demandé ici"),
                            ("of_another_payment", "c’était un autre paiement, il est retrouvé"),
                            ("without_proof", "message sans preuve, sans suite"),
                            ("reported", "signalé à l’exploitant de REGAL"),
                            ("payer_told", "payeur prévenu que sa dette est payée"),
                            ("payer_never_chased", "rien à dire au payeur, il n’avait pas été relancé"),
                            ("debt_named", "le comptable public a dit de quelle dette il s’agit"),
                            ("not_ours", "aucune de ces dettes n’est concernée"),
                            ("refund_asked", "remboursement demandé à l’ordonnateur"),
                            ("kept_as_credit", "gardé en avoir pour une prochaine facture"),
                            ("nothing_too_much", "rien de trop : payé en plusieurs fois, ou factures différentes"),
                            ("other", "autre, expliqué dans le motif"),
                            ("resolved_itself", "s’est résolue d’elle-même"),
                        ],
                        max_length=30,
                    ),
                ),
                ("text", models.CharField(blank=True, max_length=500)),
                ("at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="cases_case_known_kind",
        ),
        migrations.AddField(
            model_name="case",
            name="assigned_to",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="closed_rule",
            field=models.CharField(blank=True, db_default="", max_length=60),
        ),
        migrations.AlterField(
            model_name="case",
            name="decision",
            field=models.CharField(
                blank=True,
                choices=[
                    ("collected", "encaissé, le comptable public le confirme"),
                    ("never_collected", "jamais encaissé, le comptable public l’affirme"),
                    ("collected_then_rejected", "encaissé, puis rejeté ou remboursé"),
                    ("later_file", "encaissé, arrivera dans un prochain fichier"),
                    ("amount_of_file", "le bon montant est celui du fichier"),
                    ("amount_asked", "le bon montant est celui demandé ici"),
                    ("of_another_payment", "c’était un autre paiement, il est retrouvé"),
                    ("without_proof", "message sans preuve, sans suite"),
                    ("reported", "signalé à l’exploitant de REGAL"),
                    ("payer_told", "payeur prévenu que sa dette est payée"),
                    ("payer_never_chased", "rien à dire au payeur, il n’avait pas été relancé"),
                    ("debt_named", "le comptable public a dit de quelle dette il s’agit"),
                    ("not_ours", "aucune de ces dettes n’est concernée"),
                    ("refund_asked", "remboursement demandé à l’ordonnateur"),
                    ("kept_as_credit", "gardé en avoir pour une prochaine facture"),
                    ("nothing_too_much", "rien de trop : payé en plusieurs fois, ou factures différentes"),
                    ("other", "autre, expliqué dans le motif"),
                    ("resolved_itself", "s’est résolue d’elle-même"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="kind",
            field=models.CharField(
                choices=[
                    ("contradiction", "message contraire après un paiement confirmé"),
                    ("other_payment", "message ou preuve d’un autre paiement"),
                    ("unknown_outcome", "résultat inconnu"),
                    ("stuck_effect", "traitement en échec répété"),
                    ("absent_from_file", "annoncé payé, absent du fichier"),
                    ("other_amount", "autre montant dans le fichier"),
                    ("refused_yet_filed", "annoncé refusé ou abandonné, présent dans le fichier"),
                    ("ambiguous_line", "ligne de fichier qui va à plusieurs dettes"),
                    ("double_payment", "deux paiements confirmés de la même facture"),
                ],
                max_length=30,
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["collectivite", "opened_at", "id"],
                name="cases_case_open",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False)),
                fields=["collectivite", "-closed_at", "-id"],
                name="cases_case_closed",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["collectivite", "subject_kind", "subject_id"], name="cases_case_subject"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "contradiction",
                            "other_payment",
                            "unknown_outcome",
                            "stuck_effect",
                            "absent_from_file",
                            "other_amount",
                            "refused_yet_filed",
                            "ambiguous_line",
                            "double_payment",
                        ],
                    )
                ),
                name="cases_case_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "decision__in",
                        [
                            "",
                            "collected",
                            "never_collected",
                            "collected_then_rejected",
                            "later_file",
                            "amount_of_file",
                            "amount_asked",
                            "of_another_payment",
                            "without_proof",
                            "reported",
                            "payer_told",
                            "payer_never_chased",
                            "debt_named",
                            "not_ours",
                            "refund_asked",
                            "kept_as_credit",
                            "nothing_too_much",
                            "other",
                            "resolved_itself",
                        ],
                    )
                ),
                name="cases_case_known_decision",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("closed_rule", ""),
                        ("decision", ""),
                        ("reason", ""),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("closed_rule", ""),
                        models.Q(("decision", ""), _negated=True),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", True),
                        models.Q(("closed_rule", ""), _negated=True),
                        models.Q(("decision", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="cases_case_closed_by_somebody",
            ),
        ),
        migrations.AddField(
            model_name="caseevent",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="caseevent",
            name="case",
            field=regal.lib.tenancy.TenantForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.case"
            ),
        ),
        migrations.AddField(
            model_name="caseevent",
            name="collectivite",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
            ),
        ),
        migrations.AddField(
            model_name="caseevent",
            name="to_user",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="caseevent",
            constraint=models.UniqueConstraint(fields=("collectivite", "case", "number"), name="cases_event_number"),
        ),
        migrations.AddConstraint(
            model_name="caseevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("step__in", ["first_seen", "assigned", "released", "noted", "closed"])),
                name="cases_event_known_step",
            ),
        ),
        migrations.AddConstraint(
            model_name="caseevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("by__isnull", False), ("rule", "")),
                    models.Q(("by__isnull", True), models.Q(("rule", ""), _negated=True)),
                    _connector="OR",
                ),
                name="cases_event_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="caseevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("step", "assigned"), ("to_user__isnull", False)),
                    models.Q(models.Q(("step", "assigned"), _negated=True), ("to_user__isnull", True)),
                    _connector="OR",
                ),
                name="cases_event_to_somebody",
            ),
        ),
    ]
