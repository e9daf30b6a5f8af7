"""The application's rights on the tables of the libraries we use; a library's new table needs a line in a new migration.

They are shared tables (`design.md`, decision 10): sessions, allauth's, procrastinate's, the throttling cache.
"""

from django.db import migrations

READ_WRITE = [
    "account_emailaddress",
    "account_emailconfirmation",
    "django_session",
    "mfa_authenticator",
    "procrastinate_events",
    "procrastinate_jobs",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
    "throttling_cache",
]
READ = ["auth_group", "auth_group_permissions", "auth_permission", "django_content_type", "django_migrations"]
ALL = ", ".join(READ_WRITE + READ)

RIGHTS = f"""
CREATE TABLE throttling_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX throttling_cache_expires ON throttling_cache (expires);
GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(READ_WRITE)} TO regal_app;
GRANT SELECT ON {", ".join(READ)} TO regal_app;
GRANT SELECT ON {ALL} TO regal_verify;
GRANT USAGE ON SEQUENCE
    procrastinate_events_id_seq, procrastinate_jobs_id_seq, procrastinate_periodic_defers_id_seq TO regal_app;
"""

NO_RIGHTS = f"""
REVOKE ALL ON SEQUENCE
    procrastinate_events_id_seq, procrastinate_jobs_id_seq, procrastinate_periodic_defers_id_seq FROM regal_app;
REVOKE ALL ON {ALL} FROM regal_app, regal_verify;
DROP TABLE throttling_cache;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("procrastinate", "0041_post_retry_failed_job"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(RIGHTS, NO_RIGHTS)]
