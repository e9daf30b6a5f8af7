"""« Preuve » no longer names what may be a mere message. Nothing changes in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0002_walls")]

    operations = [
        migrations.AlterField(
            model_name="case",
            name="kind",
            field=models.CharField(
                choices=[
                    ("contradiction", "message contraire après un paiement confirmé"),
                    ("other_payment", "message ou preuve d’un autre paiement"),
                    ("unknown_outcome", "résultat inconnu"),
                    ("stuck_effect", "traitement en échec répété"),
                ],
                max_length=30,
            ),
        ),
    ]
