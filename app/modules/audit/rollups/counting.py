"""Adds entries to the roll-ups, in the transaction that ships or seals them.

A statement for each roll-up adds what a batch has of each group, in the order of the keys. So two processes whose
batches have groups in common never wait for each other in a circle, and since these statements are the last before the
commit, one waits for a commit of the other, and no longer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Executable, Table, bindparam, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.core.clock import hour_of
from app.core.db.entity import table_of
from app.core.db.session import AnyRow, Session
from app.core.runtime.slices import take_slices
from app.modules.audit.rollups.models import NO_ID, AuditChangeHour, AuditDay, AuditField, AuditHour

days, hours, fields = table_of(AuditDay), table_of(AuditHour), table_of(AuditField)
change_hours = table_of(AuditChangeHour)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that routes have."""
Key = tuple[Any, ...]
Groups = Mapping[Key, Iterable[Any]]


async def count_requests(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Count access entries."""
    of_days: dict[Key, list[int]] = {}
    of_hours: dict[Key, list[int]] = {}
    for row in rows:
        at, size, duration = row["at"].astimezone(UTC), row["bytes_out"], row["duration_us"]
        module, route = row["module"] or "", row["route"] or ""
        method = row["method"] if row["method"] in METHODS else "other"
        request = (module, route, method, row["status"] // 100)
        actor = (row["actor_id"] or NO_ID, row["owner_id"] or NO_ID, row["actor_kind"])
        day = of_days.setdefault(("access", at.date(), *actor, *request, row["error_code"] or "", "", ""), [0, 0])
        day[0] += 1
        day[1] += size
        hour = of_hours.setdefault((hour_of(at), *request), [0, 0, 0, 0])
        hour[0] += 1
        hour[1] += size
        hour[2] += duration
        hour[3] = max(hour[3], duration)
    await add_groups(session, days, of_days)
    await add_groups(session, hours, of_hours)


async def count_changes(session: Session, entries: Sequence[AnyRow]) -> None:
    """Count change entries, and note the hours of their actions and of the fields that they changed."""
    of_days: Counter[Key] = Counter()
    of_fields: Counter[Key] = Counter()
    of_hours: dict[Key, list[datetime]] = {}
    async for some in take_slices(entries):
        for entry in some:
            at = entry.at.astimezone(UTC)
            day, hour = at.date(), at.hour
            actor = (entry.actor_id or NO_ID, entry.owner_id or NO_ID, entry.actor_kind)
            action = shown_action(entry.action, entry.changes)
            of_days["changes", day, *actor, "", "", "", 0, "", entry.entity, action] += 1
            of_hours.setdefault(("action", action, day, hour, entry.entity), []).append(at)
            for field in entry.changes:
                of_fields[entry.entity, field, day] += 1
                of_hours.setdefault(("field", field, day, hour, entry.entity), []).append(at)
    await add_groups(session, days, {key: (entries, 0) for key, entries in of_days.items()})
    await add_groups(session, fields, {key: (entries,) for key, entries in of_fields.items()})
    periods = {
        (parameter, value, hour_of(times[0]), entity): (min(times), max(times))
        for (parameter, value, _, _, entity), times in of_hours.items()
    }
    await add_groups(session, change_hours, periods)


def shown_action(action: str, changes: Mapping[str, Any]) -> str:
    """The action of a change as the API shows it: hiding a row is a `delete`, bringing it back a `restore`."""
    if action != "update" or changes.get("deleted_at") is None:
        return action
    return "restore" if changes["deleted_at"].get("new") is None else "delete"


async def add_groups(session: Session, table: Table, groups: Groups) -> None:
    """Add what `groups` have to the rows with their keys, in the order of the keys."""
    if not groups:
        return
    rows = [(*key, *groups[key]) for key in sorted(groups)]
    names = [column.name for column in table.columns]
    if session.is_sqlite:
        await session.execute(insert_rows(table), [dict(zip(names, row, strict=True)) for row in rows])
    else:
        await session.execute(insert_lists(table), dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


@cache
def insert_rows(table: Table) -> Executable:
    """An insert of one row for SQLite."""
    return add_to_rows(sqlite.insert(table), table)


@cache
def insert_lists(table: Table) -> Executable:
    """An insert for PostgreSQL, of a list for each column: it is faster than a statement for each row."""
    lists = [bindparam(column.name, type_=ARRAY(column.type)) for column in table.columns]
    given = func.unnest(*lists).table_valued(*(column.name for column in table.columns)).render_derived()
    return add_to_rows(postgresql.insert(table).from_select(list(table.columns), select(*given.c)), table)


def add_to_rows(added: Any, table: Table) -> Executable:
    """`added`, an insert, that adds to the row with the same key, if there is one."""
    new, old = added.excluded, table.c
    both = {column.name: combine(old[column.name], new[column.name]) for column in old if not column.primary_key}
    changed: Executable = added.on_conflict_do_update(index_elements=list(table.primary_key), set_=both)
    return changed


def combine(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """The value of a column in a row for entries of two batches: the sum, unless its name says that it is an edge."""
    edge, *_ = str(old.key).split("_")
    if edge == "first":
        return case((new < old, new), else_=old)
    return case((new > old, new), else_=old) if edge in ("last", "longest") else old + new
