"""What messages signed for every merchant alike make visible: three more kinds of case."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0008_no_answer_of_an_account_either"),
        ("collectivites", "0010_one_number_one_way_to_payfip"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="case",
            name="cases_case_known_kind",
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
                        ],
                    )
                ),
                name="cases_case_known_kind",
            ),
        ),
    ]
