"""What operators are told of the sealed logs: how far they are, and how far behind."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text, update

from app.core.clock import now
from app.core.config import WitnessSettings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.audit.models import AuditAccess
from app.modules.audit.requests.spool import Spool
from app.modules.audit.seal.checkpoint import Cosigner
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCosignature
from app.modules.audit.sealer.signers import new_seal_key
from app.modules.audit.sealer.status import measure_lag
from tests.core.db.plans import explain_execution, statements_of
from tests.modules.audit.entries import access_entries
from tests.modules.audit.sealer.sealed import (
    add_changes,
    change_values,
    checkpoints,
    entry_ids,
    past_the_application,
    read_all,
    run_sql,
    seal_all,
    sealer_of,
)
from tests.modules.audit.sealer.test_ticks import MANY_CHANGES, finds_by_transaction, seals
from tests.people import Person, SignedInAs

changes = Log.changes.table
OLD = timedelta(minutes=10)


@pytest.fixture
async def reader(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("audit:read")


async def read_status(reader: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """The status of the changes, and that of the rest."""
    response = await reader.get("/audit/status")
    assert response.status_code == 200, response.text
    status: dict[str, Any] = response.json()
    of_changes, of_access = status.pop("logs")
    assert (of_changes["log"], of_access["log"]) == ("changes", "access")
    return of_changes, status


async def lag_of(database: Database, log: Log = Log.changes) -> float:
    return await measure_lag(database.read_session(RequestContext.for_job("test")), log)


async def test_the_status_says_how_far_a_log_is_sealed(database: Database, reader: Person) -> None:
    before, _ = await read_status(reader)
    await seal_all(sealer_of(database))
    after, _ = await read_status(reader)

    assert (before["size"], before["epoch"], before["checkpoint_at"]) == (0, 0, None)
    assert before["lag_seconds"] > 0
    newest = max(await read_all(database, checkpoints.select()), key=lambda row: row.id)
    assert (after["size"], after["epoch"]) == (len(await entry_ids(database)), 0)
    assert after["checkpoint_at"] == newest.at.isoformat().replace("+00:00", "Z")
    assert after["lag_seconds"] == 0
    assert (after["witnesses"], after["witnessed_size"], after["is_set_back"]) == ([], 0, False)


async def test_the_lag_is_the_age_of_what_waits(database: Database) -> None:
    sealer = sealer_of(database)
    await seal_all(sealer)
    assert await lag_of(database) == 0
    await add_changes(database, 2, stored_at=now() - OLD)
    await add_changes(database, 1)

    assert OLD.total_seconds() <= await lag_of(database) < 2 * OLD.total_seconds()
    await seal_all(sealer)
    assert await lag_of(database) == 0


async def test_the_lag_in_the_middle_of_a_tick_is_that_of_the_rest(database: Database) -> None:
    sealer = sealer_of(database, batch=4)
    await seal_all(sealer)
    await add_changes(database, 4, stored_at=now() - 2 * OLD)
    await add_changes(database, 3, stored_at=now() - OLD)
    assert await sealer.tick(Log.changes)

    assert OLD.total_seconds() <= await lag_of(database) < 2 * OLD.total_seconds()


async def test_the_lag_counts_what_was_committed_late(database: Database) -> None:
    if database.settings.is_sqlite:
        pytest.skip("SQLite has one writer")
    sealer = sealer_of(database)
    async with past_the_application(database) as slow:
        await slow.execute(changes.insert().values(change_values(stored_at=now() - OLD)))
        await add_changes(database, 1)
        await seal_all(sealer)
        assert await lag_of(database) == 0, "the next tick would not seal it"
        await slow.commit()

    assert await lag_of(database) >= OLD.total_seconds()


async def test_the_lag_while_an_epoch_begins(database: Database) -> None:
    """It counts what the epoch has not looked at."""
    sealer = sealer_of(database, batch=5)
    assert await lag_of(database) > 0
    await seal_all(sealer)
    assert await lag_of(database) == 0
    await run_sql(database, update(seals).values(cluster="of another system"))

    assert await lag_of(database) > 0
    await seal_all(sealer)
    assert await lag_of(database) == 0


async def test_the_lag_is_a_step_in_an_index(database: Database) -> None:
    if database.settings.is_sqlite:
        pytest.skip("SQLite reads what is new by its number")
    await run_sql(database, text(MANY_CHANGES), text("ANALYZE audit_change"))
    sealer = sealer_of(database)
    async with past_the_application(database) as slow:
        await slow.execute(changes.insert().values(change_values()))
        await add_changes(database, 1)
        await seal_all(sealer)
        await slow.commit()

    with statements_of(database, "audit_change") as statements:
        assert await lag_of(database) > 0
    plans = [await explain_execution(database, *each) for each in statements if "stored_at" in each[0]]

    assert len(plans) == 2
    assert all(finds_by_transaction(plan) for plan in plans), plans


async def test_witnesses_are_shown_with_what_they_cosigned(
    app: FastAPI, database: Database, reader: Person, tmp_path: Any
) -> None:
    (tmp_path / "key.pem").write_text(new_seal_key())
    present, absent = (Cosigner.load(tmp_path / "key.pem", name).key for name in ("present.example", "absent.example"))
    witnesses = (WitnessSettings(url="http://127.0.0.1:9", key=str(absent)),)
    audit = app.state.settings.audit.model_copy(update={"witnesses": witnesses})
    app.state.settings = app.state.settings.model_copy(update={"audit": audit})
    await seal_all(sealer_of(database))
    newest = (await read_all(database, checkpoints.select()))[-1]
    at = now()
    values = {"checkpoint_id": newest.id, "witness": str(present), "signature": "not read", "at": at}
    await run_sql(database, AuditCosignature.__table__.insert().values(values))  # type: ignore[attr-defined]  # SQLModel's

    status, _ = await read_status(reader)

    shown_at = at.isoformat().replace("+00:00", "Z")
    assert status["witnesses"] == [
        {"name": "absent.example", "verifier_key": str(absent), "size": None, "at": None},
        {"name": "present.example", "verifier_key": str(present), "size": newest.size, "at": shown_at},
    ]
    assert (status["witnessed_size"], status["is_set_back"]) == (newest.size, False)


async def test_a_log_that_was_set_back_is_shown(database: Database, reader: Person) -> None:
    await seal_all(sealer_of(database))
    await run_sql(database, update(seals).where(seals.c.log == "changes").values(witnessed_size=10_000))

    status, _ = await read_status(reader)

    assert (status["witnessed_size"], status["is_set_back"]) == (10_000, True)


async def test_what_waits_on_the_disk_is_shown(app: FastAPI, reader: Person) -> None:
    """Of the own process, and of one that died; not what is shipped, nor the room that is allocated ahead."""
    shipper = app.state.access_log
    assert shipper.work
    await shipper.work.stop()
    await access_entries(app)
    begun = shipper.spool.size
    _, nothing = await read_status(reader)
    _, own = await read_status(reader)
    size = shipper.spool.size
    orphan = Spool.create(shipper.folder)
    orphan.append(b'{"at":"%s"}' % (now() - OLD).isoformat().encode())
    of_orphan = orphan.size
    orphan.leave()
    _, both = await read_status(reader)

    assert nothing == {"unshipped_bytes": 0, "unshipped_seconds": 0, "archives": []}
    assert 0 < own["unshipped_bytes"] < size
    assert own["unshipped_seconds"] < OLD.total_seconds()
    assert both["unshipped_bytes"] == size - begun + of_orphan
    assert OLD.total_seconds() <= both["unshipped_seconds"] < 2 * OLD.total_seconds()


async def test_a_broken_spool_does_not_hide_the_status(app: FastAPI, reader: Person) -> None:
    orphan = Spool.create(app.state.access_log.folder)
    (orphan.path.parent / "torn.spool").write_bytes(b"\0\0\0\x09torn")

    _, status = await read_status(reader)

    assert status["unshipped_bytes"] >= 8
    orphan.leave()


async def test_readyz_warns_of_a_lag(app: FastAPI, database: Database, reader: Person) -> None:
    ready = "http://attest.test/readyz"
    sealer = sealer_of(database)
    for log in Log:
        await seal_all(sealer, log)
    calm = await reader.client.get(ready)
    await add_changes(database, 1, stored_at=now() - OLD)
    behind = await reader.client.get(ready)

    assert (calm.status_code, calm.json()) == (200, {"status": "ready"})
    assert (behind.status_code, behind.json()["status"]) == (200, "ready")
    (warning,) = behind.json()["warnings"]
    assert warning.startswith("The log changes is 60")
    assert AuditAccess.__tablename__ not in behind.text


async def test_a_lag_that_cannot_be_told_leaves_the_process_ready(database: Database, reader: Person) -> None:
    await run_sql(database, text("DROP TABLE audit_seal"))

    response = await reader.client.get("http://attest.test/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready", "warnings": ["How far the logs are sealed cannot be told."]}


async def test_the_status_needs_the_permission(signed_in_as: SignedInAs) -> None:
    other = await signed_in_as("tasks:read")

    assert (await other.get("/audit/status")).status_code == 403
    assert (await other.get("/audit/status?log=changes")).status_code == 403
