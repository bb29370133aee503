"""Reads the roll-ups."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Subquery,
    Table,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
)

from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import invalid
from app.modules.audit.models import TABLES
from app.modules.audit.repository import audited_modules, check_table
from app.modules.audit.rollups.counting import days, fields, hours
from app.modules.audit.schemas import Window
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.store import seals
from app.modules.audit.summary.guards import Rules, guard_of
from app.modules.audit.summary.schemas import Dimension, SummaryQuery

COLUMNS = {
    Dimension.actor: ("actor_kind", "actor_id"),
    Dimension.owner: ("owner_id",),
    Dimension.route: ("method", "route"),
    Dimension.status: ("status_class",),
}
"""The columns of what a dimension shows, where they are not one of its name. The last is that of its filter."""
OF_REQUESTS = {Dimension.day, Dimension.module, Dimension.route, Dimension.status}
OF_ACTORS = {Dimension.day, Dimension.actor, Dimension.owner, Dimension.module}


class Rollup(NamedTuple):
    """A roll-up of a log, and what it knows of the entries."""

    table: Table
    dimensions: set[Dimension]


ROLLUPS = {
    Log.access: (
        Rollup(hours, OF_REQUESTS | {Dimension.hour}),
        Rollup(days, OF_REQUESTS | OF_ACTORS | {Dimension.error_code, Dimension.guard}),
    ),
    Log.changes: (
        Rollup(days, OF_ACTORS | {Dimension.entity, Dimension.action}),
        Rollup(fields, {Dimension.day, Dimension.module, Dimension.entity, Dimension.field}),
    ),
}
"""The roll-ups of each log. The first that knows enough answers."""


def find_rollup(query: SummaryQuery) -> Table:
    """The table that answers. Raises Invalid where none knows all that is asked for."""
    found = next((each.table for each in ROLLUPS[query.log] if query.dimensions <= each.dimensions), None)
    if found is None:
        names = ", ".join(sorted(query.dimensions))
        raise invalid("/query/by", f"The log `{query.log}` is not counted by all of: {names}.", "not-counted-by")
    return found


class SummaryRepository:
    """The roll-ups, as far as the caller may read the entries. `rules` are those of all routes."""

    def __init__(self, session: ReadSession | Session, rules: Rules) -> None:
        self.session = session
        self.rules = rules

    async def read(self, query: SummaryQuery, window: Window) -> Sequence[AnyRow]:
        """The first groups, each with `total` and `groups` of all, and the `tree` of the sealed changes.

        It is one statement, so that all of it is of one moment. Without groups it is one row without `entries`.
        Raises Invalid.
        """
        await check_table(self.session, query.entity)
        groups = self.select_groups(find_rollup(query), query, window)
        tree = select(seals.c.tree).where(seals.c.log == Log.changes.value).scalar_subquery()
        sealed = select(tree.label("tree")).subquery()
        total = cast(func.sum(groups.c.entries).over(), BigInteger).label("total")
        found = select(sealed, groups, total, func.count(groups.c.entries).over().label("groups"))
        ordered = found.select_from(sealed.outerjoin(groups, true())).order_by(*order_of(groups, query))
        return await self.session.all(ordered.limit(query.limit))

    def select_groups(self, table: Table, query: SummaryQuery, window: Window) -> Subquery:
        """The groups of the rows that match, with their sums."""
        known = self.columns_of(table, query.log)
        names = list(dict.fromkeys(name for each in query.by for name in columns_of_dimension(each)))
        chosen = {name: known[name] for name in (*names, "entries", "bytes_out", "duration_us", "longest_us")}
        rows = select(*(column.label(name) for name, column in chosen.items()))
        rows = rows.where(*self.conditions(table, known, query, window))
        each = rows.subquery()
        sums = [
            cast(func.sum(each.c[name]), BigInteger).label(name) for name in ("entries", "bytes_out", "duration_us")
        ]
        keys = [each.c[name] for name in names]
        longest = func.max(each.c.longest_us).label("longest_us")
        return select(*keys, *sums, longest).group_by(*keys).subquery()

    def columns_of(self, table: Table, log: Log) -> Mapping[str, ColumnElement[Any]]:
        """The columns of a roll-up by their names, with those that follow from others."""
        columns: dict[str, ColumnElement[Any]] = dict(table.c)
        for name in ("bytes_out", "duration_us", "longest_us"):
            columns.setdefault(name, cast(null(), BigInteger))
        if log is Log.changes:
            columns["bytes_out"] = cast(null(), BigInteger)
            columns["module"] = module_of(table.c.entity)
        elif "error_code" in table.c:
            columns["guard"] = guard_of(table, self.rules)
        if "hour" in table.c:
            is_sqlite = self.session.is_sqlite
            hour = table.c.hour
            columns["day"] = func.date(hour, type_=Date) if is_sqlite else cast(func.timezone("UTC", hour), Date)
        return columns

    def conditions(
        self, table: Table, known: Mapping[str, ColumnElement[Any]], query: SummaryQuery, window: Window
    ) -> Iterator[ColumnElement[bool]]:
        """What the rows meet: the period, the filters, and what the caller may read."""
        is_hourly = "hour" in table.c
        start, end = window if is_hourly else (edge.astimezone(UTC).date() for edge in window)
        yield (table.c.hour if is_hourly else table.c.day) >= start
        yield (table.c.hour if is_hourly else table.c.day) < end
        if "log" in table.c:
            yield table.c.log == query.log.value
        for dimension, value in query.filters.items():
            yield known[columns_of_dimension(dimension)[-1]] == value
        modules = audited_modules(self.session)
        if modules is not None:
            yield known["module"].in_(modules)


def columns_of_dimension(dimension: Dimension) -> tuple[str, ...]:
    return COLUMNS.get(dimension, (dimension.value,))


def module_of(entity: ColumnElement[str]) -> ColumnElement[str | None]:
    """The module of a table, where it belongs to one with a history."""
    known = [(entity.in_(sorted(tables)), literal(module)) for module, tables in sorted(TABLES.items())]
    return case(*known, else_=None) if known else cast(null(), entity.type)


def order_of(groups: Subquery, query: SummaryQuery) -> Iterator[ColumnElement[Any]]:
    """The order of the groups, with all of their keys, so that it is the same on every database. Raises Invalid."""
    if query.sort != "-count":
        time = next((groups.c[name] for name in ("hour", "day") if name in groups.c), None)
        if time is None:
            raise invalid("/query/sort", "Without `day` or `hour` in `by`, sort by -count.", "not-sortable")
        yield time if query.sort == "time" else time.desc()
    yield groups.c.entries.desc()
    for each in query.by:
        yield from (groups.c[name].nulls_last() for name in columns_of_dimension(each))
