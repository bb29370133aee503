"""Ticks of the sealer: every committed entry gets its place once, and the checkpoint is that of the stored entries."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.runtime.slices import SLICE
from app.modules.audit.rollups import counting
from app.modules.audit.rollups.counting import shown_action
from app.modules.audit.seal.tree import leaf_hash
from app.modules.audit.sealer import sealer as sealer_module
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditSeal
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers, new_seal_key
from app.modules.audit.verifier.command import verify_logs
from tests.core.db.plans import explain_execution
from tests.modules.audit.entries import access_entries, add_task
from tests.modules.audit.sealer.sealed import (
    add_changes,
    change_values,
    check_seal,
    checkpoints,
    entry_ids,
    newest_checkpoint,
    past_the_application,
    read_all,
    run_sql,
    seal_all,
    sealed_ids,
    sealer_of,
)
from tests.people import SignedInAs
from tests.roles import open_as
from tests.turns import count_in_turns

changes = Log.changes.table
seals = table_of(AuditSeal)


MANY_CHANGES = """
    INSERT INTO audit_change (at, stored_at, format, xid, request_id, actor_kind, source, action, entity, entity_id,
                              changes, redaction_version)
    SELECT now(), now() + number * interval '90 days' / 20000, 2, number / 10, 'test', 'system', 'hook', 'update',
           'task', number::text, '{}', 'test'
    FROM generate_series(1, 20000) AS number
