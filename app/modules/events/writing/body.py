"""The body of an event: CloudEvents 1.0, in the structured form of JSON."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from app.modules.audit import Event, EventHead, Outline

CONTENT_TYPE = "application/cloudevents+json"


def event_id_of(change_id: int) -> str:
    """The id of the event of a change: the same however often it is sent, and to whom."""
    return f"evt_{change_id}"


def write_event(event: Event, source: str) -> str:
    """The body of an event. `source` names this installation, so that `source` and `id` are unique together."""
    return write_change(event, source, {"changes": event.changes, "request_id": event.request_id})


def write_outline(outline: Outline, source: str) -> str:
    """The same without values: who reads it is not known."""
    return write_change(outline, source, {"fields": outline.fields})


def write_change(head: EventHead, source: str, own: Mapping[str, Any]) -> str:
    """The body of a change, with data of its own."""
    data = {
        "module": head.module,
        "entity": head.entity,
        "item_id": head.item_id,
        "action": head.action,
        "actor_kind": head.actor_kind,
        "actor_id": head.actor_id,
        "call_id": head.call_id,
        **own,
    }
    attributes = {"subject": str(head.item_id), "sequence": str(head.seq), "data": data}
    return write_body(event_id_of(head.change_id), head.type, head.at, source, attributes)


def write_body(event_id: str, event_type: str, at: datetime, source: str, own: Mapping[str, Any]) -> str:
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
