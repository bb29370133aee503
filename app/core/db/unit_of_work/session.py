"""The session of a unit of work: it loads and changes entities, and records every change that it writes."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import CompoundSelect, Executable, Result, Select, Table, insert
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.orm.exc import StaleDataError
from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.driver.reader import Reader
from app.core.db.statements import AnyRow, AnySelect, Parameters, add_caller, complete, values_of_row
from app.core.db.unit_of_work.change import Change, Values, table_of_model
from app.core.db.unit_of_work.claims import Claim, loaded_row, select_claimed, unwritten
from app.core.db.unit_of_work.hooks import Hooks
from app.core.db.unit_of_work.rows import Rows
from app.core.db.unit_of_work.selects import examine, select_to_change, to_entities, visible
from app.core.db.unit_of_work.transaction import Found, Transaction, savepoint, write_alone
from app.core.db.unit_of_work.writers import Writers
from app.core.db.unit_of_work.writes import Command
from app.core.errors import DryRun
from app.core.security.keys import Keys

M = TypeVar("M", bound=SQLModel)
AnyRead = AnySelect | CompoundSelect[*tuple[Any, ...]]


class Session(Rows):
    """A unit of work. It takes a connection at its first statement and returns it at the end.

    `flush` writes what was added, changed and deleted. `execute`, `all`, `first`, `value` and `load` begin with it.
    """

    def __init__(
        self,
        writers: Writers,
        reader: Reader,
        hooks: Hooks,
        context: RequestContext,
        keys: Keys,
        *,
        is_repeatable: bool = False,
    ) -> None:
        super().__init__()
        self.hooks = hooks
        self.context = context
        self.keys = keys
        self.writers = writers
        self.reader = reader
        self.transaction = Transaction(writers)
        self.is_sqlite = writers.is_sqlite
        self.is_repeatable = is_repeatable
        """Whether the caller runs all of it again after StaleDataError, so that it may read before it locks."""
        self.is_open = True
        self.has_started = False
        """Whether the hooks of the beginning have run."""
        self.claims: list[Claim] = []
        """What was read before the transaction, and must hold in it."""
        self.targets: dict[Table, dict[tuple[str, Any], AnyRow]] = {}
        """Targets of references that were read before the transaction, by the table that refers to them."""
        self.waiting: list[Command] = []
        """What was flushed before the transaction began."""
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
        """Run `statement`. A select of models alone gives entities, and selects of models show no deleted rows.

        The execution option `include_deleted` shows them.
        """
        await self.flush()
        if not isinstance(statement, Select) or not statement._propagate_attrs:  # noqa: SLF001  # a model leaves it there
            return await self.run(statement, parameters)
        options = {**statement.get_execution_options(), **(execution_options or {})}
        shown, models = examine(statement, include_deleted=bool(options.get("include_deleted")))
        result = await self.run(shown, parameters)
        return to_entities(self, models, result) if models else result

    async def all(self, statement: AnySelect, values: Parameters = None) -> Sequence[AnyRow]:
        return (await self.execute(statement, values)).all()

    async def first(self, statement: AnySelect, values: Parameters = None) -> AnyRow | None:
        return (await self.execute(statement, values)).first()

    async def value(self, statement: AnySelect, values: Parameters = None) -> Any:
        return (await self.execute(statement, values)).scalar()

    async def load(self, model: type[M], id: object, *, deleted: bool = False) -> M | None:
        """Load and lock the visible (or the deleted) row with this id. A row that is locked is not read again.

        A unit that is repeatable claims it instead, as long as it has sent nothing.
        """
        key = (model, id)
        if not self.is_current(key):
            await self.flush()
        if key in self.locked and key in self.loaded:
            return visible(cast("M", self.loaded[key][0]), deleted=deleted)
        may_claim = await can_claim(self)
        read = self.reader.fetch if may_claim else self.run
        row = next(iter(await read(select_to_change(model, is_locked=not may_claim), {"wanted": id})), None)
        if row is None:
            return None
        values = values_of_row(row)
        if may_claim:
            self.claims.append(loaded_row(table_of_model(model), values))
        self.locked.add(key)
        return visible(self.adopt(model, values), deleted=deleted)

    async def look(self, statement: AnyRead, values: Values | None = None) -> Sequence[AnyRow]:
        """Read rows that this unit does not write. They are not locked, and no transaction is begun for them."""
        await start(self)
        if self.transaction.is_open:
            return (await self.run(statement, values)).all()
        return await self.reader.fetch(statement, add_caller(values, self.context))

    async def run(self, statement: Executable, parameters: Parameters = None) -> Found:
        """Run `statement` as it is, without a flush before it."""
        refuse_broken(self)
        await begin(self)
        return await self.transaction.run(statement, complete(statement, parameters, self.context))

    async def copy(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert many rows at once. What `execute` may not insert is refused."""
        refuse_broken(self)
        self.hooks.check(insert(table))
        await begin(self)
        await self.transaction.copy(table, rows)

    async def flush(self) -> None:
        """Check, record and write what was added, changed and deleted. Raises StaleDataError."""
        if not (changes := self.changes()):
            return
        refuse_broken(self)
        await start(self)
        for hook in self.hooks.before_write:
            await hook(self, changes)
        for change in changes:
            change.stamp(self.context.author_id)
        with broken_by_failure(self):
            await write(self, changes)
        self.accept(changes)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:
        """A savepoint: if the block raises, the database and the entities are as they were before it."""
        await self.flush()
        await begin(self)
        loaded, locked, info = dict(self.loaded), set(self.locked), dict(self.info)
        try:
            async with savepoint(self.transaction):
                yield
                await self.flush()
                refuse_broken(self)
        except BaseException:
            self.restore(loaded)
            self.locked, self.info = locked, info  # the database gives the other locks back
            self.is_broken = False
            raise


