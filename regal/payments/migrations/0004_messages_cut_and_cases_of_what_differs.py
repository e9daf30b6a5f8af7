"""A message may be stored cut. What contradicts its attempt waits in a case at any rank, also what came before today."""

from django.db import migrations, models

CASES_OF_WHAT_DIFFERS = """
INSERT INTO cases_case (collectivite_id, kind, subject_kind, subject_id, facts, rule, opened_at, decision, reason)
SELECT DISTINCT ON (v.collectivite_id, v.attempt_id) v.collectivite_id, 'other_payment', 'attempt', v.attempt_id,
    jsonb_build_object('evidence', v.id, 'differs', string_to_array(v.facts->>'differs', ' ')), 'migration',
    v.received_at, '', ''
FROM payments_evidence v
WHERE v.verdict = 'differs' AND v.attempt_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM cases_case c WHERE c.collectivite_id = v.collectivite_id AND c.kind = 'other_payment'
        AND c.subject_kind = 'attempt' AND c.subject_id = v.attempt_id
)
ORDER BY v.collectivite_id, v.attempt_id, v.id;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_purge_only_what_was_judged"), ("cases", "0003_a_message_is_no_proof")]

    operations = [
        migrations.AddField(
            model_name="inboxmessage",
            name="is_cut",
            field=models.BooleanField(default=False, db_default=False),
        ),
        migrations.RunSQL(CASES_OF_WHAT_DIFFERS, migrations.RunSQL.noop),
    ]
