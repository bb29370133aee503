"""A real witness cosigns checkpoints; one that is away delays nothing; a log that was set back is not sealed on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, func, select

from app.core.config import OutgoingSettings, WitnessSettings
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.outgoing import Outgoing, open_outgoing
from app.modules.audit.commands.seal import accept_sizes
from app.modules.audit.seal.newest import NewestCheckpoints
from app.modules.audit.seal.note import Note
from app.modules.audit.seal.witness import WitnessClient, WitnessConflict, WitnessUnavailable
from app.modules.audit.seal.witness_rules import WitnessRules
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.models import AuditCosignature, AuditSeal, AuditTile
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.sealer.witnesses import Cosigning
from app.witness import create_witness
from tests.modules.audit.seal.logs import new_cosigner
from tests.modules.audit.sealer.sealed import (
    CONTEXT,
    add_changes,
    check_seal,
    checkpoints,
    read_all,
    run_sql,
    runs,
    seal_all,
    sealed_ids,
    sealer_of,
)
from tests.modules.audit.verifier.forgeries import drop_triggers
from tests.roles import open_as

cosigner = new_cosigner()


@pytest.fixture
async def cosigning(database: Database, tmp_path: Path) -> AsyncIterator[Cosigning]:
    """A witness that knows both logs, and what asks it."""
    keys = [signers[0].key for signers in load_signers(database.settings).values()]
    rules = WitnessRules(cosigner, keys, NewestCheckpoints(tmp_path / "witness"))
    outgoing = Outgoing(OutgoingSettings(), transport=httpx.ASGITransport(create_witness(rules)))
    yield Cosigning(open_as(database, "sealer"), WitnessClient(outgoing, "http://witness.test", cosigner.key, 5))
    await outgoing.close()


async def newest_note(database: Database) -> Note:
    sealed = SealedLog(database.read_session(CONTEXT), Log.changes)
    return await sealed.note(await sealed.find_newest())


async def count_cosignatures(database: Database) -> int:
    return int((await read_all(database, select(func.count().label("n")).select_from(table_of(AuditCosignature))))[0].n)


async def test_each_newest_checkpoint_is_cosigned_once(database: Database, cosigning: Cosigning) -> None:
    sealer = sealer_of(database)
    for number in (1, 2, 3):
        await add_changes(database, number)
        await seal_all(sealer)
        await cosigning.cosign(Log.changes)
        await cosigning.cosign(Log.changes)
        verified = (await newest_note(database)).verify([cosigner.key])
        assert [signature.name for signature in verified] == [cosigner.key.name]

    assert await count_cosignatures(database) == 3


async def test_nothing_is_asked_before_the_first_checkpoint(database: Database, cosigning: Cosigning) -> None:
    await cosigning.run()

    assert await count_cosignatures(database) == 0


async def test_processes_ask_at_the_same_time(database: Database, cosigning: Cosigning) -> None:
    sealer = sealer_of(database)
    for _ in range(5):
        await add_changes(database, 3)
        await seal_all(sealer)
        await asyncio.gather(*(cosigning.cosign(Log.changes) for _ in range(3)))

    await newest_note(database)
    assert await count_cosignatures(database) == 5


async def test_a_witness_that_is_away_delays_nothing(database: Database) -> None:
    """Nothing listens on port 9, and the ticks go on."""
    witnesses = (WitnessSettings(url="http://127.0.0.1:9", key=str(cosigner.key)),)
    database.settings = database.settings.model_copy(
        update={"audit": database.settings.audit.model_copy(update={"witnesses": witnesses, "tick": 0.05})}
    )
    sealer = Sealer(open_as(database, "sealer"), load_signers(database.settings))
    async with open_outgoing(OutgoingSettings()) as outgoing, sealer.run_in_background(outgoing):
        for _ in range(100):
            await asyncio.sleep(0.05)
            if await read_all(database, select(checkpoints.c.id).where(checkpoints.c.log == "access")):
                break
        await add_changes(database, 3)
        await asyncio.sleep(0.5)

    await check_seal(database)


async def test_an_unknown_witness_is_reported(database: Database) -> None:
    async with open_outgoing(OutgoingSettings()) as outgoing:
        client = WitnessClient(outgoing, "http://127.0.0.1:9", cosigner.key, 1)
        cosigning = Cosigning(open_as(database, "sealer"), client)
        await seal_all(sealer_of(database))
        with pytest.raises(WitnessUnavailable):
            await cosigning.cosign(Log.changes)


async def set_back(database: Database) -> None:
    """Bring the log of changes back to where nothing was sealed, as an old copy of the database would be."""
    await drop_triggers(database)
    seals, tiles = table_of(AuditSeal), table_of(AuditTile)
    cosignatures = table_of(AuditCosignature)
    await run_sql(
        database,
        delete(cosignatures),
        *(delete(table).where(table.c.log == "changes") for table in (runs, tiles, checkpoints, seals)),
    )
    highest = select(func.max(Log.changes.table.c.id)).scalar_subquery()
    await run_sql(database, delete(Log.changes.table).where(Log.changes.table.c.id == highest))


async def test_a_log_that_was_set_back_is_not_sealed_on(database: Database, cosigning: Cosigning) -> None:
    sealer = sealer_of(database)
    await add_changes(database, 6)
    await seal_all(sealer)
    await cosigning.cosign(Log.changes)
    await set_back(database)
    await seal_all(sealer)
    size = len(await sealed_ids(database))

    with pytest.raises(WitnessConflict):
        await cosigning.cosign(Log.changes)
    await add_changes(database, 3)
    await seal_all(sealer)
    assert len(await sealed_ids(database)) == size

    await accept_sizes(open_as(database, "sealer"))
    await seal_all(sealer)
    await seal_all(sealer)
    assert len(await sealed_ids(database)) == size + 3
    assert (await check_seal(database)).epoch == 1


async def test_a_log_that_has_outgrown_the_witness_again_still_conflicts(
    database: Database, cosigning: Cosigning
) -> None:
    """The size fits, and the history is another one."""
    sealer = sealer_of(database)
    await add_changes(database, 2)
    await seal_all(sealer)
    await cosigning.cosign(Log.changes)
    await set_back(database)
    await add_changes(database, 9)
    await seal_all(sealer)

    with pytest.raises(Exception, match="witness"):
        await cosigning.cosign(Log.changes)


async def test_a_log_that_is_refused_does_not_keep_the_other_from_the_witness(
    database: Database, cosigning: Cosigning
) -> None:
    sealer = sealer_of(database)
    await add_changes(database, 6)
    for log in Log:
        await seal_all(sealer, log)
    await cosigning.cosign(Log.changes)
    await set_back(database)
    await seal_all(sealer)

    with pytest.raises(WitnessConflict):
        await cosigning.run()

    access = SealedLog(database.read_session(CONTEXT), Log.access)
    assert (await access.note(await access.find_newest())).verify([cosigner.key])
