"""Old access entries are archived and dropped by themselves; change entries are kept for ever."""

import asyncio
from collections.abc import Callable

import pytest

from app.core.clock import now
from app.core.db.engine import Database
from app.main import open_database
from app.modules.audit.archive import retention
from app.modules.audit.archive.command import archive, restore
from app.modules.audit.archive.retention import archive_periodically
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import load_signers
from tests.modules.audit.archive.months import count_stored, fill_months, in_month, manifests_of, recorded
from tests.roles import open_as_owner

OLD = [("access", "2025-11", "archive"), ("access", "2025-12", "archive")]


def keeping(database: Database, days: int | None) -> Database:
    """The same database, with access entries kept for so many days."""
    kept = database.settings.retention.model_copy(update={"access_days": days})
    return open_database(database.settings.model_copy(update={"retention": kept}))


@pytest.fixture
async def filled(database: Database) -> Database:
    await fill_months(database)
    return open_as_owner(database)


def days_since_january() -> int:
    return (now() - in_month("2026-01", 20)).days


async def wait_until(is_met: Callable[[], bool]) -> None:
    for _ in range(200):
        if is_met():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen")


async def test_old_access_entries_are_archived_periodically(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FIRST_RUN_SECONDS", 0.01)
    database, folder = keeping(filled, days_since_january()), filled.settings.state_dir / "archive"

    async with archive_periodically(database, load_signers(filled.settings)):
        if not filled.settings.is_sqlite:
            await wait_until(lambda: len(manifests_of(folder)) == 2)
    await database.dispose()

    if filled.settings.is_sqlite:
        assert await recorded(filled) == []
        return
    assert await recorded(filled) == OLD
    assert [await count_stored(filled, Log.access, month) for month in ("2025-11", "2025-12", "2026-01")] == [0, 0, 12]
    assert await count_stored(filled, Log.changes, "2025-11") == 12


async def test_the_command_does_the_same_once(filled: Database) -> None:
    database = keeping(filled, days_since_january())
    assert (await archive(database)).exit_code == 0
    assert await recorded(filled) == OLD

    if not filled.settings.is_sqlite:
        folder = filled.settings.state_dir / "archive"
        assert (await restore(database, str(folder / manifests_of(folder)[0].name))).exit_code == 0
        assert (await archive(database)).lines == ["There is nothing to archive."], "what was restored stays"
    await database.dispose()


async def test_nothing_goes_while_it_is_young_or_kept_for_ever(filled: Database) -> None:
    for days, line in ((10_000, "There is nothing to archive."), (None, "Refused: RETENTION__ACCESS_DAYS is empty")):
        database = keeping(filled, days)
        assert line in (await archive(database)).lines[0]
        await database.dispose()
    assert await recorded(filled) == []