async def start(session: Session) -> None:
    """Run the hooks of the beginning, once. A statement of theirs begins the transaction."""
    if not session.has_started:
        session.has_started = True
        for hook in session.hooks.after_begin:
            await hook(session)


async def begin(session: Session) -> None:
    """Begin the transaction, if it has not begun, with what waits to be written."""
    await start(session)
    if session.transaction.is_open:
        return
    with broken_by_failure(session):
        await session.transaction.begin()
        await check_claims(session)
        if session.waiting:
            commands, session.waiting = session.waiting, []
            await session.transaction.write(commands)


async def write(session: Session, changes: Sequence[Change]) -> None:
    """Write rows and their change entries, or let them wait for the end where nothing else is sent before it."""
    recorder = session.hooks.recorder
    if recorder is None:
        raise RuntimeError("changes are not recorded, so nothing is written")
    changes = [*await recorder.record(session, changes), *changes]
    claims = unwritten(session.claims, changes)
    commands = session.writers.writes.commands(changes, claims, recorder.form)
    if session.transaction.is_open or session.waiting or session.context.dry_run:
        await begin(session)
        await session.transaction.write(commands)
    else:
        session.waiting, session.claims = commands, [] if commands[0].is_whole else claims


async def finish(session: Session) -> None:
    """Write what is left, and commit. Raises DryRun in place of committing a dry run."""
    await session.flush()
    for hook in session.hooks.before_commit:
        await hook(session)
    if session.context.dry_run:
        raise DryRun({"dry_run": True, **session.context.preview})
    refuse_broken(session)
    if session.waiting and session.waiting[0].is_whole:
        await write_alone(session.transaction, session.waiting)
    elif session.waiting:
        await begin(session)
    await session.transaction.finish()
    for after in session.hooks.after_commit:
        after(session)


def is_fresh(session: Session) -> bool:
    """Whether nothing was sent, nor waits to be sent."""
    return not session.transaction.is_open and not session.waiting


async def can_claim(session: Session) -> bool:
    """Whether the unit may read rows before its transaction."""
    await start(session)
    return session.is_repeatable and is_fresh(session)


async def check_claims(session: Session) -> None:
    """Lock what is claimed, in the order of claiming. Raises StaleDataError where it does not hold."""
    for claim in session.claims:
        if (await session.transaction.run(select_claimed(claim.form, claim.before))).first() is None:
            raise StaleDataError(f"a row of {claim.form.table.name} is not stored as it was read")
    session.claims.clear()
    session.targets.clear()


@contextmanager
def broken_by_failure(session: Session) -> Iterator[None]:
    """Leave nothing but to roll back if the block raises."""
    try:
        yield
    except BaseException:
        session.is_broken = True
        raise


def refuse_broken(session: Session) -> None:
    """Raise PendingRollbackError after a failed write."""
    if session.is_broken:
        raise PendingRollbackError("a write of this unit of work failed; roll it back")
