"""Sends an event to its receiver, once."""

from dataclasses import dataclass
from time import monotonic

from app.core.context import RequestContext
from app.core.outgoing import (
    AnswerTooLong,
    Call,
    CircuitOpen,
    ForbiddenAddress,
    InvalidCall,
    Outgoing,
    OutgoingError,
    OutOfTime,
    Unreachable,
)
from app.modules.webhooks.delivering.messages import Message

SECONDS = 10.0
"""A receiver has so long to accept an event."""
CODES: dict[type[OutgoingError], str] = {
    AnswerTooLong: "answer-too-long",
    ForbiddenAddress: "forbidden-address",
    InvalidCall: "invalid-url",
    OutOfTime: "timed-out",
    Unreachable: "unreachable",
}
REDIRECTS = range(300, 400)
NO_MORE = 410
"""The status of a receiver that wants no more events."""


@dataclass(frozen=True)
class Attempt:
    """What came of sending an event."""

    status: int | None
    duration_ms: int
    error: str | None
    """A code; None where it was accepted."""


async def send(outgoing: Outgoing, message: Message, context: RequestContext) -> Attempt:
    """Send an event. Accepted is what is answered with 2xx in time; redirects are not followed. Raises CircuitOpen."""
    content = message.body.encode()
    call = Call(
        "POST",
        message.url,
        message.headers,
        content,
        seconds=SECONDS,
        read_seconds=SECONDS,
        attempts=1,
        to_stranger=True,
    )
    begin = monotonic()
    try:
        answer = await outgoing.send(call, context)
    except CircuitOpen:
        raise
    except OutgoingError as error:
        return Attempt(None, milliseconds_since(begin), CODES[type(error)])
    return Attempt(answer.status, milliseconds_since(begin), None if answer.is_success else code_of(answer.status))


def code_of(status: int) -> str:
    """Why an answer is no acceptance."""
    return "gone" if status == NO_MORE else "redirected" if status in REDIRECTS else "refused"


def milliseconds_since(begin: float) -> int:
    return round((monotonic() - begin) * 1000)
