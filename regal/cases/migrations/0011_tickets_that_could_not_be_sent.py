"""Tickets that could not be sent: one more kind of case, and two ways in which it may end."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0010_words_of_debts"),
        ("collectivites", "0016_comparing_with_the_base"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="case",
            name="cases_case_known_decision",
        ),
        migrations.RemoveConstraint(
            model_name="case",
            name="cases_case_known_kind",
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
                    ("kept_as_credit", "gardé en avoir, à déduire de ce qui est dû"),
                    ("ticket_given", "payeur prévenu autrement, ou ticket renvoyé"),
                    ("not_asked_for", "rien à dire au payeur, son paiement est compté"),
                    ("nothing_too_much", "rien de trop\xa0: payé en plusieurs fois, ou factures qui diffèrent"),
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
                    ("double_payment", "deux paiements confirmés pour la même facture"),
                    ("excess", "payé plus que dû"),
                    ("late_payment", "paiement prouvé après son échéance"),
                    ("impossible_answer", "réponse impossible"),
                    ("no_answer", "PayFiP ou Paybox ne dit pas le résultat"),
                    ("not_confirmed", "payé, jamais confirmé"),
                    ("not_notified", "Paybox connaît ce paiement, son message n’est pas arrivé"),
                    ("same_transaction", "même numéro de transaction que chez un autre"),
                    ("ticket_not_sent", "ticket de paiement qui n’a pas pu être envoyé"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="caseevent",
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
                    ("kept_as_credit", "gardé en avoir, à déduire de ce qui est dû"),
                    ("ticket_given", "payeur prévenu autrement, ou ticket renvoyé"),
                    ("not_asked_for", "rien à dire au payeur, son paiement est compté"),
                    ("nothing_too_much", "rien de trop\xa0: payé en plusieurs fois, ou factures qui diffèrent"),
                    ("other", "autre, expliqué dans le motif"),
                    ("resolved_itself", "s’est résolue d’elle-même"),
                ],
                max_length=30,
            ),
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
                            "excess",
                            "late_payment",
                            "impossible_answer",
                            "no_answer",
                            "not_confirmed",
                            "not_notified",
                            "same_transaction",
                            "ticket_not_sent",
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
                            "ticket_given",
                            "not_asked_for",
                            "nothing_too_much",
                            "other",
                            "resolved_itself",
                        ],
                    )
                ),
                name="cases_case_known_decision",
            ),
        ),
    ]
