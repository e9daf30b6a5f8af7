"""The name of who owed a debt goes some years after its end: a step of its story."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0019_how_else_to_pay"),
        ("titres", "0012_lists_that_stay_fast"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="titreevent",
            name="titres_event_known",
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
                            "edited",
                            "issued",
                            "corrected",
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
                            "restored",
                            "redrafted",
                            "name_erased",
                        ],
                    )
                ),
                name="titres_event_known",
            ),
        ),
    ]
