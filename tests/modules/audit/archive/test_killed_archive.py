"""`python -m app archive` as a process that SIGKILL ends, and that is run again: nothing is lost or doubled."""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app.core.db.engine import Database
from app.modules.audit.archive.command import archive
from app.modules.audit.archive.entry_file import read_groups
from app.modules.audit.archive.manifest import Manifest
from app.modules.audit.entries.canonical import encode
from app.modules.audit.sealer.archived import archives
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.verifier.command import verify
from tests.fixtures.servers import environment_of
from tests.modules.audit.archive.months import MONTHS, fill_months, in_month, recorded
from tests.modules.audit.sealer.sealed import add_changes, past_the_application, read_all, seal_all, sealer_of
from tests.roles import as_owner, open_as_owner

ROOT = Path(__file__).parents[4]
KILLS = int(os.environ.get("KILLS", "2"))
"""How often it is killed at a moment of chance, besides the chosen ones."""
POLLS, POLL_SECONDS = 2000, 0.01
LOCKS = {
    "written": "LOCK TABLE audit_checkpoint IN ACCESS EXCLUSIVE MODE",
    "stored, not compared": "LOCK TABLE audit_tile IN ACCESS EXCLUSIVE MODE",
    "not detached": "LOCK TABLE audit_change IN ACCESS SHARE MODE",
    "dropped, not recorded": "LOCK TABLE audit_archive IN SHARE MODE",
}
"""What a reader or writer locks, so that the process stands still at a moment."""
LATE = "not detached"
"""The moment after which the month gets another entry, so that what the killed run has left is not used."""
WORK_SECONDS = 0.5
"""How long it works if it is not killed, about."""
WAITING = text(
    "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE NOT granted AND datname = current_database()"
)
CONNECTED = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user")
Places = dict[str, Counter[bytes]]
"""The entries of each log, by their canonical bytes, each with how often it is there."""
pytestmark = [
    pytest.mark.parametrize("backend", ["postgresql"], indirect=True),
    pytest.mark.timeout(120 + 10 * KILLS),
]


class Archiving:
    """Runs of the command on one database, into one folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.settings = as_owner(database.settings)
        self.folder = folder

    def archive(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "app", "archive", "--before", "2026-01", "--to", str(self.folder)]
        environment = {**os.environ, **environment_of(self.settings)}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)

    async def kill_by_chance(self, longest: float) -> None:
        """Kill it at a moment in which it works, unless it ends before."""
        work = self.settings.state_dir / "archiving" / "work"
        before, process = inode_of(work), self.archive()

        async def has_begun() -> bool:
            return inode_of(work) not in (before, None) or process.poll() is not None

        await wait_until(has_begun)
        await asyncio.sleep(random.uniform(0, longest))
        await self.kill(process)

    async def kill_at(self, lock: str) -> None:
        """Kill it while it waits for the owner of a lock."""
        async with past_the_application(self.database) as connection:
            await connection.execute(text(lock))
            process = self.archive()
            await wait_until(self.is_waiting)
            process.kill()
        await self.kill(process)

    async def kill(self, process: "subprocess.Popen[str]") -> None:
        """Kill it, and wait until PostgreSQL has ended what it had begun: the connection that asks is the only one."""
        process.kill()
        process.communicate()
        await wait_until(self.is_gone)

    async def is_waiting(self) -> bool:
        return bool(await read_all(self.database, WAITING))

    async def is_gone(self) -> bool:
        return len(await read_all(self.database, CONNECTED)) == 1

    async def finish(self, before: Places) -> None:
        """Run it to its end, and check that it has all entries of its months, and the database all others."""
        months = [(log, month, "archive") for log in ("changes", "access") for month in MONTHS[:2]]
        process = self.archive()
        printed, _ = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0, printed
        assert await recorded(self.database) == months
        assert await self.everything() == before
        assert all(sum(entries.values()) >= 24 for entries in (await self.archived()).values())
        again = await archive(open_as_owner(self.database), before="2026-01", to=str(self.folder))
        assert again.lines == ["There is nothing to archive."]
        verified = await verify(self.database, archive=[self.folder])
        assert verified.exit_code == 0, verified.lines

    async def stored(self) -> Places:
        """The entries in the database."""
        rows = {log: await read_all(self.database, select(log.table)) for log in Log}
        return {log.value: Counter(encode(dict(row._mapping)) for row in rows[log]) for log in Log}

    async def archived(self) -> Places:
        """The entries of recorded archives, once their files are those of the signed manifests that are recorded."""
        found: Places = {log.value: Counter() for log in Log}
        for row in await read_all(self.database, select(archives)):
            manifest = Manifest.model_validate(row.manifest)
            manifest.verify([signer.key for signer in load_signers(self.settings)[manifest.log]])
            assert manifest.note
            assert (self.folder / manifest.name).read_bytes() == bytes(manifest)
            file = self.folder / manifest.file.name
            assert sha256(file.read_bytes()).hexdigest() == manifest.file.sha256
            found[row.log].update(each.entry for group in read_groups(file) for each in group)
        return found

    async def everything(self) -> Places:
        """The entries in the database and in recorded archives together."""
        stored, archived = await self.stored(), await self.archived()
        return {log: stored[log] + archived[log] for log in stored}


async def wait_until(is_met: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(POLLS):
        if await is_met():
            return
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError("it did not happen")


def inode_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except FileNotFoundError:
        return None


async def test_a_killed_archive_is_continued(database: Database, tmp_path: Path) -> None:
    await fill_months(database)
    archiving = Archiving(database, tmp_path / "a")
    before = await archiving.everything()

    for moment, lock in LOCKS.items():
        await archiving.kill_at(lock)
        assert await recorded(database) == [], moment
        assert await archiving.everything() == before, moment
        if moment == LATE:
            await add_changes(database, 1, stored_at=in_month(MONTHS[0]))
            await seal_all(sealer_of(database))
            before = await archiving.everything()
    for kill in range(KILLS):
        await archiving.kill_by_chance(WORK_SECONDS * (kill + 1) / KILLS)
        assert await archiving.everything() == before
    await archiving.finish(before)
