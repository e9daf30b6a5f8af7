"""Counters that all processes share: requests of one source in a minute, messages to addresses that are not ours."""

from django.db import migrations

COUNTERS = """
CREATE TABLE throttle_window (
    key varchar(64) PRIMARY KEY,
    opened_at timestamptz NOT NULL,
    count integer NOT NULL
);
CREATE INDEX throttle_window_opened_at ON throttle_window (opened_at);
CREATE TABLE stray_message_count (
    day date NOT NULL,
    bucket smallint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (day, bucket)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON throttle_window TO regal_app;
GRANT SELECT, INSERT, UPDATE ON stray_message_count TO regal_app;
GRANT SELECT ON throttle_window, stray_message_count TO regal_verify;
"""

NO_COUNTERS = "DROP TABLE stray_message_count; DROP TABLE throttle_window;"


class Migration(migrations.Migration):
    dependencies = [("config", "0001_rights_on_libraries")]

    operations = [migrations.RunSQL(COUNTERS, NO_COUNTERS)]
