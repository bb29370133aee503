"""Queries over the audit log."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from app.core.clock import hour_of, now
from app.core.db.audited import recorded_models
from app.core.db.column_types import Instant
from app.core.db.cursor import read_cursor
from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository
from app.core.db.row_access import EVERY_PERMISSION, RowAccess, access_by, row_access
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.core.db.snapshots import present_snapshot, was_visible
from app.core.errors import invalid
from app.modules.audit.models import (
    TABLES,
    AuditArchive,
    AuditCaller,
    AuditChange,
    AuditRedaction,
    AuditRun,
)
from app.modules.audit.schemas import (
    ARCHIVED_HEADER,
    AUDIT,
    WINDOW_HEADER,
    ChangeQuery,
    ChangeRead,
    PeriodQuery,
    Window,
)

callers, runs, archives = table_of(AuditCaller), table_of(AuditRun), table_of(AuditArchive)
redactions = table_of(AuditRedaction)


def place_of(number: ColumnElement[Any], log: str) -> ColumnElement[Any]:
    """The place in the order of `log` of the entry with this number; null before it is sealed.

    Runs do not overlap, so that only the last that begins before the entry can have it.
    """
    is_inside = number < runs.c.first_id + runs.c.length
    return (
        select(case((is_inside, runs.c.first_seq + number - runs.c.first_id)))
        .where(runs.c.log == log, runs.c.first_id <= number)
        .order_by(runs.c.first_id.desc())
        .limit(1)
        .correlate_except(runs)
        .scalar_subquery()
    )


def last_place(log: str) -> ColumnElement[int]:
    """The last place in the order of `log`; 0 before the first seal."""
    last = select(runs.c.first_seq + runs.c.length - 1).where(runs.c.log == log).order_by(runs.c.first_seq.desc())
    return func.coalesce(last.limit(1).scalar_subquery(), 0)


def audited_modules(session: Session | ReadSession) -> frozenset[str] | None:
    """The modules whose entries the caller may read; None for all of them, which jobs and `audit:read` read."""
    principal = session.context.principal
    return None if principal is None or principal.may("audit:read") else principal.modules_with(AUDIT)


def readable_rows(session: Session | ReadSession) -> RowAccess:
    """The rows of which the log may tell the caller: every row, to a reader of the whole log."""
    return access_by(EVERY_PERMISSION) if audited_modules(session) is None else row_access(session.context)


def belongs_to(log: Table, modules: Collection[str]) -> ColumnElement[bool]:
    """True for access entries of routes of these modules, and for change entries of their tables."""
    if "module" in log.c:
        return log.c.module.in_(modules)
    return log.c.entity.in_({table for module in modules for table in TABLES.get(module, ())})


def find_window(session: Session | ReadSession, query: PeriodQuery, kept: Sequence[str]) -> Window | None:
    """The window of a page, where it needs one: what its cursor `kept`. A header says it. Raises RangeRequired."""
    window = query.window(kept, now(), is_partial=audited_modules(session) is not None)
    if window is not None:
        session.context.headers[WINDOW_HEADER] = str(window)
    return window


def values_of(window: Window | None, kept: Sequence[str]) -> dict[str, Any]:
    """The parameters of a page: what the first one saw, and the window, with the beginning of its first hour."""
    seen: dict[str, Any] = {"snapshot": kept[0], "sealed": int(kept[1])} if kept else {}
    return seen | ({**window._asdict(), "start_hour": hour_of(window.start)} if window else {})


def cursor_name(log: str) -> str:
    """What cursors of a log are bound to. Those of older versions have the name of the table, and keep other things."""
    return f"log of {log}"


async def tell_archives(
    session: Session | ReadSession, logs: Collection[str], start: datetime | None, end: datetime | None
) -> None:
    """Say in a header which months of logs a question about a period reaches into that are in an archive only.

    It comes behind the answer, so that it knows of a month that was archived meanwhile.
    """
    newest = select(func.max(archives.c.id)).where(archives.c.log.in_(logs)).group_by(archives.c.log, archives.c.month)
    reached = select(archives.c.month).where(archives.c.id.in_(newest), archives.c.is_dropped)
    if start is not None:
        reached = reached.where(archives.c.last_at >= start)
    if end is not None:
        reached = reached.where(archives.c.first_at < end)
    if rows := await session.all(reached.distinct()):
        told = filter(None, session.context.headers.get(ARCHIVED_HEADER, "").split(", "))  # of the other log
        session.context.headers[ARCHIVED_HEADER] = ", ".join(sorted({*told, *(row.month for row in rows)}))


async def check_table(session: Session | ReadSession, name: str | None) -> None:
    """Raise Invalid for the name of a table that no entry can have, because no version of the redactions has it.

    A table that was dropped is in those of its time.
    """
    if name is None or name in recorded_models():
        return
    has_it = redactions.c.document[name].as_string().is_not(None)
    if await session.first(select(redactions.c.version).where(has_it).limit(1)) is None:
        known = ", ".join(recorded_models())
        raise invalid("/query/entity", f"The log never had such a table. Those of today are: {known}.", "unknown-table")


class LogRepository(ReadRepository):
    """One of the logs, each entry with its place, and with its caller, as far as that is still known.

    It shows an auditor of some modules the entries of those only, except in the history of one item.
    """

    log: str

    def compute_columns(self) -> dict[str, ColumnElement[Any]]:
        """The columns of a read that the table does not have as they are."""
        name = func.coalesce(self.table.c.actor_name, callers.c.name).label("actor_name")
        place = place_of(self.table.c.id, self.log).label("seq")
        return {"seq": place, "actor_name": name, "ip": callers.c.ip, "user_agent": callers.c.user_agent}

    def columns(self) -> list[ColumnElement[Any]]:
        """The columns of a read, without the names that `names` adds to a page."""
        known = {**self.table.c, **self.compute_columns()}
        return [known[name] for name in self.read.model_fields if name in known]

    def select(self, *, deleted: bool = False) -> AnySelect:
        called = self.table.outerjoin(callers, self.table.c.caller_id == callers.c.id)
        return super().select(deleted=deleted).select_from(called)

    async def entries(self, numbers: Collection[int]) -> Sequence[AnyRow]:
        """The entries with these numbers."""
        visible = self.visible(self.build_once("all", self.select))
        return await self.session.all(visible.where(self.table.c.id.in_(numbers))) if numbers else []

    async def get(self, id: UUID | int) -> AnyRow:
        entries = await self.entries([int(id)])
        if not entries:
            raise self.not_found(id)
        return entries[0]

    async def page(self, query: PageQuery) -> RowPage:
        """One page of entries, in a window where the query needs one. The cursor keeps the window.

        It keeps, too, what the first page saw: the pages behind it show nothing that came later (ADR 40).
        """
        kept = read_cursor(self.session, query, cursor_name(self.log))[1]
        window = find_window(self.session, query, kept[2:4]) if isinstance(query, PeriodQuery) else None
        page = await self.read_page(query, window, kept)
        if isinstance(query, PeriodQuery):
            await tell_archives(self.session, [self.log], *(window or (query.at_gte, query.at_lt)))
        return page

    async def read_page(self, query: PageQuery, window: Window | None, kept: Sequence[str]) -> RowPage:
        """One page of a window, or of the whole log, whose cursor `kept` something. Raises ListTimedOut."""
        form = ("list", window is None, not kept, self.session.is_sqlite)
        statement = self.build_once(form, partial(self.select_list, in_window=window is not None, is_first=not kept))
        matching = self.where(self.visible(statement), query)
        values, texts = values_of(window, kept), window.texts if window else []
        name = cursor_name(self.log)
        return await self.fetch_page(matching, query, name, values, lambda row: [row.snapshot, str(row.sealed), *texts])

    def select_list(self, *, in_window: bool, is_first: bool) -> AnySelect:
        """A select of the entries of a list, each with what the first page saw: a snapshot, and the last place."""
        at, number, statement = self.table.c.at, self.table.c.id, self.select()
        if in_window:
            begins, ends = at >= bindparam("start", type_=Instant), at < bindparam("end", type_=Instant)
            statement = statement.where(begins, ends)
        snapshot: ColumnElement[str] = bindparam("snapshot", type_=Text)
        sealed: ColumnElement[int] = bindparam("sealed", type_=BigInteger)
        if is_first:
            snapshot, sealed = present_snapshot(self.table, is_sqlite=self.session.is_sqlite), last_place(self.log)
        else:
            was_there = was_visible(number, self.table.c.xid, snapshot, is_sqlite=self.session.is_sqlite)
            statement = statement.where(or_(was_there, place_of(number, self.log) <= sealed))
        return statement.add_columns(snapshot.label("snapshot"), sealed.label("sealed"))

    def visible(self, statement: AnySelect) -> AnySelect:
        """`statement` with only what the caller may read."""
        modules = audited_modules(self.session)
        if modules is None:
            return statement
        return self.build_once((statement, modules), lambda: statement.where(belongs_to(self.table, modules)))


class ChangeRepository(LogRepository):
    """The change log."""

    log = "changes"
    model = AuditChange
    read: type[BaseModel] = ChangeRead

    async def page(self, query: PageQuery) -> RowPage:
        if isinstance(query, ChangeQuery):
            await check_table(self.session, query.entity)
        return await super().page(query)

    def compute_columns(self) -> dict[str, ColumnElement[Any]]:
        return {**super().compute_columns(), "action": self.shown_action().label("action")}

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        if isinstance(query, ChangeQuery) and (query.action or query.field or query.module):
            conditions = list(self.conditions(query))
            plain, key = statement, (statement, query.action, query.field, query.module)
            statement = self.build_once(key, lambda: plain.where(*conditions))
            query = query.model_copy(update={"action": None, "field": None, "module": None})
        return super().where(statement, query)

    def conditions(self, query: ChangeQuery) -> Iterator[ColumnElement[bool]]:
        """What the filters ask for that do not compare a column of the table with their value."""
        if query.action:
            yield self.shown_action() == query.action
        if query.field:
            yield self.has_changed(query.field)
        if query.module:
            yield belongs_to(self.table, [query.module])

    def has_changed(self, field: str) -> ColumnElement[bool]:
        """True for entries in which `field` changed."""
        has_field: ColumnElement[bool] = self.table.c.changes[field].as_string().is_not(None)
        return has_field

    def shown_action(self) -> ColumnElement[str]:
        """The action of an entry: an update that hides the row is a `delete`, one that brings it back a `restore`."""
        columns = self.table.c
        is_update = and_(columns.action == "update", self.has_changed("deleted_at"))
        is_back = columns.changes["deleted_at", "new"].as_string().is_(None)
        return case((and_(is_update, is_back), "restore"), (is_update, "delete"), else_=columns.action)
