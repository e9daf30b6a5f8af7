"""What payers are sent after a payment in régie."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import regal.lib.tenancy


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("collectivites", "0016_comparing_with_the_base"),
        ("payments", "0011_walls_of_receipts_and_reversals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("first", "First"), ("again", "Again")], max_length=10)),
                ("message_id", models.CharField(max_length=320)),
                ("owed_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("gave_up_at", models.DateTimeField(null=True)),
                (
                    "why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no_address", "l’adresse du payeur est effacée"),
                            ("bad_address", "le serveur de courrier refuse cette adresse"),
                            ("not_known", "envoyé deux fois sans savoir s’il est arrivé"),
                            ("before", "payé avant que REGAL n’envoie des tickets"),
                        ],
                        max_length=20,
                    ),
                ),
                ("tries", models.PositiveIntegerField(default=0)),
                ("uncertain", models.PositiveSmallIntegerField(default=0)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
                (
                    "settlement",
                    regal.lib.tenancy.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.settlement",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["collectivite", "settlement"], name="receipts_ticket_by_settlement")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "first")),
                        fields=("collectivite", "settlement"),
                        name="receipts_ticket_first",
                    ),
                    models.UniqueConstraint(fields=("collectivite", "message_id"), name="receipts_ticket_message_id"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["first", "again"])), name="receipts_ticket_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("why__in", ["", "no_address", "bad_address", "not_known", "before"])),
                        name="receipts_ticket_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("gave_up_at__isnull", True), ("why", "")),
                            models.Q(
                                ("gave_up_at__isnull", False),
                                ("sent_at__isnull", True),
                                models.Q(("why", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="receipts_ticket_ended_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sent_at__isnull", True),
                            models.Q(
                                ("sent_at__gte", models.F("started_at")),
                                ("started_at__isnull", False),
                                ("tries__gt", 0),
                            ),
                            _connector="OR",
                        ),
                        name="receipts_ticket_sent_after_it_started",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("message_id", ""), _negated=True), name="receipts_ticket_has_message_id"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("uncertain__lte", 2)), name="receipts_ticket_twice_at_most"
                    ),
                ],
            },
        ),
    ]
