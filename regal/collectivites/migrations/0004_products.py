"""Products of every kind: dates, the words of their form, amount ranges; a régie's product is always checked."""

from django.db import migrations, models

import regal.lib.money_field

KIND = """
UPDATE collectivites_product SET debt_kind = account.debt_kind
    FROM collectivites_gatewayaccount account WHERE account.id = collectivites_product.account_id;
-- Nobody could pay these yet; they stay closed until somebody gives them their terms.
UPDATE collectivites_product SET is_open = false, reference_form = '{"pattern": "#{30}"}', min_amount_cents = 100,
    max_amount_cents = 100 WHERE debt_kind = 'regie';
"""
WALLS = """
ALTER TABLE collectivites_product ADD CONSTRAINT collectivites_product_kind_of_account
    FOREIGN KEY (collectivite_id, account_id, debt_kind)
    REFERENCES collectivites_gatewayaccount (collectivite_id, id, debt_kind);
GRANT UPDATE (opens_on, closes_on, closed_note, reference_form, min_amount_cents, max_amount_cents)
    ON collectivites_product TO regal_app;
"""
UNDO_WALLS = """
ALTER TABLE collectivites_product DROP CONSTRAINT collectivites_product_kind_of_account;
"""


class Migration(migrations.Migration):
    dependencies = [("collectivites", "0003_reserve_the_bureaus_addresses")]

    operations = [
        migrations.AddField(
            "product", "debt_kind", models.CharField(db_default="titre", default="titre", max_length=10)
        ),
        migrations.AddField("product", "opens_on", models.DateField(blank=True, null=True)),
        migrations.AddField("product", "closes_on", models.DateField(blank=True, null=True)),
        migrations.AddField(
            "product", "closed_note", models.CharField(blank=True, db_default="", default="", max_length=300)
        ),
        migrations.AddField(
            "product",
            "reference_form",
            models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField("product", "min_amount", regal.lib.money_field.MoneyField(blank=True, null=True)),
        migrations.AddField("product", "max_amount", regal.lib.money_field.MoneyField(blank=True, null=True)),
        migrations.RunSQL(KIND, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "gatewayaccount",
            models.UniqueConstraint(fields=["collectivite", "id", "debt_kind"], name="collectivites_account_kind"),
        ),
        migrations.AddConstraint(
            "product",
            models.CheckConstraint(
                condition=models.Q(closes_on__isnull=True)
                | models.Q(opens_on__isnull=True)
                | models.Q(closes_on__gte=models.F("opens_on")),
                name="collectivites_product_days",
            ),
        ),
        migrations.AddConstraint(
            "product",
            models.CheckConstraint(
                condition=models.Q(min_amount__isnull=True)
                | models.Q(max_amount__isnull=True)
                | models.Q(min_amount__gt=0, max_amount__gte=models.F("min_amount")),
                name="collectivites_product_amounts",
            ),
        ),
        migrations.AddConstraint(
            "product",
            models.CheckConstraint(
                condition=~models.Q(debt_kind="regie")
                | models.Q(min_amount__isnull=False, max_amount__isnull=False)
                & (
                    (models.Q(reference_form__has_key="pattern") & ~models.Q(reference_form__pattern=""))
                    | (models.Q(reference_form__has_key="check_key") & ~models.Q(reference_form__check_key=""))
                ),
                name="collectivites_product_regie_is_checked",
            ),
        ),
        migrations.RunSQL(WALLS, UNDO_WALLS),
    ]
