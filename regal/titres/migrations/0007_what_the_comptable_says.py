"""The states and steps of the debts that the comptable collects."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0016_comparing_with_the_base"),
        ("titres", "0006_search"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="titre",
            name="titres_titre_status",
        ),
        migrations.RemoveConstraint(
            model_name="titreevent",
            name="titres_event_known",
        ),
        migrations.AddConstraint(
            model_name="titre",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "draft",
                            "open",
                            "suspended",
                            "cancelled",
                            "transferred",
                            "written_off",
                            "withdrawn",
                            "closed",
                            "rejected",
                        ],
                    )
                ),
                name="titres_titre_status",
            ),
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
                            "issued",
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
                        ],
                    )
                ),
                name="titres_event_known",
            ),
        ),
    ]
