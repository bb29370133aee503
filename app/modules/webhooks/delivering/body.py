"""The body of a test, which is no event of an item."""

from datetime import datetime
from uuid import UUID

from app.modules.events import write_body

TEST = "webhook.test"


def write_test(event_id: str, at: datetime, webhook_id: UUID, source: str) -> str:
    """The body of a test."""
    return write_body(event_id, TEST, at, source, {"subject": str(webhook_id), "data": {"webhook_id": webhook_id}})
