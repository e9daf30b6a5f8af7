"""Invariants of where money goes: production is opened by two people and a day, or by the host's own command line."""

from regal.proof.findings import Invariant

# A change really asked by one person, approved by another and carried out in its time; the audit says the same.
_SOUND = """
    WITH sound AS (
        SELECT c.* FROM collectivites_routingchange c
        WHERE c.approved_by_id IS NOT NULL AND c.approved_by_id <> c.asked_by_id AND c.cancelled_at IS NULL
            AND c.approved_at >= c.asked_at AND c.carried_out_at >= c.approved_at
            AND c.carried_out_at >= c.effective_at
            AND c.carried_out_at >= c.asked_at + %(routing_delay_hours)s * interval '1 hour'
            AND EXISTS (SELECT 1 FROM audit_auditentry e WHERE e.collectivite_id = c.collectivite_id
                AND e.action = 'ask_routing' AND e.subject = 'routing ' || c.id AND e.actor_id = c.asked_by_id)
            AND EXISTS (SELECT 1 FROM audit_auditentry e WHERE e.collectivite_id = c.collectivite_id
                AND e.action = 'approve_routing' AND e.subject = 'routing ' || c.id AND e.actor_id = c.approved_by_id)
            AND (NOT c.needs_operator OR EXISTS (SELECT 1 FROM audit_platformact a WHERE a.action = 'approve_routing'
                AND a.subject = 'routing ' || c.id AND a.actor_id = c.approved_by_id))
    )
"""


def _knowing_what_is_sound(question: str) -> str:
    return _SOUND + question


ROUTING = (
    Invariant(
        id="I-34",
        sentence="What routes money to production was approved by a second person, done a day later, and told.",
        questions=(
            _knowing_what_is_sound(
                """SELECT g.collectivite_id, 'account ' || g.id || ': in production without two people'
            FROM collectivites_gatewayaccount g
            WHERE g.environment = 'production' AND NOT EXISTS (
                SELECT 1 FROM audit_auditentry e WHERE e.collectivite_id = g.collectivite_id
                    AND e.action = 'add_account' AND e.subject = 'account ' || g.id
                    AND (e.actor_id IS NULL OR EXISTS (SELECT 1 FROM sound c
                        WHERE c.collectivite_id = g.collectivite_id AND c.id::text = e.after->>'routing_change'
                            AND c.kind = 'open_production'
                            AND (c.gateway, c.identifier) = (g.gateway, g.identifier))))"""
            ),
            _knowing_what_is_sound(
                """SELECT p.collectivite_id, 'product ' || p.id || ': moved to production without two people'
            FROM collectivites_product p JOIN collectivites_gatewayaccount g
                ON g.collectivite_id = p.collectivite_id AND g.id = p.account_id
            WHERE g.environment = 'production' AND NOT EXISTS (
                SELECT 1 FROM audit_auditentry e WHERE e.collectivite_id = p.collectivite_id
                    AND e.subject = 'product ' || p.id AND e.after->>'account' = g.id::text
                    AND (e.action = 'add_product' OR e.action = 'move_product' AND (e.actor_id IS NULL OR EXISTS (
                        SELECT 1 FROM sound c WHERE c.collectivite_id = p.collectivite_id
                            AND c.id::text = e.after->>'routing_change' AND c.kind = 'open_production'
                            AND (c.gateway, c.identifier) = (g.gateway, g.identifier)
                            AND c.what->'products' @> to_jsonb(p.id)))))"""
            ),
            _knowing_what_is_sound(
                """SELECT g.collectivite_id, 'account ' || g.id || ': reopened without two people'
            FROM collectivites_gatewayaccount g JOIN LATERAL (
                SELECT e.action, e.actor_id, e.after FROM audit_auditentry e
                WHERE e.collectivite_id = g.collectivite_id AND e.subject = 'account ' || g.id
                    AND e.action IN ('close_account', 'reopen_account') ORDER BY e.id DESC LIMIT 1
            ) AS last ON true
            WHERE g.environment = 'production' AND g.is_active AND (last.action = 'close_account'
                OR last.actor_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sound c
                    WHERE c.collectivite_id = g.collectivite_id AND c.id::text = last.after->>'routing_change'
                        AND c.kind = 'reopen' AND (c.gateway, c.identifier) = (g.gateway, g.identifier)))"""
            ),
            _knowing_what_is_sound(
                """SELECT c.collectivite_id, 'routing change ' || c.id || ': carried out, not as it must be'
            FROM collectivites_routingchange c LEFT JOIN sound s ON s.id = c.id
            WHERE c.carried_out_at IS NOT NULL AND s.id IS NULL"""
            ),
            """SELECT c.collectivite_id, 'routing change ' || c.id || ': ' || told.kind || ' is missing'
            FROM collectivites_routingchange c CROSS JOIN LATERAL (VALUES
                ('tell_routing_asked', c.asked_at), ('tell_routing_approved', c.approved_at),
                ('tell_routing_carried_out', c.carried_out_at), ('tell_routing_cancelled', c.cancelled_at),
                ('carry_out_routing', c.approved_at)) AS told(kind, at)
            WHERE told.at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM agenda_effect f
                WHERE f.collectivite_id = c.collectivite_id AND f.kind = told.kind AND f.subject_id = c.id)""",
            """SELECT NULL, 'table ' || wanted.name || ': trigger ' || wanted.trigger || ' is missing or off'
            FROM (VALUES ('collectivites_routingchange', 'facts_stay', 'regal_routing_facts_stay'),
                ('collectivites_routingchange', 'append_only', 'regal_append_only'),
                ('collectivites_gatewayaccount', 'of_one_collectivite', 'regal_contract_of_one_collectivite'))
                AS wanted(name, trigger, function)
            WHERE NOT EXISTS (SELECT 1 FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
                WHERE g.tgrelid = wanted.name::regclass AND g.tgname = wanted.trigger
                    AND p.proname = wanted.function AND g.tgenabled IN ('O', 'A') AND g.tgqual IS NULL)""",
        ),
    ),
)
