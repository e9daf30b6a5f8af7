"""Find at once what was done after many failures, so that its case closes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agenda", "0002_walls"),
        ("collectivites", "0007_reserve_the_operators_address"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="effect",
            index=models.Index(
                condition=models.Q(("done_at__isnull", False), ("tries__gt", 8)),
                fields=["collectivite"],
                name="agenda_effect_recovered",
            ),
        ),
    ]
