"""The body of an event: CloudEvents 1.0, in the structured form of JSON."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from app.modules.audit import Event

CONTENT_TYPE = "application/cloudevents+json"
TEST = "webhook.test"


def event_id_of(change_id: int) -> str:
    """The id of the event of a change: the same however often it is sent, and to whom."""
    return f"evt_{change_id}"


def write_event(event: Event, source: str) -> str:
    """The body of an event. `source` names this installation, so that `source` and `id` are unique together."""
    data = {
        "module": event.module,
        "entity": event.entity,
        "item_id": event.item_id,
        "action": event.action,
        "changes": event.changes,
        "actor_kind": event.actor_kind,
        "actor_id": event.actor_id,
        "request_id": event.request_id,
        "call_id": event.call_id,
    }
    own = {"subject": str(event.item_id), "sequence": str(event.seq)}
    return write(event_id_of(event.change_id), event.type, event.at, source, {**own, "data": data})


def write_test(event_id: str, at: datetime, webhook_id: UUID, source: str) -> str:
    """The body of a test."""
    return write(event_id, TEST, at, source, {"subject": str(webhook_id), "data": {"webhook_id": webhook_id}})


def write(event_id: str, event_type: str, at: datetime, source: str, own: dict[str, Any]) -> str:
    """A body with the attributes that every event has."""
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"//{source}",
        "type": event_type,
        "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }
    return orjson.dumps({**attributes, **own}, default=write_value).decode()


def write_value(value: object) -> Any:
    """A value that JSON has no form for, as the change log has it."""
    return json.loads(json.dumps(value, default=str))
