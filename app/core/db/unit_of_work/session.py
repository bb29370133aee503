"""The session of a unit of work: it loads and changes entities, and records every change that it writes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import CursorResult, Executable, Insert, Result, Select, Table, bindparam, insert, select
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.statements import AnyRow, AnySelect
from app.core.db.unit_of_work.change import Change, Values
from app.core.db.unit_of_work.guard import StatementGuard
from app.core.db.unit_of_work.link import Link, Parameters
from app.core.db.unit_of_work.rows import Rows
from app.core.db.unit_of_work.writes import writes_of
from app.core.security.keys import Keys

M = TypeVar("M", bound=SQLModel)
Hook = Callable[["Session"], Awaitable[None]]
ChangeHook = Callable[["Session", Sequence[Change]], Awaitable[None]]


class Recorder(Protocol):
    """Makes the change entries of a flush."""

    insert: Insert
    """The statement that adds entries."""

    async def record(self, session: "Session", changes: Sequence[Change]) -> None:
        """Give each change its entry, where it leaves one."""


@dataclass
class Hooks:
    """What happens in every unit of work, each list in its order."""

    guard: StatementGuard = field(default_factory=StatementGuard)
    """Checks the statements that `execute` and `run` are given."""
    recorder: Recorder | None = None
    """Without it nothing may be written."""
    after_begin: list[Hook] = field(default_factory=list)
    """Before the first statement of the transaction."""
    before_write: list[ChangeHook] = field(default_factory=list)
    """Before a flush writes. They may read, and refuse by raising."""
    before_commit: list[Hook] = field(default_factory=list)
    """After the last flush, in the transaction."""
    after_commit: list[Callable[["Session"], None]] = field(default_factory=list)


class Session(Rows):
    """A unit of work. It takes a connection at its first statement and returns it at the end.

    `flush` writes what was added, changed and deleted. `execute`, `all`, `first`, `value` and `load` begin with it.
    """

    def __init__(self, engine: AsyncEngine, hooks: Hooks, context: RequestContext, keys: Keys) -> None:
        super().__init__()
        self.hooks = hooks
        self.context = context
        self.keys = keys
        self.link = Link(engine)
        self.is_sqlite = self.link.is_sqlite
        self.is_open = True
        self.is_broken = False
        """Whether a write failed: then nothing is left but to roll back."""
        self.info: dict[str, Any] = {}
        """What hooks remember from one call to the next."""

    async def execute(
        self,
        statement: Executable,
        parameters: Parameters = None,
        *,
        execution_options: Mapping[str, Any] | None = None,
    ) -> Result[Any]:
        """Run `statement`. A select of a model gives entities, and selects of models show no deleted rows.

        The execution option `include_deleted` shows them.
        """
        await self.flush()
        if not isinstance(statement, Select) or not statement._propagate_attrs:  # noqa: SLF001  # a model leaves it there
            return await self.run(statement, parameters)
        described = statement.column_descriptions
        models = {item["entity"] for item in described if item.get("entity")}
        if not {**statement.get_execution_options(), **(execution_options or {})}.get("include_deleted"):
            statement = hide_deleted(statement, models)
        result = await self.run(statement, parameters)
        is_entity = len(described) == 1 and described[0]["expr"] is described[0].get("entity")
        return to_entities(self, described[0]["expr"], result) if is_entity else result

    async def all(self, statement: AnySelect, values: Parameters = None) -> Sequence[AnyRow]:
        return (await self.execute(statement, values)).all()

    async def first(self, statement: AnySelect, values: Parameters = None) -> AnyRow | None:
        return (await self.execute(statement, values)).first()

    async def value(self, statement: AnySelect) -> Any:
        return (await self.execute(statement)).scalar()

    async def load(self, model: type[M], id: object, *, deleted: bool = False) -> M | None:
        """Load and lock the visible (or the deleted) row with this id. A row that is locked is not read again."""
        key = (model, id)
        if not self.is_current(key):
            await self.flush()
        if key in self.locked and key in self.loaded:
            return visible(cast("M", self.loaded[key][0]), deleted=deleted)
        row = (await self.run(select_to_change(model), {"wanted": id})).first()
        if row is None:
            return None
        self.locked.add(key)
        return visible(self.adopt(model, dict(row._mapping)), deleted=deleted)

    async def run(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Run `statement` as it is, without a flush before it."""
        refuse_broken(self)
        await begin(self)
        return await self.link.run(statement, parameters)

    async def copy(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert many rows at once. What `execute` may not insert is refused."""
        refuse_broken(self)
        self.hooks.guard.check(insert(table))
        await begin(self)
        await self.link.copy(table, rows)

    async def delete(self, row: SQLModel) -> None:
        """Delete a loaded row with the next flush."""
        self.remove(row)

    async def flush(self) -> None:
        """Check, record and write what was added, changed and deleted. Raises StaleDataError."""
        changes = self.changes()
        if not changes:
            return
        refuse_broken(self)
        for hook in self.hooks.before_write:
            await hook(self, changes)
        for change in changes:
            change.stamp()
        try:
            await write(self, changes)
        except BaseException:
            self.is_broken = True
            raise
        self.accept(changes)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """A savepoint: if the block raises, the database and the entities are as they were before it."""
        await self.flush()
        await begin(self)
        loaded, locked = dict(self.loaded), set(self.locked)
        try:
            async with self.link.savepoint():
                yield
                await self.flush()
                refuse_broken(self)
        except BaseException:
            self.restore(loaded)
            self.locked = locked  # the database gives the others back
            self.is_broken = False
            raise


async def begin(session: Session) -> None:
    """Begin the transaction, if it has not begun."""
    if not session.link.is_open:
        await session.link.open()
        for hook in session.hooks.after_begin:
            await hook(session)


async def write(session: Session, changes: Sequence[Change]) -> None:
    """Write rows and their change entries."""
    recorder = session.hooks.recorder
    if recorder is None:
        raise RuntimeError("changes are not recorded, so nothing is written")
    await begin(session)
    await recorder.record(session, changes)
    for rows in writes_of(changes):
        await session.link.write(rows)
    entries = [change.entry for change in changes if change.entry is not None]
    if entries:
        await session.link.run(recorder.insert, entries, is_own=True)


async def finish(session: Session) -> None:
    """Write what is left, and commit."""
    await session.flush()
    for hook in session.hooks.before_commit:
        await hook(session)
    refuse_broken(session)
    await session.link.finish()
    for after in session.hooks.after_commit:
        after(session)


def to_entities(session: Session, model: type[SQLModel], result: CursorResult[Any]) -> Result[Any]:
    """Rows of one column, the entity."""
    names = tuple(result.keys())
    rows = [(session.adopt(model, dict(zip(names, row, strict=True))),) for row in result]
    return IteratorResult(SimpleResultMetaData([model.__name__]), iter(rows))


def refuse_broken(session: Session) -> None:
    """Raise PendingRollbackError after a failed write."""
    if session.is_broken:
        raise PendingRollbackError("a write of this unit of work failed; roll it back")


@cache
def select_to_change(model: type[SQLModel]) -> AnySelect:
    """A select of one row that locks it."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
    statement = select(*table.columns).where(table.c.id == bindparam("wanted", type_=table.c.id.type))
    return statement.with_for_update(key_share=True)


def visible(row: M, *, deleted: bool) -> M | None:
    """`row`, if it is visible, or if it is deleted."""
    return row if (getattr(row, "deleted_at", None) is not None) == deleted else None


def hide_deleted(statement: AnySelect, models: Iterable[Any]) -> AnySelect:
    """`statement` without the soft-deleted rows of `models`."""
    for model in models:
        if hasattr(model, "deleted_at"):
            statement = statement.where(model.deleted_at.is_(None))
    return statement
