"""What was paid in régie before tickets existed gets none: its payers are not written to months later."""

from django.db import migrations

FILL = """
WITH paid AS (
    SELECT s.collectivite_id, s.id, s.recorded_at
    FROM payments_settlement s
    JOIN payments_attempt a ON a.collectivite_id = s.collectivite_id AND a.id = s.attempt_id
    JOIN collectivites_gatewayaccount g ON g.collectivite_id = s.collectivite_id AND g.id = s.account_id
    WHERE a.titre_id IS NOT NULL AND g.gateway <> 'payfip_url'
        AND EXISTS (SELECT 1 FROM payments_payer p WHERE p.collectivite_id = a.collectivite_id AND p.attempt_id = a.id)
), done AS (
    INSERT INTO agenda_effect (collectivite_id, kind, subject_id, due_at, done_at, tries, failure)
    SELECT collectivite_id, 'send_ticket', id, recorded_at, now(), 0, '' FROM paid
    ON CONFLICT (collectivite_id, kind, subject_id) DO NOTHING
)
INSERT INTO receipts_ticket (collectivite_id, settlement_id, kind, message_id, owed_at, gave_up_at, why, tries, uncertain)
SELECT collectivite_id, id, 'first', '<before-' || id || '@localhost>', recorded_at, now(), 'before', 0, 0 FROM paid
"""

EMPTY = """
DELETE FROM agenda_effect WHERE kind = 'send_ticket' AND tries = 0 AND done_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM receipts_ticket t WHERE t.collectivite_id = agenda_effect.collectivite_id
        AND t.settlement_id = agenda_effect.subject_id AND t.why = 'before');
DELETE FROM receipts_ticket WHERE why = 'before'
"""


class Migration(migrations.Migration):
    dependencies = [("receipts", "0002_walls"), ("agenda", "0002_walls")]

    operations = [migrations.RunSQL(FILL, EMPTY)]
