"""Records what came of an attempt, and decides what follows from it."""

from dataclasses import dataclass

from app.core.config import Settings
from app.core.db.session import Session
from app.modules.webhooks.delivering.delays import delay_after
from app.modules.webhooks.delivering.messages import Message, Wanted
from app.modules.webhooks.delivering.pausing import FAILED, GONE, pause
from app.modules.webhooks.delivering.sending import Attempt
from app.modules.webhooks.models import WebhookAttempt
from app.modules.webhooks.repository import AttemptRepository, CursorWriter


@dataclass(frozen=True)
class Outcome:
    """What follows from an attempt."""

    after: float | None = None
    """Seconds until the next one; None where there is none."""


async def record(session: Session, settings: Settings, wanted: Wanted, message: Message, attempt: Attempt) -> Outcome:
    """Record an attempt. The last one that failed pauses the webhook; a receiver that is gone turns it off."""
    number = 1 + await AttemptRepository(session).count(wanted.webhook_id, wanted.event_id, wanted.run)
    session.add(
        WebhookAttempt(
            webhook_id=wanted.webhook_id,
            event_id=wanted.event_id,
            event_type=message.event_type,
            seq=wanted.seq,
            run=wanted.run,
            number=number,
            status=attempt.status,
            duration_ms=attempt.duration_ms,
            error=attempt.error,
        )
    )
    await session.flush()
    if attempt.error is None or wanted.seq is None:
        return Outcome()
    after = delay_after(number) if attempt.error not in ("gone", "invalid-url") else None
    if after is None:
        why = GONE if attempt.error == "gone" else FAILED
        await pause(session, settings, wanted.webhook_id, why, describe(attempt))
        await CursorWriter(session).note_failed(wanted.webhook_id, wanted.seq)
    return Outcome(after)


def describe(attempt: Attempt) -> str:
    """Why an attempt failed, in words."""
    return f"{attempt.error}" if attempt.status is None else f"{attempt.error} (HTTP {attempt.status})"
