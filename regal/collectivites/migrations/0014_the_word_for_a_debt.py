"""What each town calls the debts of its régies."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0013_the_address_before_is_heard_a_while"),
    ]

    operations = [
        migrations.AddField(
            model_name="collectivite",
            name="debt_word",
            field=models.CharField(
                choices=[("facture", "une facture"), ("avis", "un avis"), ("titre", "un titre")],
                db_default="facture",
                default="facture",
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="collectivite",
            constraint=models.CheckConstraint(
                condition=models.Q(("debt_word__in", ["facture", "avis", "titre"])),
                name="collectivites_collectivite_debt_word",
            ),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (debt_word) ON collectivites_collectivite TO regal_app",
            "REVOKE UPDATE (debt_word) ON collectivites_collectivite FROM regal_app",
        ),
    ]
