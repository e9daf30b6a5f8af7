from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0009_kinds_from_signed_messages"),
    ]

    operations = [
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
                    ("nothing_too_much", "rien de trop\xa0: payé en plusieurs fois, ou factures qui diffèrent"),
                    ("other", "autre, expliqué dans le motif"),
                    ("resolved_itself", "s’est résolue d’elle-même"),
                ],
                max_length=30,
            ),
        ),
    ]
