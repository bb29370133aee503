"""Webhooks, how far each has followed the events, and the attempts to deliver to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field

from app.core.clock import new_id, now
from app.core.db.column_types import JSON_DOCUMENT, Instant
from app.core.db.entity import Bookkeeping, Entity, filter_indexes, sort_indexes
from app.core.db.redaction import PLAIN, SECRET, redacted


class Webhook(Entity, table=True):
    """A subscription to events. Its owner is who created it: it is sent what the owner may read."""

    __tablename__ = "webhook"
    __table_args__ = (*sort_indexes("webhook", "created_at", "updated_at"), *filter_indexes("webhook", "created_by_id"))

    name: str = Field(max_length=200)
    """What it is for."""
    url: str = Field(max_length=2000)
    """Where events are sent."""
    event_types: list[str] = redacted(PLAIN, sa_type=JSON_DOCUMENT)
    """The events that are sent, such as `task.created`, `product.*` or `*`."""
    module: str | None = Field(default=None, max_length=64)
    """Only events of this module; null: of all."""
    item_id: UUID | None = None
    """Only events of this item; null: of all."""
    enabled: bool = True
    """Whether events are sent."""
    paused_at: datetime | None = Field(default=None, sa_type=Instant)
    """Since when nothing is sent because of `pause_reason`; null while it is not paused."""
    pause_reason: str | None = Field(default=None, max_length=80)
    """Why it was paused, or turned off by its receiver."""
    secret: bytes = redacted(SECRET, sa_type=LargeBinary)
    """The secret that signs, encrypted."""
    old_secret: bytes | None = redacted(SECRET, default=None, sa_type=LargeBinary)
    """The secret before it, encrypted, which signs too until `rolled_until`."""
    rolled_until: datetime | None = Field(default=None, sa_type=Instant)
    """Until when the old secret signs, too."""


class WebhookCursor(Bookkeeping, table=True):
    """How far a webhook has followed the events. Each webhook has one."""

    __tablename__ = "webhook_cursor"
    not_audited = "moves with every event; the jobs that deliver are in the change log"

    id: UUID = Field(primary_key=True, foreign_key="webhook.id", ondelete="CASCADE")
    """The webhook."""
    seq: int = Field(sa_type=BigInteger)
    """The last place in the log that was looked at."""
    run: int = 1
    """The number of times that it began to follow, with the first."""
    run_from: int = Field(sa_type=BigInteger)
    """The place behind which the last of them began."""
    failed_from: int | None = Field(default=None, sa_type=BigInteger)
    """The first place whose event was not delivered; null where there is none."""


class WebhookAttempt(Bookkeeping, table=True):
    """An attempt to deliver an event."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        Index("ix_webhook_attempt_webhook_id_at_id", "webhook_id", "at", "id"),
        Index("ix_webhook_attempt_webhook_id_event_id", "webhook_id", "event_id"),
    )
    not_audited = "says what came of a call of another system, and is pruned"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    """The identifier of the attempt."""
    webhook_id: UUID = Field(foreign_key="webhook.id", ondelete="CASCADE")
    """The webhook."""
    event_id: str = Field(max_length=80)
    """The event, as `webhook-id` names it."""
    event_type: str = Field(max_length=100)
    """What happened."""
    seq: int | None = Field(default=None, sa_type=BigInteger)
    """The place of the event in the log; null for a test."""
    run: int = 1
    """During which time of following it was sent."""
    number: int
    """The number of the attempt, from 1."""
    at: datetime = Field(default_factory=now, sa_type=Instant, index=True)
    """When it was made."""
    status: int | None = None
    """The status of the answer; null where there was none."""
    duration_ms: int
    """How long it took, in milliseconds."""
    error: str | None = Field(default=None, max_length=80)
    """Why it failed; null where it was accepted."""
