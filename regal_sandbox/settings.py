"""What may be adjusted because nobody outside DGFiP knows it for sure. See `docs/sandbox-fidelity.md`."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from regal_sandbox.rules import RULES
from regal_sandbox.shapes import BadShape, Shape

FRAME_OPTIONS = ("SAMEORIGIN", "DENY", "")
TRANSPORTS = ("body", "query", "both")


@dataclass(frozen=True, kw_only=True)
class Settings:
    frame_options: str = "SAMEORIGIN"  # empty: the header is not sent
    error_status: int = 200  # HTTP status of the pages that refuse a request
    min_refdet_length: int = 6
    min_cents: int = 100
    max_cents: int = 9_999_999
    absent_fields: str = "empty"  # in notifications: "empty" or "omitted"
    transport: str = "body"
    notification_timeout_seconds: float = 10.0
    notification_retries: int = 0
    notification_retry_seconds: float = 60.0
    mail_from: str = "ne-pas-repondre@bac-a-sable.invalid"
    messages: dict[str, dict[str, str]] = field(default_factory=dict)  # rule → {"code", "message"}

    def code(self, rule: str) -> str:
        return self.messages.get(rule, {}).get("code", RULES[rule].code)

    def message(self, rule: str) -> str:
        return self.messages.get(rule, {}).get("message", RULES[rule].message)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def settings_from_json(value: object, base: Settings | None = None) -> Settings:
    """`base` with the members of `value` put in place; raises BadShape."""
    base = base or Settings()
    shape = Shape(value, "settings")
    messages = dict(base.messages)
    for rule, told in shape.mapping("messages").items():
        if rule not in RULES:
            raise BadShape(f"settings.messages: unknown rule {rule}")
        one = Shape(told, f"settings.messages.{rule}")
        messages[rule] = {
            "code": one.text("code", base.code(rule), max_length=10),
            "message": one.text("message", base.message(rule)),
        }
        one.done()
    read = replace(
        base,
        frame_options=shape.choice("frame_options", FRAME_OPTIONS, base.frame_options),
        error_status=shape.integer("error_status", base.error_status, least=200, most=599),
        min_refdet_length=shape.integer("min_refdet_length", base.min_refdet_length, least=1, most=30),
        min_cents=shape.integer("min_cents", base.min_cents, least=1),
        max_cents=shape.integer("max_cents", base.max_cents, least=1),
        absent_fields=shape.choice("absent_fields", ("empty", "omitted"), base.absent_fields),
        transport=shape.choice("transport", TRANSPORTS, base.transport),
        notification_timeout_seconds=shape.number(
            "notification_timeout_seconds", base.notification_timeout_seconds, least=0.05, most=300
        ),
        notification_retries=shape.integer("notification_retries", base.notification_retries, most=100),
        notification_retry_seconds=shape.number("notification_retry_seconds", base.notification_retry_seconds),
        mail_from=shape.text("mail_from", base.mail_from, max_length=200),
        messages=messages,
    )
    shape.done()
    return read


def read_settings(db: sqlite3.Connection) -> Settings:
    row = db.execute("SELECT value FROM settings WHERE name = 'settings'").fetchone()
    return settings_from_json(json.loads(row["value"])) if row else Settings()


def write_settings(db: sqlite3.Connection, settings: Settings) -> None:
    db.execute("INSERT OR REPLACE INTO settings VALUES ('settings', ?)", (json.dumps(settings.to_json()),))
