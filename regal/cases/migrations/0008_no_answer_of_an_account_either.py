"""An account that answers nothing is a case of the same kind: its name says both."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0007_kinds_from_inquiries")]

    operations = [
        migrations.AlterField(
            "case",
            "kind",
            models.CharField(
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
                    ("impossible_answer", "réponse impossible de PayFiP"),
                    ("no_answer", "PayFiP ne dit pas le résultat"),
                ],
                max_length=30,
            ),
        ),
    ]
