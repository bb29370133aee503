"""What happens in every unit of work, besides what its caller does."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from app.core.db.driver.shapes import Check
from app.core.db.person import Person
from app.core.db.unit_of_work.change import Change
from app.core.db.unit_of_work.write_statements import EntryForm

UnitOfWork = Any
"""The session of the unit of work; its file imports this one."""
Hook = Callable[[UnitOfWork], Awaitable[None]]


class Recorder(Protocol):
    """Makes the change entries of a flush."""

    form: EntryForm
    """Where they are written."""

    async def record(self, session: UnitOfWork, changes: Sequence[Change]) -> Sequence[Change]:
        """Give each change its entry, where it leaves one. Returns changes that must be written with them."""


def allow(_statement: object) -> None:
    """Allow everything: nothing is audited yet."""


@dataclass
class Hooks:
    """What happens in every unit of work, each list in its order."""

    check: Check = allow
    """Raises for a statement that may not be executed. It is asked once for each shape."""
    recorder: Recorder | None = None
    """Without it nothing may be written."""
    after_begin: list[Hook] = field(default_factory=list)
    """Before the first statement of the transaction, or the first flush."""
    before_write: list[Callable[[UnitOfWork, Sequence[Change]], Awaitable[None]]] = field(default_factory=list)
    """Before a flush writes. They may read, and refuse by raising."""
    before_commit: list[Hook] = field(default_factory=list)
    """After the last flush, in the transaction."""
    after_commit: list[Callable[[UnitOfWork], None]] = field(default_factory=list)
    erase: list[Callable[[UnitOfWork, Person], Awaitable[None]]] = field(default_factory=list)
    """Where a person is erased, in that transaction: what a module holds besides personal columns."""
    store_job: Callable[[UnitOfWork, Any], Awaitable[UUID]] | None = None
    """Stores a job that is asked for in the transaction (`core.jobs`). Returns its id."""
    are_workers_told: bool = False
    """Whether a broker tells workers of the jobs that are stored."""
    hold_job: Callable[[UnitOfWork, Any], Awaitable[None]] | None = None
    """Holds a job for this process, which runs it after the commit. Raises Unavailable where it has enough to do."""
    store_import: Callable[[UnitOfWork, Any, Any], Awaitable[UUID]] | None = None
    """Stores a file, and a job that imports it as an order says (`core.resources.imports.later`). Returns its id."""
    find_faults: list[Callable[[Any], Awaitable[list[str]]]] = field(default_factory=list)
    """What finds faults that an operator should know of, in the database that it is given. Returns a line for each."""
