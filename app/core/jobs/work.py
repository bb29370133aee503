"""A job while it runs: what its function is given, and how it can end otherwise than by its result."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from uuid import UUID

from app.core.config import Settings
from app.core.db.session import ReadSession, Session
from app.core.outgoing import Outgoing

DONE = 100
"""The progress of a job that has ended well, in percent."""


class Retry(Exception):
    """The attempt failed; the next one begins after `after` seconds, or when the worker thinks best."""

    def __init__(self, reason: str = "", after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class GiveUp(Exception):
    """The job has failed, and another attempt would fail too. `reason` is a code, such as `no-such-file`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LeaseLost(Exception):
    """Another worker has the job by now, or it was cancelled. What this one wrote is rolled back."""


@dataclass
class Work:
    """What a job is given. Its changes, its result and its end are one transaction, that of `session`.

    A job of a kind with `in_steps=True` has no `session`. It opens a transaction for each step, and an attempt
    repeats those that an attempt before it has made: they must be idempotent, by `key`.
    """

    id: UUID
    """The job. What goes to other systems names it, so that they recognize a repetition."""
    attempt: int
    """The number of this attempt, from 1."""
    settings: Settings = field(repr=False)
    outgoing: Outgoing = field(repr=False)
    """Calls other systems."""
    open_step: Callable[[], AbstractAsyncContextManager[Session]] = field(repr=False)
    reader: Callable[[], Awaitable[ReadSession]] = field(repr=False)
    """Makes a session that reads as the caller who asked, beside the transactions."""
    own_session: Session | None = field(default=None, repr=False)
    progress: int = 0
    """How far it is, in percent."""

    @property
    def session(self) -> Session:
        """The transaction of the job. Raises RuntimeError where each step has one of its own."""
        if self.own_session is None:
            raise RuntimeError("this job has a transaction for each step: open one with work.step()")
        return self.own_session

    def step(self) -> AbstractAsyncContextManager[Session]:
        """A transaction for one step. At its end it raises LeaseLost where the job is another worker's by now.

        Raises RuntimeError in a job whose only transaction is `session`.
        """
        if self.own_session is not None:
            raise RuntimeError("this job has one transaction: write in work.session")
        return self.open_step()

    def key(self, step: str) -> str:
        """The idempotency key of a step: the same in each attempt."""
        return f"{self.id}/{step}"

    def report(self, done: int, total: int = DONE) -> None:
        """Say that `done` of `total` is done. Readers see it within seconds; the last percent is the end itself."""
        self.progress = min(DONE - 1, DONE * done // max(total, 1))
