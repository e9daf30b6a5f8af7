"""An import that brought many titres is undone by a worker: its state meanwhile, and who asked."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

RIGHTS = "GRANT UPDATE (undo_asked_by_id) ON titres_import TO regal_app;"
NO_RIGHTS = "REVOKE UPDATE (undo_asked_by_id) ON titres_import FROM regal_app;"


class Migration(migrations.Migration):
    dependencies = [
        ("titres", "0010_words_at_less_cost"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="undo_asked_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunSQL(RIGHTS, NO_RIGHTS),
        migrations.RemoveConstraint(model_name="import", name="titres_import_state"),
        migrations.RemoveConstraint(model_name="import", name="titres_import_confirmed"),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "received",
                            "reading",
                            "proposed",
                            "writing",
                            "confirmed",
                            "discarded",
                            "refused",
                            "undoing",
                            "undone",
                        ],
                    )
                ),
                name="titres_import_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["confirmed", "undoing", "undone"]), _negated=True),
                    ("confirmed_at__isnull", False),
                    _connector="OR",
                ),
                name="titres_import_confirmed",
            ),
        ),
    ]