"""


def finds_by_transaction(plan: str) -> bool:
    """Whether a plan finds entries by their transactions in each partition but the default one, which is empty."""
    others = r"Seq Scan on audit_change_\d|audit_change\w*_pkey|pk_audit_change"
    return "xid" in plan and re.search(others, plan) is None


async def count_checkpoints(database: Database) -> int:
    return len(await read_all(database, select(checkpoints.c.id).where(checkpoints.c.log == "changes")))


async def next_transaction(database: Database) -> int:
    """The number of a transaction that begins soon."""
    highest = func.txid_snapshot_xmax(func.txid_current_snapshot())
    return int((await read_all(database, select((highest + 3).label("xid"))))[0].xid)


async def test_both_logs_are_sealed(app: FastAPI, database: Database, signed_in_as: SignedInAs) -> None:
    admin = await signed_in_as(superuser=True)
    await admin.post("/tasks", json={"title": "sealed"})
    await access_entries(app)
    sealer = sealer_of(database)

    for log in Log:
        await seal_all(sealer, log)

    for log in Log:
        checkpoint = await check_seal(database, log)
        assert checkpoint.size > 0
        assert checkpoint.origin == f"localhost/attest/{log}"


async def test_entries_of_a_later_tick_follow(database: Database, job: RequestContext) -> None:
    sealer = sealer_of(database)
    for number in range(40):
        await add_task(database, job, title=f"task {number}")
        await seal_all(sealer)

    assert (await check_seal(database)).size >= 40
    assert await sealed_ids(database) == await entry_ids(database)


@pytest.mark.parametrize("count", [9, 10, 11])
async def test_a_tick_leaves_what_is_too_much_to_the_next(database: Database, count: int) -> None:
    sealer = sealer_of(database, batch=5)
    await seal_all(sealer)
    await add_changes(database, count)

    ticks = await seal_all(sealer)
    await add_changes(database, 1)
    await seal_all(sealer)

    assert ticks == count // 5 + 1
    await check_seal(database)


async def test_a_log_that_is_older_than_the_seal_is_caught_up_with(database: Database) -> None:
    await add_changes(database, 23)
    sealer = sealer_of(database, batch=5)
    assert await sealer.tick(Log.changes)
    await add_changes(database, 3)
    await seal_all(sealer)
    assert len(await sealed_ids(database)) == len(await entry_ids(database)) - 3
    await seal_all(sealer)

    await check_seal(database)
    assert await sealed_ids(database) == await entry_ids(database)


async def test_an_entry_stands_where_it_was_committed(database: Database) -> None:
    """Not where its number stands: a reader of what is sealed would never see it."""
    if database.settings.is_sqlite:
        pytest.skip("SQLite has one writer, which commits in the order of numbers")
    sealer = sealer_of(database)
    await seal_all(sealer)
    before = len(await sealed_ids(database))
    async with past_the_application(database) as slow:
        early = (await slow.execute(changes.insert().values(change_values()).returning(changes.c.id))).scalar_one()
        await add_changes(database, 2)
        await seal_all(sealer)
        assert early not in await sealed_ids(database)
        await slow.commit()
    await add_changes(database, 1)
    await seal_all(sealer)

    assert (await sealed_ids(database))[before:] == [early + 1, early + 2, early, early + 3]
    await check_seal(database)


async def test_what_is_rolled_back_leaves_no_gap(database: Database) -> None:
    sealer = sealer_of(database)
    await add_changes(database, 1)
    async with past_the_application(database) as connection:
        await connection.execute(changes.insert().values(change_values()))
    await add_changes(database, 1)
    await seal_all(sealer)

    await check_seal(database)


async def test_sealers_do_not_seal_twice(database: Database) -> None:
    sealers = [sealer_of(database, batch=3) for _ in range(3)]
    for _ in range(5):
        await add_changes(database, 7)
        await asyncio.gather(*(seal_all(sealer) for sealer in sealers))
    await seal_all(sealers[0])

    await check_seal(database)


async def test_a_tick_that_fails_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = sealer_of(database)
    await seal_all(sealer)
    await add_changes(database, 3)
    before = await sealed_ids(database), await count_checkpoints(database)

    async def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sealer_module, "store_checkpoint", fail)
        with pytest.raises(OSError, match="full"):
            await sealer.tick(Log.changes)
    assert (await sealed_ids(database), await count_checkpoints(database)) == before

    await seal_all(sealer)
    await check_seal(database)


async def test_an_idle_log_gets_a_checkpoint_each_minute(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = sealer_of(database)
    await seal_all(sealer)
    size, first = (await check_seal(database)).size, await count_checkpoints(database)

    await seal_all(sealer)
    assert await count_checkpoints(database) == first
    monkeypatch.setattr(sealer_module, "now", lambda: now() + timedelta(seconds=61))
    await seal_all(sealer)
    await seal_all(sealer)

    assert await count_checkpoints(database) == first + 1
    assert (await check_seal(database)).size == size


async def test_a_clock_that_is_set_back_does_not_lead_time_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealer = sealer_of(database)
    await seal_all(sealer)
    before, _ = await newest_checkpoint(database)
    await add_changes(database, 1)
    monkeypatch.setattr(sealer_module, "now", lambda: now() - timedelta(hours=1))
    await seal_all(sealer)

    after, _ = await newest_checkpoint(database)
    assert after.size == before.size + 1
    assert after.at == before.at


async def test_a_new_key_is_introduced_by_the_one_before(database: Database) -> None:
    settings = database.settings
    await seal_all(Sealer(open_as(database, "sealer"), load_signers(settings)))
    old, new = settings.state_dir / "keys" / "seal_key.pem", settings.state_dir / "new.pem"
    new.write_text(new_seal_key())
    audit = settings.audit.model_copy(update={"seal_key_files": (new, old)})
    signers = load_signers(settings.model_copy(update={"audit": audit}))
    sealer = Sealer(open_as(database, "sealer"), signers)

    signed = []
    for _ in range(2):
        await add_changes(database, 1)
        await seal_all(sealer)
        _, note = await newest_checkpoint(database)
        signed.append([signature.id for signature in note.signatures])

    first, second = (signer.key.id for signer in signers[Log.changes])
    assert signed == [[first, second], [first]]
    await check_seal(database)


async def test_a_restored_database_begins_an_epoch(database: Database) -> None:
    """Its transactions are numbered anew: those of old entries may be higher, or come again."""
    if database.settings.is_sqlite:
        pytest.skip("SQLite has no transaction numbers")
    sealer = sealer_of(database, batch=4)
    await seal_all(sealer)
    await add_changes(database, 6)
    await seal_all(sealer)
    await add_changes(database, 3, xid=await next_transaction(database))
    await run_sql(database, update(seals).values(cluster="of another system"))

    await seal_all(sealer)
    for _ in range(4):
        await add_changes(database, 2)
        await seal_all(sealer)

    checkpoint = await check_seal(database)
    assert checkpoint.epoch == 1


async def test_a_tick_reads_new_entries_only(database: Database) -> None:
    """The plan of PostgreSQL for the values of the tick, on a log that is much longer than what is new."""
    if database.settings.is_sqlite:
        pytest.skip("SQLite reads what is new by its number")
    sealer = sealer_of(database)
    await run_sql(database, text(MANY_CHANGES), text("ANALYZE audit_change"))
    await seal_all(sealer)
    async with past_the_application(database) as slow:
        await slow.execute(changes.insert().values(change_values()))
        await add_changes(database, 1)
        await seal_all(sealer)
        await slow.commit()
    sent: list[tuple[str, Any]] = []
    sealer.database.writers.listeners.append(lambda sql, values: sent.append((sql, tuple(values))))
    await seal_all(sealer)

    plan = await explain_execution(database, *next(each for each in sent if "ORDER BY audit_change.id" in each[0]))

    assert finds_by_transaction(plan), plan


async def test_entries_with_one_number_do_not_stop_the_sealer(database: Database) -> None:
    """Numbers are unique in a partition only, for a program that does not take them from the sequence."""
    if database.settings.is_sqlite:
        pytest.skip("SQLite has no partitions")
    sealer = sealer_of(database)
    await seal_all(sealer)
    sealed = len(await sealed_ids(database))
    for at in (now(), now() + timedelta(days=31)):
        await add_changes(database, 1, id=10**6, stored_at=at)
    await add_changes(database, 1)

    await seal_all(sealer)

    assert len(await sealed_ids(database)) == sealed + 2
    [report, _], _ = await verify_logs(database, [], [], 1)
    doubled = f"seq {sealed + 2}: change 1000000 is stored twice"
    assert [str(finding) for finding in report.findings] == [doubled]


async def test_an_entry_that_was_changed_changes_the_root(database: Database) -> None:
    """The check of these tests can fail."""
    sealer = sealer_of(database)
    await add_changes(database, 3)
    await seal_all(sealer)
    is_sqlite = database.settings.is_sqlite
    drop = "DROP TRIGGER audit_change_no_update" if is_sqlite else "DROP FUNCTION audit_change_append_only CASCADE"
    await run_sql(database, text(drop), update(changes).values(entity="customer"))

    with pytest.raises(AssertionError):
        await check_seal(database)


async def test_requests_have_their_turn_while_many_entries_are_sealed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_changes(database, 5 * SLICE)

    async with count_in_turns() as (worked_on, count):
        monkeypatch.setattr(sealer_module, "leaf_hash", lambda entry: count() or leaf_hash(entry))
        monkeypatch.setattr(counting, "shown_action", lambda *change: count() or shown_action(*change))
        await seal_all(sealer_of(database))

    assert worked_on.total() == 2 * len(await entry_ids(database)) >= 10 * SLICE
    assert max(worked_on.values()) <= SLICE
