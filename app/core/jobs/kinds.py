"""Kinds of jobs: what a module declares in its `jobs.py`, and what a worker finds by its name."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.core.config.jobs import QUEUE_NAME
from app.core.jobs.work import Work

D = TypeVar("D", bound=BaseModel)
Handler = Callable[[Work, D], Awaitable[BaseModel | None]]

NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+")
ATTEMPTS = 5
SECONDS = 300.0
PRIORITY = 5
PRIORITIES = range(10)
"""0 is first."""
DEFAULT_QUEUE = "default"
PROCESS_QUEUE = "process"
"""The queue of jobs that the process runs that asks for them, at once. They do not survive it."""


class NoData(BaseModel):
    """What a job is about that needs to be told nothing."""


class UnknownJobKind(Exception):
    """This version of the application has no such kind of job."""


@dataclass(frozen=True)
class JobKind(Generic[D]):
    """What a kind of jobs does, for whom, and within which limits. Raises ValueError for one that cannot be."""

    name: str
    data: type[D]
    """What a job of this kind is about."""
    handler: Handler[D]
    requires: str | None = None
    """The permission that the caller who asked must still hold when the job runs; None: to be active."""
    as_system: bool = False
    """Whether it acts as the system, and not as the caller who asked."""
    attempts: int = ATTEMPTS
    seconds: float = SECONDS
    """Longest attempt."""
    priority: int = PRIORITY
    queue: str = DEFAULT_QUEUE
    in_steps: bool = False
    """Whether each step has a transaction of its own. Else the whole job is one, whose effects happen once or never."""
    is_long: bool = False
    """Whether it holds a connection that writes for most of its time: a process runs few such jobs at once."""
    is_listed: bool = True
    """Whether users see such jobs. False: that there is one tells what readers of jobs must not know."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a kind of jobs; write one like 'products.import'")
        if self.attempts < 1 or self.seconds <= 0 or self.priority not in PRIORITIES:
            raise ValueError(f"the limits of {self.name} cannot be")
        if self.queue == PROCESS_QUEUE and self.attempts != 1:
            raise ValueError(f"{self.name} ends with its process, so that it has one attempt: write attempts=1")
        if not re.fullmatch(QUEUE_NAME, self.queue):
            raise ValueError(f"{self.queue!r} is no name of a queue; write one like 'imports'")
        if self.as_system and self.requires is not None:
            raise ValueError(f"{self.name} acts as the system, which needs no permission")

    @property
    def title(self) -> str:
        """What the kind does, from the docstring of its function."""
        return (self.handler.__doc__ or self.name).strip().splitlines()[0]


kinds: dict[str, JobKind[Any]] = {}
"""The kinds that were declared in this process, by name."""


def job(name: str, data: type[D], **options: Any) -> Callable[[Handler[D]], JobKind[D]]:
    """Make a function a kind of jobs. `options` are the fields of JobKind. Raises ValueError for a name in use."""

    def declare(handler: Handler[D]) -> JobKind[D]:
        if name in kinds:
            raise ValueError(f"there are two kinds of jobs called {name}")
        kind = kinds[name] = JobKind(name, data, handler, **options)
        return kind

    return declare


def unlisted_kinds() -> list[str]:
    """The names of the kinds whose jobs no user sees."""
    return sorted(name for name, kind in kinds.items() if not kind.is_listed)


def long_kinds() -> list[str]:
    """The names of the kinds whose jobs hold a connection that writes."""
    return sorted(name for name, kind in kinds.items() if kind.is_long)


def find_kind(name: str) -> JobKind[Any]:
    """The kind with this name. Raises UnknownJobKind."""
    try:
        return kinds[name]
    except KeyError:
        raise UnknownJobKind(name) from None
