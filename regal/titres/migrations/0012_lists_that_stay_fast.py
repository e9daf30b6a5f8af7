"""The list of titres goes by day of issue, each way of filtering it by an index; those paid in part are known by a column."""

from django.db import migrations, models

WAITING = models.Q(paid_at__isnull=True, status__in=["open", "suspended"])
BY_DAY = ["collectivite", "issued_on", "id"]

PAYMENTS = """
GRANT UPDATE (is_paid_in_part) ON titres_titre TO regal_app;
UPDATE titres_titre t SET is_paid_in_part = true WHERE t.paid_at IS NULL AND EXISTS (
    SELECT FROM payments_allocation l WHERE l.collectivite_id = t.collectivite_id AND l.titre_id = t.id
        AND NOT EXISTS (SELECT FROM payments_reversal r
            WHERE r.collectivite_id = l.collectivite_id AND r.settlement_id = l.settlement_id));
"""
NO_PAYMENTS = "REVOKE UPDATE (is_paid_in_part) ON titres_titre FROM regal_app;"


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0011_walls_of_receipts_and_reversals"),
        ("titres", "0011_undone_by_a_worker"),
    ]

    operations = [
        migrations.AddField("titre", "is_paid_in_part", models.BooleanField(db_default=False, default=False)),
        migrations.RunSQL(PAYMENTS, NO_PAYMENTS),
        migrations.RemoveIndex("titre", "titres_titre_listed"),
        migrations.RemoveIndex("titre", "titres_titre_unpaid"),
        migrations.AddIndex(
            "titre",
            models.Index(
                fields=BY_DAY,
                include=[
                    "product",
                    "status",
                    "paid_at",
                    "held_until",
                    "amount",
                    "due_on",
                    "document_kind",
                    "collector",
                    "origin",
                ],
                name="titres_titre_listed",
            ),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(fields=["collectivite", "product", "issued_on", "id"], name="titres_titre_by_product"),
        ),
        migrations.AddIndex(
            "titre", models.Index(fields=["collectivite", "due_on", "id"], name="titres_titre_by_due_day")
        ),
        migrations.AddIndex(
            "titre",
            models.Index(fields=["collectivite", "document_kind", "collector"], name="titres_titre_by_kind"),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(
                fields=BY_DAY,
                include=["product", "status", "paid_at", "held_until", "due_on", "amount"],
                condition=WAITING,
                name="titres_titre_waiting",
            ),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(
                fields=["collectivite", "status", "issued_on", "id"],
                include=["product", "paid_at", "is_paid_in_part", "due_on", "amount"],
                condition=models.Q(paid_at__isnull=True) & ~models.Q(status="open"),
                name="titres_titre_decided",
            ),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(fields=BY_DAY, condition=models.Q(paid_at__isnull=False), name="titres_titre_paid"),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(
                fields=BY_DAY,
                condition=models.Q(is_paid_in_part=True),
                name="titres_titre_paid_in_part",
            ),
        ),
        migrations.AddIndex(
            "titre",
            models.Index(fields=BY_DAY, condition=models.Q(held_until__isnull=False), name="titres_titre_held"),
        ),
    ]
