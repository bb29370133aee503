"""Batches of rows: what one writes them in, and how far a request or a job came with them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.core.db.session import ReadSession, Session


class Position(NamedTuple):
    """How far a request came."""

    line: int = 1
    """The line to go on with."""
    created: int = 0
    """The number of created items."""
    updated: int = 0
    """The number of changed items."""
    unchanged: int = 0
    """The number of items that were found as they should be."""

    def counts(self) -> dict[str, int]:
        """What was done, by the names in a report."""
        return {"created": self.created, "updated": self.updated, "unchanged": self.unchanged}

    def after(self, line: int, done: Mapping[str, int]) -> "Position":
        """The position at `line`, when `done` was added to what was done before."""
        return Position(line, *(count + done.get(name, 0) for name, count in self.counts().items()))


@dataclass
class Batch:
    """One batch, while it is open."""

    session: Session
    position: Position
    """How far the request has come with it; set before the batch ends."""


class Batches(Protocol):
    """The batches of one request."""

    are_one_transaction: bool
    position: Position
    """How far an earlier request with the same idempotency key came."""
    reader: ReadSession
    """A session beside the batches; not to be used while one of them is open."""

    def open(self) -> AbstractAsyncContextManager[Batch]:
        """A batch, all or nothing. Raises TimedOut."""


class Savepoints:
    """Batches within one transaction."""

    are_one_transaction = True
    position = Position()

    def __init__(self, session: Session, reader: ReadSession) -> None:
        self.session = session
        self.reader = reader

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Batch]:
        async with self.session.begin_nested():
            yield Batch(self.session, self.position)
        self.session.expunge_all()
