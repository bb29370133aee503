"""The job that delivers an event to a webhook. What it sends is read, as its owner, when it is sent."""

import random
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from app.core.jobs import GiveUp, Retry, Work, job
from app.core.outgoing import CircuitOpen
from app.modules.webhooks.delivering.messages import Unsent, prepare
from app.modules.webhooks.delivering.outcomes import record
from app.modules.webhooks.delivering.sending import send

ATTEMPTS = 200
"""More than events are sent: an attempt at which the host is not called, because it fails, is none to deliver."""
PRIORITY = 6
SPREAD_SECONDS = 5.0


class Delivery(BaseModel):
    """The event that is to be delivered, and to which webhook."""

    webhook_id: UUID
    seq: int | None = None
    """The place of the event; None: it is a test."""
    run: int = 1
    event_id: str
    at: datetime
    """When a test was asked for."""


class Delivered(BaseModel):
    """What came of a delivery."""

    outcome: str
    """`accepted`, or why it was not sent."""


@job("webhooks.deliver", Delivery, as_system=True, in_steps=True, attempts=ATTEMPTS, seconds=60, priority=PRIORITY)
async def deliver(work: Work, data: Delivery) -> Delivered:
    """Deliver an event to a webhook."""
    async with work.step() as session:
        message = await prepare(session, work.settings, data)
        context = session.context
    if isinstance(message, Unsent):
        return Delivered(outcome=message.why)
    try:
        attempt = await send(work.outgoing, message, context)
    except CircuitOpen as error:
        raise Retry("circuit-open", error.after + random.uniform(0, SPREAD_SECONDS)) from None  # noqa: S311  # spreads the load
    async with work.step() as session:
        outcome = await record(session, work.settings, data, message, attempt)
    if outcome.after is not None:
        raise Retry(attempt.error or "", outcome.after)
    if attempt.error is not None:
        raise GiveUp(attempt.error)
    return Delivered(outcome="accepted")
