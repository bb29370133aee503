"""Outgoing HTTP: the one client of a process, with a budget for each call, retries, and a breaker for each host."""

from app.core.outgoing.calls import (
    Answer,
    AnswerTooLong,
    Call,
    CircuitOpen,
    ForbiddenAddress,
    InvalidCall,
    OutgoingError,
    OutOfTime,
    Unreachable,
)
from app.core.outgoing.client import Outgoing, open_outgoing

__all__ = [
    "Answer",
    "AnswerTooLong",
    "Call",
    "CircuitOpen",
    "ForbiddenAddress",
    "InvalidCall",
    "OutOfTime",
    "Outgoing",
    "OutgoingError",
    "Unreachable",
    "open_outgoing",
]
