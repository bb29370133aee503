"""How far events are published."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping


class EventCursor(Bookkeeping, table=True):
    """How far the events are published to a broker. Each destination has one."""

    __tablename__ = "event_cursor"
    not_audited = "moves with every event that is published"

    destination: str = Field(primary_key=True, max_length=80)
    """The kind of the broker, and what begins the names there: `rabbitmq/attest`."""
    seq: int = Field(sa_type=BigInteger)
    """The last place in the log up to which the broker has confirmed all events."""
    lease: UUID | None = None
    """The process that publishes, or was the last to do so."""
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    """Until when no other process publishes; null while none does."""
