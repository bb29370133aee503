"""The codes of writers: an entry that the database alone forged is found, though it was sealed like any other."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Table, insert, select, update

from app.core.config import AuditSettings, Settings
from app.core.db.engine import Database
from app.modules.audit.entries.writer_mac import entry_mac
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.verifier.command import verify_logs
from app.modules.audit.verifier.findings import LogReport, Verdict
from app.modules.audit.verifier.log import LogVerifier
from app.modules.audit.verifier.notes import Signatures
from tests.fixtures.application import started
from tests.fixtures.databases import settings_for
from tests.modules.audit.sealer.sealed import (
    CONTEXT,
    add_changes,
    change_values,
    read_all,
    run_sql,
    seal_all,
    sealer_of,
)
from tests.modules.audit.verifier.forgeries import drop_triggers
from tests.people import SignedInAs

OLD, NEW = SecretStr("the first key of writers, 32 characters"), SecretStr("another key of writers, 32 characters")
changes = Log.changes.table


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_for(database_url, tmp_path / "var", audit=AuditSettings(sealer="apart", writer_key=(OLD,)))


@pytest.fixture
async def log_of_tasks(app: FastAPI, signed_in_as: SignedInAs) -> list[int]:
    """The numbers of change entries that the application wrote."""
    person = await signed_in_as("tasks:read", "tasks:create", "tasks:update")
    task = (await person.post("/tasks", json={"title": "a"})).json()
    for title in "bc":
        task = (await person.patch(f"/tasks/{task['id']}", json={"title": title})).json()
    await app.state.access_log.flush()
    rows = await read_all(app.state.database, select(changes).order_by(changes.c.id))
    assert all(row.mac for row in rows if row.entity == "task")
    return [row.id for row in rows]


async def verify(database: Database, *keys: SecretStr) -> dict[Log, LogReport]:
    """The report of each log after everything is sealed, by these keys of writers, or by those of the settings."""
    for log in Log:
        await seal_all(sealer_of(database), log)
    if keys:
        audit = database.settings.audit.model_copy(update={"writer_key": keys})
        async with started(database.settings.model_copy(update={"audit": audit})) as app:
            reports, _ = await verify_logs(app.state.database, [], [], 1)
    else:
        reports, _ = await verify_logs(database, [], [], 1)
    return dict(zip(Log, reports, strict=True))


def findings(report: LogReport) -> list[str]:
    assert {finding.kind for finding in report.findings} <= {"writer"}
    return [finding.detail for finding in report.findings]


async def copy_of(database: Database, table: Table, **values: Any) -> dict[str, Any]:
    """The columns of the newest entry of a table, but for its number, with some replaced."""
    row = (await read_all(database, select(table).order_by(table.c.id.desc()).limit(1)))[0]
    return {name: value for name, value in row._mapping.items() if name not in ("id", "stored_at", "xid")} | values


async def test_what_the_application_wrote_is_quiet(database: Database, log_of_tasks: list[int]) -> None:
    for log, report in (await verify(database)).items():
        entries = await read_all(database, select(log.table.c.mac))
        assert report.verdict is Verdict.intact, report.lines()
        assert report.written == len([row for row in entries if row.mac]) > 0


@pytest.mark.parametrize("log", Log)
async def test_an_entry_without_a_code_is_found(database: Database, log_of_tasks: list[int], log: Log) -> None:
    await run_sql(database, insert(log.table).values(await copy_of(database, log.table, mac=None)))

    (finding,) = findings((await verify(database))[log])

    assert finding.endswith("has no code of a writer")


@pytest.mark.parametrize("log", Log)
async def test_a_copy_of_an_entry_is_found(database: Database, log_of_tasks: list[int], log: Log) -> None:
    await run_sql(database, insert(log.table).values(await copy_of(database, log.table)))

    (finding,) = findings((await verify(database))[log])

    assert "is a copy of" in finding


@pytest.mark.parametrize("values", [{"actor_name": "another"}, {"mac": bytes(16)}, {"mac": b""}, {"action": "create"}])
async def test_an_entry_with_the_code_of_another_is_found(
    database: Database, log_of_tasks: list[int], values: dict[str, Any]
) -> None:
    await run_sql(database, insert(changes).values(await copy_of(database, changes, **values)))

    (finding,) = findings((await verify(database))[Log.changes])

    assert finding.endswith("was not written by a process with the writer's key")


async def test_a_code_of_one_log_is_none_of_the_other(database: Database, log_of_tasks: list[int]) -> None:
    entry = await copy_of(database, changes)
    assert entry_mac(b"key", "audit_change", entry) != entry_mac(b"key", "audit_access", entry)


async def test_an_entry_that_waits_to_be_sealed_is_verified(
    database: Database, log_of_tasks: list[int], job: Any
) -> None:
    await verify(database)
    await add_changes(database, 1)

    verifier = LogVerifier(
        database.read_session(job), Log.changes, Signatures([], []), writers=database.keys.writer_keys
    )
    report = await verifier.verify(lambda _: None)

    assert [finding.seq for finding in report.findings if finding.kind == "writer"] == [None]


async def test_entries_before_the_first_key_need_no_code(database: Database) -> None:
    await add_changes(database, 2)

    assert (await verify(database))[Log.changes].verdict is Verdict.intact


async def test_an_entry_of_the_database_itself_says_so_and_needs_no_code(
    database: Database, log_of_tasks: list[int]
) -> None:
    await run_sql(database, insert(changes).values(change_values(source="external")))

    assert (await verify(database))[Log.changes].verdict is Verdict.intact


@pytest.mark.parametrize(("keys", "is_found"), [((NEW, OLD), False), ((NEW,), True)])
async def test_older_keys_go_on_to_verify(
    database: Database, log_of_tasks: list[int], keys: Iterable[SecretStr], is_found: bool
) -> None:
    report = (await verify(database, *keys))[Log.changes]

    assert (report.verdict is Verdict.forged) == is_found


async def test_without_the_key_the_same_forgery_passes(database: Database, log_of_tasks: list[int]) -> None:
    await run_sql(database, insert(changes).values(await copy_of(database, changes, mac=None)))
    for log in Log:
        await seal_all(sealer_of(database), log)

    for log in Log:
        session = database.read_session(CONTEXT)
        report = await LogVerifier(session, log, Signatures(await SealedLog(session, log).keys(), [])).verify(print)
        assert report.verdict is Verdict.intact


async def test_a_change_of_the_code_itself_is_a_forgery(database: Database, log_of_tasks: list[int]) -> None:
    await verify(database)
    await drop_triggers(database)
    await run_sql(database, update(changes).where(changes.c.id == log_of_tasks[-1]).values(mac=None))

    report = (await verify(database))[Log.changes]

    assert {finding.kind for finding in report.findings} == {"entry"}
