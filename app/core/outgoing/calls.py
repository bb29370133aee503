"""A call of another system, its answer, and the ways in which it fails. No message has more of a URL than its host."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IDEMPOTENCY_HEADER = "Idempotency-Key"
SAFE = frozenset({"GET", "HEAD"})
"""Methods that may be repeated without asking."""


class OutgoingError(Exception):
    """A call got no answer. `host` is whom it was for, and `reason` a few words without secrets."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host}: {reason}")
        self.host = host
        self.reason = reason


class InvalidCall(OutgoingError):
    """The URL is none that can be called, or a header cannot be sent. Another attempt would fail too."""


class ForbiddenAddress(OutgoingError):
    """A stranger's name leads to an address inside of a network, or to one that is not for a single host."""


class Unreachable(OutgoingError):
    """There was no connection, or it broke before the end of the answer."""


class OutOfTime(OutgoingError):
    """There was no whole answer within the budget of the call."""


class AnswerTooLong(OutgoingError):
    """The answer has more bytes than the caller reads, or hides how many it has by compression."""


class CircuitOpen(OutgoingError):
    """The host failed so often that it is not called for a while: it can be called after `after` seconds."""

    def __init__(self, host: str, after: float) -> None:
        super().__init__(host, "it failed too often, and is not called for a while")
        self.after = after


@dataclass(frozen=True, slots=True)
class Call:
    """A call of another system.

    `seconds` is the budget of all its attempts, `read_seconds` the longest time between two parts of an answer,
    `max_bytes` the longest answer, and `attempts` how often it may be sent; None stands for the setting. Only GET and
    HEAD are repeated, and what has an `idempotency_key`, by which the receiver knows a repetition. `to_stranger` says
    that the URL is not the operator's own word: then it must lead to a public address.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    seconds: float | None = None
    read_seconds: float | None = None
    max_bytes: int | None = None
    attempts: int | None = None
    idempotency_key: str | None = None
    to_stranger: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does no harm."""
        return self.method in SAFE or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system answered, whatever its status is. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success; a redirect is none."""
        return 200 <= self.status < 300  # noqa: PLR2004  # the class of a status

    def json(self) -> Any:
        """The body, read as JSON. Raises ValueError."""
        return json.loads(self.content)
