"""Invariants of what staff may do: every privileged row has its act in the audit."""

from regal.proof.findings import Invariant
from regal.proof.quittances import WITHOUT_THEIR_ACTS


def _without_its_act(table: str, kind: str, actions: str) -> str:
    """The rows of a table whose making nobody wrote down; a kind and a number name each."""
    return f"""SELECT r.collectivite_id, '{kind} ' || r.id || ': nothing in the audit says who made it'
        FROM {table} r WHERE NOT EXISTS (SELECT 1 FROM audit_auditentry a
            WHERE a.collectivite_id = r.collectivite_id AND a.subject = '{kind} ' || r.id AND a.action = '{actions}')"""  # noqa: S608 - our own names


RIGHTS = (
    Invariant(
        id="I-33",
        sentence="Every privileged act has its audit row.",
        questions=(
            """SELECT m.collectivite_id, 'membership ' || m.id || ': the audit says '
                || coalesce('the role ' || told.role, 'nothing of it')
            FROM people_membership m LEFT JOIN LATERAL (
                SELECT a.action, a.after->>'role' AS role FROM audit_auditentry a
                WHERE a.collectivite_id = m.collectivite_id AND a.subject = 'user ' || m.user_id
                    AND a.action IN ('add_member', 'change_role', 'remove_member')
                ORDER BY a.id DESC LIMIT 1) told ON true
            WHERE told.role IS DISTINCT FROM m.role""",
            _without_its_act("collectivites_budget", "budget", "add_budget"),
            _without_its_act("collectivites_regie", "regie", "add_regie"),
            _without_its_act("collectivites_gatewayaccount", "account", "add_account"),
            _without_its_act("collectivites_product", "product", "add_product"),
            _without_its_act("collectivites_allowedorigin", "origin", "allow_origin"),
            _without_its_act("people_invitation", "invitation", "invite_agent"),
            _without_its_act("people_visit", "visit", "open_visit"),
            """SELECT v.collectivite_id, 'visit ' || v.id || ': nothing in the audit says that it ended'
            FROM people_visit v WHERE v.closed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM audit_auditentry a
                WHERE a.collectivite_id = v.collectivite_id AND a.subject = 'visit ' || v.id
                    AND a.action = 'close_visit')""",
            *WITHOUT_THEIR_ACTS,
        ),
    ),
)
