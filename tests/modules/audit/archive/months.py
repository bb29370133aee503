"""Logs with closed months, as they are after some time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select, text

from app.core.db.engine import Database
from app.modules.audit.archive.command import archive
from app.modules.audit.archive.manifest import Manifest
from app.modules.audit.sealer.archived import archives
from app.modules.audit.sealer.logs import Log
from tests.modules.audit.sealer.sealed import access_values, add_changes, read_all, run_sql, seal_all, sealer_of
from tests.roles import open_as_owner

MONTHS = ("2025-11", "2025-12", "2026-01")
SPLIT = """
    ALTER TABLE {table} DETACH PARTITION {first}; ALTER TABLE {first} RENAME TO old_{table};
    {make};
    INSERT INTO {table} SELECT * FROM old_{table}; DROP TABLE old_{table}
"""


def in_month(month: str, day: int = 15) -> datetime:
    year, number = map(int, month.split("-"))
    return datetime(year, number, day, 12, tzinfo=UTC)


async def split_first(database: Database) -> None:
    """Give the months partitions of their own; a new database has all of them in its first one. SQLite has none."""
    if database.settings.is_sqlite:
        return
    for log in Log:
        name = log.table.name
        month = f"{(await read_all(database, select(func.now().label('at'))))[0].at:%Y-%m}"
        first = f"{name}_{month.replace('-', '_')}"
        make = "; ".join(
            f"SELECT attest_make_partition('{name}', '{each}-01 00:00:00+00')" for each in (*MONTHS, month)
        )
        sql = SPLIT.format(table=name, first=first, make=make)
        await run_sql(database, *(text(part) for part in sql.split(";")))


async def fill_months(database: Database, count: int = 12) -> None:
    """Seal some entries of each month in both logs, and what was there before."""
    await split_first(database)
    sealer = sealer_of(database)
    for log in Log:
        await seal_all(sealer, log)
    for month in MONTHS:
        at = in_month(month)
        await add_changes(database, count, at=at, stored_at=at)
        rows = [{**access_values(), "at": at, "stored_at": at} for _ in range(count)]
        await run_sql(database, insert(Log.access.table).values(rows))
        for log in Log:
            await seal_all(sealer, log)


async def count_stored(database: Database, log: Log, month: str) -> int:
    """How many entries of a month are in the database."""
    stored, at = log.table.c.stored_at, in_month(month)
    return len(await read_all(database, select(log.table.c.id).where(stored == at)))


async def archive_into(folder: Path, database: Database, before: str = "2026-01", **options: Any) -> list[Manifest]:
    """Archive, and return the manifests of the folder."""
    result = await archive(open_as_owner(database), before=before, to=str(folder), **options)
    assert result.exit_code == 0, result.lines
    return manifests_of(folder)


def manifests_of(folder: Path) -> list[Manifest]:
    return [Manifest.parse(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


async def recorded(database: Database) -> list[tuple[str, str, str]]:
    """What is recorded of archives, in its order."""
    rows = await read_all(database, select(archives).order_by(archives.c.id))
    return [(row.log, row.month, row.action) for row in rows]
