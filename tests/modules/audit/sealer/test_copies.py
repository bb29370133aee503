"""Checkpoints in a folder: each is copied once, a folder that is away delays nothing, and a cut database is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from obstore.exceptions import BaseError
from sqlalchemy import delete, select

from app.core.config import AuditSettings, Settings
from app.core.db.engine import Database
from app.core.outgoing import open_outgoing
from app.core.runtime.object_store import open_store
from app.modules.audit.seal.checkpoint import open_checkpoint
from app.modules.audit.seal.note import Note
from app.modules.audit.sealer.copies import CheckpointCopies, newest_of
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.sealer.store import find_seal, is_set_back
from app.modules.audit.verifier.command import verify_logs
from app.modules.audit.verifier.findings import Verdict
from tests.fixtures.databases import settings_for
from tests.modules.audit.sealer.followers import wait_until
from tests.modules.audit.sealer.sealed import (
    CONTEXT,
    add_changes,
    checkpoints,
    read_all,
    run_sql,
    runs,
    seal_all,
    sealer_of,
)
from tests.modules.audit.verifier.forgeries import drop_triggers, seals
from tests.roles import open_as


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def copies_to(folder: Path, database: Database) -> CheckpointCopies:
    return CheckpointCopies(open_as(database, "sealer"), open_store(str(folder)))


@contextmanager
def is_away(folder: Path) -> Iterator[None]:
    """Have a file where an empty folder was."""
    folder.rmdir()
    folder.write_text("no folder")
    yield
    folder.unlink()


async def grow(database: Database) -> None:
    await add_changes(database, 3)
    await seal_all(sealer_of(database))


async def stored_notes(database: Database) -> list[str]:
    rows = await read_all(database, select(checkpoints).order_by(checkpoints.c.id))
    return [row.note for row in rows if row.log == Log.changes]


def kept_notes(folder: Path) -> list[str]:
    """The copies, in the order of their names."""
    return [path.read_text() for path in sorted((folder / "changes").glob("*/*.txt"))]


async def test_every_checkpoint_is_copied_in_order(database: Database, folder: Path) -> None:
    for _ in range(3):
        await grow(database)

    await copies_to(folder, database).run()

    assert kept_notes(folder) == await stored_notes(database)
    assert (folder / newest_of(Log.changes)).read_text() == (await stored_notes(database))[-1]


async def test_another_process_goes_on_behind_the_last_copy(database: Database, folder: Path) -> None:
    await grow(database)
    await copies_to(folder, database).run()
    first = next((folder / "changes").glob("*/*.txt"))
    first.unlink()
    await grow(database)

    await copies_to(folder, database).run()

    assert kept_notes(folder) == (await stored_notes(database))[-1:]


async def test_a_process_that_died_before_it_named_the_newest_is_repeated(database: Database, folder: Path) -> None:
    await grow(database)
    await copies_to(folder, database).run()
    (folder / newest_of(Log.changes)).unlink()

    await copies_to(folder, database).run()

    assert kept_notes(folder) == await stored_notes(database)


async def test_what_is_away_is_asked_again(database: Database, folder: Path) -> None:
    await grow(database)
    copies = copies_to(folder, database)
    with is_away(folder), pytest.raises(BaseError):
        await copies.run()

    await copies.run()

    assert kept_notes(folder) == await stored_notes(database)


async def test_a_log_that_is_smaller_than_its_copy_is_not_sealed_on(database: Database, folder: Path) -> None:
    await grow(database)
    before = (await read_all(database, select(seals)))[0]
    await grow(database)
    await copies_to(folder, database).run()
    await drop_triggers(database)
    await run_sql(
        database,
        delete(runs).where(runs.c.first_seq > 3),
        delete(checkpoints).where(checkpoints.c.size > 3),
        seals.update().values(dict(before._mapping)),
    )

    await copies_to(folder, database).run()

    seal = await find_seal(database.read_session(CONTEXT), Log.changes)
    assert seal is not None
    assert is_set_back(seal)


async def test_a_newest_copy_that_this_log_did_not_sign_stops_nothing(database: Database, folder: Path) -> None:
    await grow(database)
    copies = copies_to(folder, database)
    (folder / "changes").mkdir()
    (folder / newest_of(Log.changes)).write_text("localhost/attest/changes\n999\nAAAA\n\n— x y\n")

    await copies.run()

    assert kept_notes(folder) == await stored_notes(database)


async def test_a_sealer_copies_while_it_runs(database: Database, folder: Path) -> None:
    sealed = open_as(database, "sealer")
    sealed.settings = with_store(sealed.settings, folder)
    sealer = Sealer(sealed, load_signers(sealed.settings))
    async with open_outgoing(sealed.settings.outgoing) as outgoing, sealer.run_in_background(outgoing):
        await add_changes(database, 1)
        await wait_until((folder / newest_of(Log.changes)).exists)

    session = database.read_session(CONTEXT)
    note = Note.parse((folder / newest_of(Log.changes)).read_bytes())
    assert open_checkpoint(note, await SealedLog(session, Log.changes).keys()).size >= 1
    reports, _ = await verify_logs(database, [Note.parse(text.encode()) for text in kept_notes(folder)], [], 1)
    assert {report.verdict for report in reports} == {Verdict.intact}


def with_store(settings: Settings, folder: Path) -> Settings:
    audit = settings.audit.model_copy(update={"checkpoint_store": str(folder)})
    return settings.model_copy(update={"audit": audit})


def test_an_empty_setting_is_none(tmp_path: Path) -> None:
    audit = AuditSettings(checkpoint_store="")
    assert settings_for("sqlite+aiosqlite:///x", tmp_path, audit=audit).audit.checkpoint_store is None


def test_a_store_can_be_a_url() -> None:
    assert type(open_store("s3://bucket/prefix?")).__name__ == "S3Store"
