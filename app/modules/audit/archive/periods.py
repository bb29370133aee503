"""The months of a log that are over: partitions on PostgreSQL, parts of the table on SQLite."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, cast, column, func, select, table

from app.core.clock import now
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.repository import place_of
from app.modules.audit.sealer.archived import find_archives
from app.modules.audit.sealer.logs import Log

BOUNDS = re.compile(r"FROM \((MINVALUE|'[^']+')\) TO \('([^']+)'\)")
CHUNK = 20_000
inherits = table("pg_inherits", column("inhparent"), column("inhrelid"))
classes = table("pg_class", column("oid"), column("relname"), column("relpartbound"))


class Period(NamedTuple):
    """Entries of a log that were stored from `start` on and before `end`."""

    log: Log
    month: str
    """The last month of it, `2026-01`."""
    start: datetime | None
    end: datetime
    partition: str | None
    """The partition that has these entries and no others."""

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        stored = self.log.table.c.stored_at
        return [stored < self.end, *([stored >= self.start] if self.start else [])]

    def has(self, stored_at: datetime) -> bool:
        return stored_at < self.end and (self.start is None or stored_at >= self.start)


class Facts(NamedTuple):
    """What a period holds."""

    total: int
    sealed: int
    first_seq: int | None
    last_seq: int | None
    first_id: int | None
    last_id: int | None
    first_at: datetime | None
    last_at: datetime | None


def month_of(at: datetime) -> datetime:
    """The beginning of the month of an instant."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    return month_of(month + timedelta(days=31))


def parse_month(text: str) -> datetime:
    """The beginning of a month such as `2026-01`. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)


async def find_periods(session: ReadSession, log: Log, before: datetime) -> list[Period]:
    """The periods that end at `before` or earlier, the oldest first; on SQLite those that are not archived."""
    if session.is_sqlite:
        return [period async for period in find_months(session, log, before)]
    parent = select(classes.c.oid).where(classes.c.relname == log.table.name).scalar_subquery()
    bounds = func.pg_get_expr(classes.c.relpartbound, classes.c.oid).label("bounds")
    joined = classes.join(inherits, inherits.c.inhrelid == classes.c.oid)
    found = select(cast(classes.c.relname, Text).label("name"), bounds).select_from(joined)
    rows = await session.all(found.where(inherits.c.inhparent == parent))
    periods = [period for row in rows if (period := to_period(log, row)) and period.end <= before]
    return sorted(periods, key=lambda period: period.end)


def to_period(log: Log, row: AnyRow) -> Period | None:
    """The period of a partition; None for the default one."""
    bounds = BOUNDS.search(row.bounds)
    if bounds is None:
        return None
    first, last = bounds.groups()
    start = None if first == "MINVALUE" else datetime.fromisoformat(first.strip("'"))
    end = datetime.fromisoformat(last)
    return Period(log, f"{end - timedelta(days=1):%Y-%m}", start, end, row.name)


async def find_months(session: ReadSession, log: Log, before: datetime) -> AsyncIterator[Period]:
    """The months of a log that is one table."""
    oldest = await session.value(select(func.min(log.table.c.stored_at)))
    done = {row.month for row in await find_archives(session, log)}
    month = month_of(oldest) if oldest else before
    while (end := next_month(month)) <= before:
        if f"{month:%Y-%m}" not in done:
            yield Period(log, f"{month:%Y-%m}", month, end, None)
        month = end


async def measure(session: ReadSession, period: Period) -> Facts:
    """What a period holds, read in pieces."""
    log, after = period.log.table, -1
    parts: list[Facts] = []
    while True:
        place = place_of(log.c.id, period.log).label("place")
        chosen = select(log.c.id, log.c.at, place).where(log.c.id > after, *period.conditions)
        chunk = chosen.order_by(log.c.id).limit(CHUNK).subquery()
        edges = [edge(chunk.c[name]) for name in ("place", "id", "at") for edge in (func.min, func.max)]
        row = await session.first(select(func.count(), func.count(chunk.c.place), *edges).select_from(chunk))
        if row is None or not row[0]:
            return combine(parts)
        parts.append(Facts(*row))
        after = parts[-1].last_id or after


def combine(parts: list[Facts]) -> Facts:
    """The facts of several pieces together."""

    def edge(choose: Any, name: str) -> Any:
        return choose((value for part in parts if (value := getattr(part, name)) is not None), default=None)

    edges = (edge(max if name.startswith("last") else min, name) for name in Facts._fields[2:])
    return Facts(sum(part.total for part in parts), sum(part.sealed for part in parts), *edges)


def is_over(month_end: datetime) -> bool:
    return month_end <= month_of(now())
