"""Events: sealed changes of items, as CloudEvents, and their publishing to a broker."""

from app.modules.events.writing.body import CONTENT_TYPE, event_id_of, write_body, write_event

__all__ = ["CONTENT_TYPE", "event_id_of", "write_body", "write_event"]
