"""Seals the logs of a test, and reads what was sealed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Executable, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.clock import new_id, now
from app.core.context import RequestContext
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.modules.audit.entries.canonical import ENTRY_FORMAT, encode
from app.modules.audit.models import AuditRun
from app.modules.audit.seal.checkpoint import Checkpoint, open_checkpoint
from app.modules.audit.seal.note import Note, VerifierKey
from app.modules.audit.seal.tree import Tree, leaf_hash
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCheckpoint, AuditSealKey
from app.modules.audit.sealer.sealer import BATCH, Sealer
from app.modules.audit.sealer.signers import load_signers
from tests.roles import as_owner, open_as

runs, checkpoints, keys = table_of(AuditRun), table_of(AuditCheckpoint), table_of(AuditSealKey)
CONTEXT = RequestContext.for_job("test")


def sealer_of(database: Database, batch: int = BATCH) -> Sealer:
    """A sealer with the rights of its role."""
    return Sealer(open_as(database, "sealer"), load_signers(database.settings), batch)


async def seal_all(sealer: Sealer, log: Log = Log.changes) -> int:
    """Tick until all is sealed that was there when the first of these ticks set its target. Returns their number."""
    ticks = 1
    while await sealer.tick(log):
        ticks += 1
    return ticks


async def read_all(database: Database, statement: Any) -> list[AnyRow]:
    """The rows of a select, past the application."""
    async with past_the_application(database) as connection:
        return list(await connection.execute(statement))


async def sealed_ids(database: Database, log: Log = Log.changes) -> list[int]:
    """The numbers of the entries, in the order of the log; fails where a place is missing or taken twice."""
    found = await read_all(database, select(runs).where(runs.c.log == log.value).order_by(runs.c.first_seq))
    ids: list[int] = []
    for run in found:
        assert run.first_seq == len(ids) + 1
        ids += range(run.first_id, run.first_id + run.length)
    assert len(set(ids)) == len(ids)
    return ids


async def entry_ids(database: Database, log: Log = Log.changes) -> list[int]:
    return [row.id for row in await read_all(database, select(log.table.c.id).order_by(log.table.c.id))]


async def newest_checkpoint(database: Database, log: Log = Log.changes) -> tuple[Checkpoint, Note]:
    """The newest checkpoint, once the stored keys have verified it."""
    found = await read_all(database, select(checkpoints).where(checkpoints.c.log == log.value))
    known = await read_all(database, select(keys).where(keys.c.log == log.value))
    note = Note.parse(max(found, key=lambda row: row.id).note.encode())
    return open_checkpoint(note, [VerifierKey.parse(row.key) for row in known]), note


async def tree_of(database: Database, log: Log = Log.changes) -> Tree:
    """The tree over the stored entries in the order of the log, made from nothing else."""
    rows = {row.id: row for row in await read_all(database, select(log.table))}
    tree = Tree()
    tree.append(leaf_hash(encode(dict(rows[id]._mapping))) for id in await sealed_ids(database, log))  # noqa: A001
    return tree


async def check_seal(database: Database, log: Log = Log.changes) -> Checkpoint:
    """Check that every entry is sealed once, and that the newest checkpoint is that of the entries."""
    checkpoint, _ = await newest_checkpoint(database, log)
    tree = await tree_of(database, log)
    assert sorted(await sealed_ids(database, log)) == await entry_ids(database, log)
    assert (checkpoint.size, checkpoint.root) == (tree.size, tree.root)
    return checkpoint


def change_values(**values: Any) -> dict[str, Any]:
    """The columns of a change entry."""
    return {
        "at": now(),
        "format": ENTRY_FORMAT,
        "request_id": "test",
        "actor_kind": "system",
        "source": "hook",
        "action": "update",
        "entity": "task",
        "entity_id": str(new_id()),
        "changes": {"title": {"old": "a", "new": "b"}},
        "redaction_version": "test",
        **values,
    }


def access_values() -> dict[str, Any]:
    """The columns of an access entry."""
    return {
        **dict.fromkeys(("request_id", "actor_kind", "method", "path"), "x"),
        **dict.fromkeys(("duration_us", "bytes_out"), 1),
        **dict.fromkeys(("is_replay", "is_dry_run"), False),
        "at": now(),
        "format": ENTRY_FORMAT,
        "status": 200,
    }


@asynccontextmanager
async def past_the_application(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection of the owner with a transaction of its own, which the block commits or leaves to be rolled back."""
    engine = create_engine(as_owner(database.settings))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def run_sql(database: Database, *statements: Executable) -> None:
    """Run statements past the application, and commit."""
    async with past_the_application(database) as connection:
        for statement in statements:
            await connection.execute(statement)
        await connection.commit()


async def add_changes(database: Database, count: int, **values: Any) -> None:
    """Add change entries, all in one transaction."""
    await run_sql(database, Log.changes.table.insert().values([change_values(**values) for _ in range(count)]))
