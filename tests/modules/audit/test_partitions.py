"""The partitions of both logs on PostgreSQL: each is only added to, and an insert always finds one."""

from asyncio import to_thread
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from alembic import command
from app.core.db import migrations
from app.core.db.engine import Database
from app.core.db.partitions import make_partitions
from app.modules.audit.sealer.logs import Log
from tests.databases import Backend
from tests.fixtures.databases import settings_for
from tests.modules.audit.sealer.sealed import access_values, change_values, past_the_application, read_all, run_sql

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

BEFORE_PARTITIONS = "c81d5e0f27ab"
FAR = datetime(2091, 5, 7, tzinfo=UTC)
NAMES = """
    SELECT child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bounds,
           child.oid::regclass::text AS quoted
    FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = '{table}'::regclass ORDER BY 1
"""
FILE = "SELECT relfilenode AS number FROM pg_class WHERE relname LIKE 'audit_change%' AND relkind = 'r' ORDER BY oid"
VALUES = {Log.changes: change_values, Log.access: access_values}


async def partitions_of(database: Database, log: Log) -> dict[str, str]:
    """The bounds of each partition of a log, by its name."""
    return {row.name: row.bounds for row in await read_all(database, text(NAMES.format(table=log.table.name)))}


async def make_month(database: Database, log: Log, month: str) -> bool:
    """Have the partition of a month made (`2091-05`); False where it is not."""
    sql = f"SELECT attest_make_partition('{log.table.name}', '{month}-01 00:00:00+00')"
    async with past_the_application(database) as connection:
        made = bool((await connection.execute(text(sql))).scalar())
        await connection.commit()
    return made


async def add_to_each(database: Database, log: Log, names: list[str]) -> None:
    """Insert an entry into each partition."""
    values = VALUES[log]()
    for name, bounds in (await partitions_of(database, log)).items():
        if name in names:
            start = bounds.partition("FROM (")[2].partition(")")[0].strip("'")
            at = FAR.replace(year=2099) if "DEFAULT" in bounds else datetime(2000, 1, 1, tzinfo=UTC)
            at = at if start in ("", "MINVALUE") else datetime.fromisoformat(start)
            await run_sql(database, insert(log.table).values({**values, "stored_at": at}))


COUNT = "SELECT count(*) AS entries FROM {}"
ATTACKS = (
    "UPDATE {} SET request_id = request_id",
    "UPDATE {} SET stored_at = stored_at + interval '1 month'",
    "DELETE FROM {}",
    "TRUNCATE {}",
)


async def succeeded(database: Database, name: str, table: str) -> list[str]:
    """The attacks on a table or partition that are not refused. Each is rolled back."""
    found = []
    for attack in ATTACKS:
        async with past_the_application(database) as connection:
            assert (await connection.execute(text(COUNT.format(name)))).scalar(), name
            try:
                await connection.execute(text(attack.format(name)))
            except DBAPIError as error:
                if f"{table} can only be added to" in str(error):
                    continue
            found.append(f"{attack}: {name}")
    return found


@pytest.mark.parametrize("log", Log)
async def test_each_partition_is_only_added_to(database: Database, log: Log) -> None:
    """The one that was the whole log, those made ahead, the default one, and one that is made later."""
    await make_month(database, log, "2091-05")
    names = [log.table.name, *await partitions_of(database, log)]
    await add_to_each(database, log, names)

    assert len(names) == 7
    assert [found for name in names for found in await succeeded(database, name, log.table.name)] == []


async def test_triggers_of_rows_and_of_statements_each_hold(database: Database) -> None:
    """One kind is enough for most attacks, so that each is tried without the other."""
    for kind, attacks in (("no_change", 4), ("append_only", 3)):
        await make_month(database, Log.changes, "2091-05")
        await add_to_each(database, Log.changes, ["audit_change_2091_05"])
        async with past_the_application(database) as connection:
            other = "append_only" if kind == "no_change" else "no_change"
            await connection.execute(text(f"ALTER TABLE audit_change_2091_05 DISABLE TRIGGER audit_change_{kind}"))
            await connection.commit()
        missed = await succeeded(database, "audit_change_2091_05", "audit_change")
        assert len(missed) == 4 - attacks, (other, missed)
        await run_sql(database, text(f"ALTER TABLE audit_change_2091_05 ENABLE TRIGGER audit_change_{kind}"))


