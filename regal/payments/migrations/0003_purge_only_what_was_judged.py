"""Raw bytes may go only once the message was judged: an outage longer than the retention must lose nothing."""

from django.db import migrations

PURGE = """
CREATE OR REPLACE FUNCTION regal_purge_inbox(before timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH purged AS (
        UPDATE public.payments_inboxmessage AS message SET query = NULL, body = NULL
        WHERE collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint
            AND received_at < before AND (query IS NOT NULL OR body IS NOT NULL)
            AND EXISTS (
                SELECT 1 FROM public.payments_evidence AS evidence
                WHERE evidence.collectivite_id = message.collectivite_id AND evidence.message_id = message.id
            )
        RETURNING 1
    ) SELECT count(*) FROM purged;
$$;
"""

FORMER = """
CREATE OR REPLACE FUNCTION regal_purge_inbox(before timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH purged AS (
        UPDATE public.payments_inboxmessage SET query = NULL, body = NULL
        WHERE collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint
            AND received_at < before AND (query IS NOT NULL OR body IS NOT NULL)
        RETURNING 1
    ) SELECT count(*) FROM purged;
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_walls")]

    operations = [migrations.RunSQL(PURGE, FORMER)]
