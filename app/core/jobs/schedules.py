"""Schedules of jobs: what a module declares on top of a kind of jobs, and the instants at which one is asked for.

An instant is a tick. It is a function of the schedule alone, not of when a process started, so that all processes agree
on its name, by which its job is asked for once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ValidationError

from app.core.jobs.kinds import NAME, JobKind

D = TypeVar("D", bound=BaseModel)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GRACE_SECONDS = 300.0
LONGEST_NAME = 80
TICK = "tick"


class Rule(Protocol):
    """When the ticks of a schedule are. Its text is what people read."""

    def next_after(self, at: datetime) -> datetime:
        """The first tick after `at`."""


@dataclass(frozen=True)
class Cron:
    """Ticks at the instants of a cron expression of five fields, in UTC. Raises ValueError for one that has none."""

    expression: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) != len(("minute", "hour", "day", "month", "weekday")):
            raise ValueError(f"{self.expression!r} is no cron expression of five fields")
        try:
            self.next_after(EPOCH)
        except (CronSimError, StopIteration) as error:
            raise ValueError(f"{self.expression!r} is no cron expression: {error or 'it has no instant'}") from None

    def next_after(self, at: datetime) -> datetime:
        return next(CronSim(self.expression, at))

    def __str__(self) -> str:
        return self.expression


@dataclass(frozen=True)
class Interval:
    """Ticks at the multiples of so many seconds, from the beginning of 1970. Raises ValueError for less than one."""

    seconds: int

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError("a schedule has at least one second between two ticks")

    def next_after(self, at: datetime) -> datetime:
        length = timedelta(seconds=self.seconds)
        return EPOCH + ((at - EPOCH) // length + 1) * length

    def __str__(self) -> str:
        return f"every {self.seconds} s"


@dataclass(frozen=True)
class Schedule:
    """Asks for a job of `kind`, about `data`, at each tick of `rule`. Raises ValueError for a name that cannot be."""

    name: str
    kind: JobKind[Any]
    rule: Rule
    data: BaseModel
    grace: timedelta
    """A tick that was missed for longer is skipped."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            raise ValueError(f"{self.name!r} is no name of a schedule; write one like 'products.count'")

    def next_after(self, at: datetime) -> datetime:
        """The first tick after `at`."""
        return self.rule.next_after(at)

    def once(self, tick: datetime) -> str:
        """The name by which the job of a tick is asked for once."""
        return f"{TICK}/{self.name}/{tick.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


schedules: dict[str, Schedule] = {}
"""The schedules that were declared in this process, by name."""


def schedule_of(once: str | None) -> str | None:
    """The name of the schedule that asked for a job, from what the job is asked for once by; None for all others."""
    kind, _, rest = (once or "").partition("/")
    return rest.partition("/")[0] if kind == TICK else None


def cron(
    expression: str, *, name: str | None = None, data: BaseModel | None = None, grace: float = GRACE_SECONDS
) -> Callable[[JobKind[D]], JobKind[D]]:
    """Ask for a job of a kind at the instants of `expression`, in UTC: put it on top of `@job`.

    `name` is by default that of the kind, and `data` what the kind makes without any. A tick that was missed for more
    than `grace` seconds is skipped. Raises ValueError for what cannot be, and a name in use.
    """
    return declare(Cron(expression), name, data, grace)


def every(
    seconds: int, *, name: str | None = None, data: BaseModel | None = None, grace: float = GRACE_SECONDS
) -> Callable[[JobKind[D]], JobKind[D]]:
    """The same at the multiples of `seconds`, counted from the beginning of 1970."""
    return declare(Interval(seconds), name, data, grace)


def declare(rule: Rule, name: str | None, data: BaseModel | None, grace: float) -> Callable[[JobKind[D]], JobKind[D]]:
    """What adds a schedule of a kind."""

    def add(kind: JobKind[D]) -> JobKind[D]:
        known = name or kind.name
        if known in schedules:
            raise ValueError(f"there are two schedules called {known}")
        schedules[known] = Schedule(known, kind, rule, data or make_data(kind), timedelta(seconds=grace))
        return kind

    return add


def make_data(kind: JobKind[D]) -> D:
    """What a job of `kind` is about that is told nothing. Raises ValueError where it must be told something."""
    try:
        return kind.data()
    except ValidationError:
        raise ValueError(f"a job of the kind {kind.name} must be told what it is about: write data=…") from None
