"""Who may do what to transactions seen and to numbers of questions; an attempt may be settled provisionally."""

from django.db import migrations

WALLS = """
GRANT UPDATE (is_provisional) ON payments_attempt TO regal_app;
GRANT SELECT, INSERT ON payments_transactionseen TO regal_app;
GRANT SELECT ON payments_transactionseen TO regal_verify;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payments_transactionseen
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON payments_transactionseen
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

-- Paybox wants each question numbered from 1 to 2147483647, once a day and site: they come round after centuries.
CREATE SEQUENCE payments_question_number AS integer MINVALUE 1 CYCLE;
GRANT USAGE ON SEQUENCE payments_question_number TO regal_app;
"""

NO_WALLS = """
DROP SEQUENCE payments_question_number;
DROP TRIGGER append_only_whole ON payments_transactionseen;
DROP TRIGGER append_only ON payments_transactionseen;
REVOKE ALL ON payments_transactionseen FROM regal_app, regal_verify;
REVOKE UPDATE (is_provisional) ON payments_attempt FROM regal_app;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0008_what_a_signature_proves")]

    operations = [migrations.RunSQL(WALLS, NO_WALLS)]
