"""The audit log: the access log (one entry for each request) and the change log (one entry for each changed row)."""

from app.modules.audit.erasure.router import add_erasure
from app.modules.audit.feed.events import (
    Event,
    EventHead,
    EventService,
    Outline,
    item_modules,
    read_outlines,
    sealed_size,
    stored_behind,
)
from app.modules.audit.items.router import add_history
from app.modules.audit.names.present import Names, WantedNames
from app.modules.audit.names.references import find_references

__all__ = [
    "Event",
    "EventHead",
    "EventService",
    "Names",
    "Outline",
    "WantedNames",
    "add_erasure",
    "add_history",
    "find_references",
    "item_modules",
    "read_outlines",
    "sealed_size",
    "stored_behind",
]
