"""What is noted of joining PayFiP, and changes of where money goes: two people, a delay, nothing rewritten."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

WALLS = """
ALTER TABLE collectivites_adhesion ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_adhesion TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_adhesion TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_adhesion FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (convention_on, form_sent_on, identifier_received_on, office, has_direct_debit) ON collectivites_adhesion TO regal_app;
GRANT SELECT ON collectivites_adhesion TO regal_verify;

ALTER TABLE collectivites_routingchange ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON collectivites_routingchange TO regal_app
    USING (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint)
    WITH CHECK (collectivite_id = nullif(current_setting('regal.tenant', true), '')::bigint);
CREATE POLICY owner ON collectivites_routingchange TO regal_owner USING (true) WITH CHECK (true);
CREATE POLICY verify ON collectivites_routingchange FOR SELECT TO regal_verify USING (true);
GRANT SELECT, INSERT, UPDATE (approved_by_id, approved_at, carried_out_at, cancelled_by_id, cancelled_at, reason) ON collectivites_routingchange TO regal_app;
GRANT SELECT ON collectivites_routingchange TO regal_verify;

-- A fact that is written stays: who approved, when it was carried out, who cancelled.
CREATE FUNCTION regal_routing_facts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.carried_out_at IS NOT NULL OR OLD.cancelled_at IS NOT NULL
        OR (OLD.approved_at IS NOT NULL
            AND (NEW.approved_at, NEW.approved_by_id) IS DISTINCT FROM (OLD.approved_at, OLD.approved_by_id)) THEN
        RAISE EXCEPTION 'a decision on routing stays as it was written' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER facts_stay BEFORE UPDATE ON collectivites_routingchange
    FOR EACH ROW EXECUTE FUNCTION regal_routing_facts_stay();
CREATE TRIGGER append_only BEFORE DELETE ON collectivites_routingchange
    FOR EACH ROW EXECUTE FUNCTION regal_append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON collectivites_routingchange
    FOR EACH STATEMENT EXECUTE FUNCTION regal_append_only();

-- One contract belongs to one collectivité, whatever the phases: a question that no tenant can ask by itself.
GRANT SELECT ON collectivites_gatewayaccount TO regal_finder;
CREATE POLICY finder ON collectivites_gatewayaccount FOR SELECT TO regal_finder USING (true);
CREATE FUNCTION regal_contract_of_one_collectivite() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.gateway || ' ' || NEW.identifier, 8));
    IF EXISTS (SELECT 1 FROM public.collectivites_gatewayaccount g WHERE g.gateway = NEW.gateway
        AND g.identifier = NEW.identifier AND g.collectivite_id <> NEW.collectivite_id) THEN
        RAISE EXCEPTION 'this contract belongs to another collectivite' USING ERRCODE = 'unique_violation',
            CONSTRAINT = 'collectivites_account_of_one_collectivite';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER of_one_collectivite BEFORE INSERT ON collectivites_gatewayaccount
    FOR EACH ROW EXECUTE FUNCTION regal_contract_of_one_collectivite();

-- What waits for whoever runs the platform, who sees no town's rows: numbers only.
GRANT SELECT ON collectivites_routingchange TO regal_finder;
CREATE POLICY finder ON collectivites_routingchange FOR SELECT TO regal_finder USING (true);
CREATE FUNCTION regal_routing_for_operators() RETURNS TABLE (
    id bigint, collectivite_id bigint, kind text, identifier text, asked_at timestamptz, effective_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT c.id, c.collectivite_id, c.kind, c.identifier, c.asked_at, c.effective_at
    FROM public.collectivites_routingchange c
    WHERE c.needs_operator AND c.approved_at IS NULL AND c.cancelled_at IS NULL ORDER BY c.asked_at, c.id;
$$;
REVOKE ALL ON FUNCTION regal_contract_of_one_collectivite() FROM PUBLIC;
REVOKE ALL ON FUNCTION regal_routing_for_operators() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regal_routing_for_operators() TO regal_app;
GRANT CREATE ON SCHEMA public TO regal_finder;
ALTER FUNCTION regal_contract_of_one_collectivite() OWNER TO regal_finder;
ALTER FUNCTION regal_routing_for_operators() OWNER TO regal_finder;
REVOKE CREATE ON SCHEMA public FROM regal_finder;
"""

NO_WALLS = """
DROP FUNCTION regal_routing_for_operators();
DROP TRIGGER of_one_collectivite ON collectivites_gatewayaccount;
DROP FUNCTION regal_contract_of_one_collectivite();
DROP POLICY finder ON collectivites_gatewayaccount;
REVOKE ALL ON collectivites_gatewayaccount FROM regal_finder;
DROP TRIGGER append_only_whole ON collectivites_routingchange;
DROP TRIGGER append_only ON collectivites_routingchange;
DROP TRIGGER facts_stay ON collectivites_routingchange;
DROP FUNCTION regal_routing_facts_stay();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("collectivites", "0007_reserve_the_operators_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Adhesion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(max_length=20)),
                ("identifier", models.CharField(max_length=40)),
                ("convention_on", models.DateField(blank=True, null=True)),
                ("form_sent_on", models.DateField(blank=True, null=True)),
                ("identifier_received_on", models.DateField(blank=True, null=True)),
                ("office", models.CharField(blank=True, max_length=120)),
                ("has_direct_debit", models.BooleanField(default=False)),
                (
                    "collectivite",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="collectivites.collectivite"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("collectivite", "gateway", "identifier"), name="collectivites_adhesion_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RoutingChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("open_production", "Open Production"), ("reopen", "Reopen")], max_length=20
                    ),
                ),
                ("gateway", models.CharField(max_length=20)),
                ("identifier", models.CharField(max_length=40)),
                ("what", models.JSONField(blank=True, default=dict)),
                ("needs_operator", models.BooleanField()),
                ("asked_at", models.DateTimeField()),
                ("effective_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(null=True)),
                ("carried_out_at", models.DateTimeField(null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "cancelled_by",
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
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cancelled_at__isnull", True), ("carried_out_at__isnull", True)),
                        fields=("collectivite", "gateway", "identifier"),
                        name="collectivites_routing_one_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["open_production", "reopen"])),
                        name="collectivites_routing_known_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at__isnull", True), ("approved_by__isnull", True)),
                            models.Q(
                                ("approved_at__gte", models.F("asked_at")),
                                ("approved_by__isnull", False),
                                models.Q(("approved_by", models.F("asked_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="collectivites_routing_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("carried_out_at__isnull", True),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("cancelled_at__isnull", True),
                                ("carried_out_at__gte", models.F("effective_at")),
                            ),
                            _connector="OR",
                        ),
                        name="collectivites_routing_approved_first",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("effective_at__gte", models.F("asked_at"))),
                        name="collectivites_routing_not_before",
                    ),
                ],
            },
        ),
        migrations.RunSQL(WALLS, NO_WALLS),
    ]