@pytest.mark.parametrize("log", Log)
async def test_each_partition_has_all_indexes_and_statistics(database: Database, log: Log) -> None:
    await make_month(database, log, "2091-05")
    counts = "SELECT (SELECT count(*) FROM pg_index WHERE indrelid = '{0}'::regclass AND indisvalid) AS indexes, \
              (SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = '{0}'::regclass) AS statistics"

    found = {
        name: tuple((await read_all(database, text(counts.format(name))))[0])
        for name in [log.table.name, *await partitions_of(database, log)]
    }

    assert set(found.values()) == {(len(log.table.indexes) + 1, 1 if log is Log.access else 0)}, found


async def test_an_entry_without_a_partition_is_stored_all_the_same(database: Database) -> None:
    """The clock of the database is years ahead. What is stored meanwhile becomes a partition once it is made."""
    await run_sql(database, insert(Log.changes.table).values({**change_values(), "stored_at": FAR}))
    assert (await read_all(database, text(COUNT.format("audit_change_default"))))[0].entries == 1

    assert await make_month(database, Log.changes, "2091-05")
    assert (await read_all(database, text(COUNT.format("audit_change_default"))))[0].entries == 0
    assert (await read_all(database, text(COUNT.format("audit_change_2091_05"))))[0].entries == 1
    assert await succeeded(database, "audit_change_2091_05", "audit_change") == []
    await add_to_each(database, Log.changes, ["audit_change_default"])
    assert await succeeded(database, "audit_change_default", "audit_change") == []


async def test_a_default_partition_with_several_months_stays(database: Database) -> None:
    for month in (5, 6):
        at = FAR.replace(month=month)
        await run_sql(database, insert(Log.changes.table).values({**change_values(), "stored_at": at}))
    before = await partitions_of(database, Log.changes)

    assert not await make_month(database, Log.changes, "2091-05")
    assert await partitions_of(database, Log.changes) == before
    await run_sql(database, insert(Log.changes.table).values({**change_values(), "stored_at": FAR}))


async def test_a_month_that_another_partition_has_is_left_to_it(database: Database) -> None:
    """The clock was set back to before the first partition ends."""
    assert not await make_month(database, Log.changes, "2020-01")


async def test_partitions_are_made_ahead(database: Database) -> None:
    before = await partitions_of(database, Log.access)
    last = max(name for name in before if not name.endswith("default"))
    await run_sql(database, text(f"DROP TABLE {last}"))

    await make_partitions(database)

    assert await partitions_of(database, Log.access) == before


async def test_a_role_that_owns_nothing_makes_partitions(database: Database) -> None:
    role, table = f"role_{uuid4().hex}", "audit_access"
    last = max(name for name in await partitions_of(database, Log.access) if not name.endswith("default"))
    await run_sql(database, text(f"DROP TABLE {last}"), text(f"CREATE ROLE {role}"))
    try:
        async with past_the_application(database) as connection:
            await connection.execute(text(f"SET ROLE {role}"))
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                await connection.execute(text(f"SELECT attest_make_partition('{table}', '2091-05-01 00:00:00+00')"))
            await connection.rollback()
            await connection.execute(text(f"SET ROLE {role}"))
            assert (await connection.execute(text("SELECT attest_make_partitions(3)"))).scalar() == 1
            await connection.commit()
    finally:
        await run_sql(database, text(f"DROP ROLE {role}"))


async def test_the_table_becomes_the_first_partition(backend: Backend, tmp_path: Path) -> None:
    """Its rows are not copied, numbers go on, and the way back keeps the entries."""
    name = f"test_{uuid4().hex}"
    settings = settings_for(backend.create(name), tmp_path)
    config = migrations.config(settings)
    database = Database(settings)
    try:
        await to_thread(command.upgrade, config, BEFORE_PARTITIONS)
        await run_sql(database, *(insert(Log.changes.table).values(change_values()) for _ in range(3)))
        before = (await read_all(database, text(FILE)))[0].number

        await to_thread(migrations.upgrade, settings)
        await run_sql(database, insert(Log.changes.table).values(change_values()))

        assert (await read_all(database, text(FILE)))[0].number == before
        entries = await read_all(database, text("SELECT id, tableoid::regclass::text AS place FROM audit_change"))
        assert sorted(row.id for row in entries) == [1, 2, 3, 4]
        assert len({row.place for row in entries}) == 1

        await to_thread(command.downgrade, config, BEFORE_PARTITIONS)
        await run_sql(database, insert(Log.changes.table).values(change_values()))
        rows = await read_all(database, text("SELECT id FROM audit_change ORDER BY id"))
        assert [row.id for row in rows] == [1, 2, 3, 4, 5]
    finally:
        await database.dispose()
        backend.drop(name)
