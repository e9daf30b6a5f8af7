"""What accounting files make visible: four more kinds of case."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_a_message_is_no_proof"),
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
                        ],
                    )
                ),
                name="cases_case_known_kind",
            ),
        ),
    ]
