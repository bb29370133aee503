"""Counts the entries of the logs again, one by one, and compares the roll-ups with that."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.core.clock import hour_of
from app.core.db.engine import Database
from app.modules.audit.rollups.counting import change_hours, days, fields, hours
from app.modules.audit.sealer.logs import Log
from tests.modules.audit.sealer.sealed import read_all, sealed_ids

Counts = dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]
MEASURES = {"entries", "bytes_out", "duration_us", "longest_us", "first_at", "last_at"}
NONE = "00000000-0000-0000-0000-000000000000"


async def check_rollups(database: Database) -> Counts:
    """Check that the roll-ups are what the stored requests and the sealed changes come to; returns them."""
    found, expected = await read_rollups(database), await recount(database)
    for name in expected:
        assert found[name] == expected[name], name
    return found


async def read_rollups(database: Database) -> Counts:
    """The roll-ups, each as measures by key."""
    counts: Counts = {}
    for table in (days, hours, fields, change_hours):
        names = [column.name for column in table.columns]
        values = [name for name in names if name in MEASURES]
        rows = [row._mapping for row in await read_all(database, select(table))]
        counts[table.name] = {
            tuple(str(row[name]) for name in names if name not in MEASURES): tuple(row[name] for name in values)
            for row in rows
        }
    return counts


async def recount(database: Database) -> Counts:
    """What the roll-ups must be."""
    requests = await read_all(database, select(Log.access.table))
    sealed = set(await sealed_ids(database))
    changes = [row for row in await read_all(database, select(Log.changes.table)) if row.id in sealed]
    return {
        "audit_day": {
            **totals((day_of_request(row), row.bytes_out) for row in requests),
            **totals((day_of_change(row), 0) for row in changes),
        },
        "audit_hour": hours_of(requests),
        "audit_field": {
            key: (count,)
            for key, count in Counter(
                (row.entity, field, str(row.at.date())) for row in changes for field in row.changes
            ).items()
        },
        "audit_change_hour": hours_of_changes(changes),
    }


def hours_of_changes(changes: Iterable[Any]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The first and the last change of each field and of each action in each hour."""
    together: dict[tuple[Any, ...], list[datetime]] = {}
    for row in changes:
        for kind in (("action", action_of(row)), *(("field", field) for field in row.changes)):
            together.setdefault((*kind, str(hour_of(row.at)), row.entity), []).append(row.at)
    return {key: (min(times), max(times)) for key, times in together.items()}


def totals(found: Iterable[tuple[tuple[Any, ...], int]]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    counts: Counter[Any] = Counter()
    sizes: Counter[Any] = Counter()
    for key, size in found:
        counts[key] += 1
        sizes[key] += size
    return {key: (count, sizes[key]) for key, count in counts.items()}


def hours_of(requests: Iterable[Any]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    together: dict[tuple[Any, ...], list[Any]] = {}
    for row in requests:
        together.setdefault((str(hour_of(row.at)), *facts(row)), []).append(row)
    return {
        key: (
            len(rows),
            sum(row.bytes_out for row in rows),
            sum(row.duration_us for row in rows),
            max(row.duration_us for row in rows),
        )
        for key, rows in together.items()
    }


def facts(row: Any) -> tuple[str, ...]:
    method = row.method if row.method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
    return row.module or "", row.route or "", method, str(row.status)[0]


def actor(row: Any) -> tuple[str, ...]:
    return str(row.actor_id or NONE), str(row.owner_id or NONE), row.actor_kind


def day_of_request(row: Any) -> tuple[str, ...]:
    return ("access", str(row.at.date()), *actor(row), *facts(row), row.error_code or "", "", "")


def action_of(row: Any) -> str:
    if row.action == "update" and "deleted_at" in row.changes:
        return "delete" if row.changes["deleted_at"].get("new") else "restore"
    return str(row.action)


def day_of_change(row: Any) -> tuple[str, ...]:
    return ("changes", str(row.at.date()), *actor(row), "", "", "", "0", "", row.entity, action_of(row))
