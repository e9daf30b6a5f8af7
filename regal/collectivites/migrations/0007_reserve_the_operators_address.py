"""The operators' pages have an address that no town may take."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0006_walls_of_the_look"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="collectivite",
            name="collectivites_collectivite_slug",
        ),
        migrations.AddConstraint(
            model_name="collectivite",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("slug__regex", "^[a-z0-9]+(-[a-z0-9]+)*$"),
                    models.Q(
                        (
                            "slug__in",
                            [
                                "accessibilite",
                                "aide",
                                "api",
                                "compte",
                                "connexion",
                                "deconnexion",
                                "en",
                                "exploitation",
                                "healthz",
                                "invitation",
                                "mentions-legales",
                                "readyz",
                                "s",
                                "static",
                            ],
                        ),
                        _negated=True,
                    ),
                ),
                name="collectivites_collectivite_slug",
            ),
        ),
    ]
