"""Archives closed months: written, read back, compared with the tree, recorded, and then dropped from the database.

What was interrupted is done again from the beginning of its month: nothing is dropped before its archive is recorded,
and that is one transaction.
"""

import fcntl
import os
import shutil
from asyncio import to_thread
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, insert, literal_column, select, table, text

from app.core.clock import now
from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.connecting import begin_as_owner
from app.core.db.engine import Database
from app.modules.audit.archive.checks import check_leaves
from app.modules.audit.archive.entry_file import ArchivedEntry, EntryWriter, describe, read_groups
from app.modules.audit.archive.folder import Folder
from app.modules.audit.archive.manifest import Manifest
from app.modules.audit.archive.periods import Facts, Period, measure
from app.modules.audit.archive.reads import read_in_order
from app.modules.audit.archive.refusal import Refused
from app.modules.audit.seal.tree import Tree, leaf_hash
from app.modules.audit.sealer.archived import archives
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.signers import Signers

log = structlog.get_logger(__name__)


@dataclass
class Draft:
    """What is written of a period, on the way to its manifest."""

    path: Path
    ranges: list[tuple[int, int]]
    tree: Tree


class Archiver:
    """Archives months into one folder."""

    def __init__(self, database: Database, folder: Folder, signers: Signers, *, json_gz: bool = False) -> None:
        self.database = database
        self.folder = folder
        self.signers = signers
        self.json_gz = json_gz
        self.session = database.read_session(RequestContext.for_job("archive"))

    async def archive(self, period: Period) -> Manifest | None:
        """Archive a period; None where it has no entries. Raises Refused, and the errors of the folder."""
        facts = await measure(self.session, period)
        if facts.sealed < facts.total:
            raise Refused(f"{facts.total - facts.sealed} entries of {period.log} {period.month} are not sealed yet")
        if not facts.total:
            return None
        with scratch_folder(self.database.settings) as scratch:
            draft = await self.write(period, facts, scratch)
            manifest = await self.describe(period, facts, draft)
            await self.upload(manifest, draft)
            await self.read_back(manifest, scratch)
            await self.upload_manifest(manifest, scratch)
        await self.finish(period, manifest)
        log.info("month_archived", audit_log=period.log.value, month=period.month, entries=manifest.count)
        return manifest

    async def write(self, period: Period, facts: Facts, scratch: Path) -> Draft:
        """Write the entries of a period to a file of this host."""
        draft = Draft(scratch / "entries.parquet", [], Tree())
        writer = EntryWriter(draft.path, json_gz=self.json_gz)
        try:
            async for entries in read_in_order(self.session, period, facts):
                writer.add(entries)
                draft.tree.append(leaf_hash(each.entry) for each in entries)
                extend_ranges(draft.ranges, entries)
        finally:
            writer.close()
        if draft.tree.size != facts.total:
            raise Refused(f"{period.log} {period.month} changes; try again")
        return draft

    async def describe(self, period: Period, facts: Facts, draft: Draft) -> Manifest:
        """The signed manifest of what was written."""
        sealed, json_path = SealedLog(self.session, period.log), draft.path.with_suffix(".json.gz")
        checkpoint = await sealed.note(await sealed.find_covering(facts.last_seq or 0))
        manifest = Manifest(
            **{name: value for name, value in facts._asdict().items() if name not in ("sealed", "total")},
            count=facts.total,
            log=period.log,
            month=period.month,
            start=period.start,
            end=period.end,
            ranges=tuple(draft.ranges),
            root=draft.tree.root.hex(),
            checkpoint=bytes(checkpoint).decode(),
            file=await to_thread(describe, draft.path, period.log, period.month),
            json_gz=await to_thread(describe, json_path, period.log, period.month) if self.json_gz else None,
        )
        return manifest.sign(self.signers.get(period.log, ()))

    async def upload(self, manifest: Manifest, draft: Draft) -> None:
        """Store the entries."""
        await self.folder.put(draft.path, manifest.file.name)
        if manifest.json_gz:
            await self.folder.put(draft.path.with_suffix(".json.gz"), manifest.json_gz.name)

    async def read_back(self, manifest: Manifest, scratch: Path) -> None:
        """Fetch what was stored, and compare it with the manifest and the tree. Raises Refused."""
        path = scratch / "read_back"
        for file in (manifest.json_gz, manifest.file):
            if file and await self.folder.get(file.name, path) != file.sha256:
                raise Refused(f"{self.folder.place} does not give back what was stored as {file.name}")
        await check_leaves(self.session, manifest, read_groups(path))

    async def upload_manifest(self, manifest: Manifest, scratch: Path) -> None:
        """Store the manifest, behind what it describes."""
        path = scratch / "manifest"
        path.write_bytes(bytes(manifest))
        await self.folder.put(path, manifest.name)
        if await self.folder.read(manifest.name) != bytes(manifest):
            raise Refused(f"{self.folder.place} does not give back what was stored as {manifest.name}")

    async def finish(self, period: Period, manifest: Manifest) -> None:
        """Record the archive and drop the partition, in one transaction. Raises Refused if it has got entries since."""
        row = insert(archives).values(row_of(manifest, self.folder, "archive", is_dropped=period.partition is not None))
        if period.partition is None:
            async with self.database.unit_of_work(RequestContext.for_job("archive")) as session:
                await session.execute(row)
            return
        async with begin_as_owner(self.database.settings) as connection:
            parent, partition = period.log.table.name, period.partition
            await connection.execute(text(f"ALTER TABLE {parent} DETACH PARTITION {partition}"))
            count = await connection.scalar(select(func.count(literal_column("*"))).select_from(table(partition)))
            if count != manifest.count:
                raise Refused(f"{period.log} {period.month} has got entries since; try again")
            await connection.execute(text(f"DROP TABLE {partition}"))
            await connection.execute(row)


def row_of(manifest: Manifest, folder: Folder, action: str, *, is_dropped: bool) -> dict[str, Any]:
    """The row that records what was done with a month."""
    return {
        "log": manifest.log.value,
        "month": manifest.month,
        "action": action,
        "is_dropped": is_dropped,
        "first_at": manifest.first_at,
        "last_at": manifest.last_at,
        "place": folder.place,
        "manifest": manifest.model_dump(mode="json"),
        "at": now(),
    }


def extend_ranges(ranges: list[tuple[int, int]], entries: list[ArchivedEntry]) -> None:
    """Add the places of entries, which are in their order."""
    for each in entries:
        if ranges and ranges[-1][1] == each.seq - 1:
            ranges[-1] = (ranges[-1][0], each.seq)
        else:
            ranges.append((each.seq, each.seq))


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """An empty folder for one archiver of this host at a time. What a crash left in it is removed."""
    folder = settings.state_dir / "archiving"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder / "work", ignore_errors=True)
        (folder / "work").mkdir()
        yield folder / "work"
        shutil.rmtree(folder / "work", ignore_errors=True)
    except BlockingIOError as error:
        raise Refused("another process of this host archives or restores") from error
    finally:
        os.close(descriptor)
