"""Brings an archived month back, as a partition that nothing can be added to, once it was compared with the tree."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table, column, insert, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.context import RequestContext
from app.core.db.connecting import begin_as_owner
from app.core.db.engine import Database
from app.modules.audit.archive.archiver import row_of, scratch_folder
from app.modules.audit.archive.checks import check_leaves
from app.modules.audit.archive.entry_file import ArchivedEntry, decode_entry, read_groups
from app.modules.audit.archive.folder import Folder
from app.modules.audit.archive.manifest import Manifest
from app.modules.audit.archive.refusal import Refused
from app.modules.audit.entries.canonical import encode
from app.modules.audit.sealer.archived import archives, find_archives
from app.modules.audit.sealer.proofs import SealedLog

INSERTED = 500
"""Entries of an insert."""


async def restore_month(database: Database, folder: Folder, name: str) -> Manifest:
    """Bring back the month of a manifest. Raises Refused, InvalidManifest, InvalidNote and the errors of the folder."""
    session = database.read_session(RequestContext.for_job("restore"))
    manifest = Manifest.parse(await folder.read(name))
    manifest.verify(await SealedLog(session, manifest.log).keys())
    if session.is_sqlite:
        raise Refused("nothing was dropped: the entries of this archive are in the database")
    newest = {row.month: row for row in await find_archives(session, manifest.log)}.get(manifest.month)
    if newest is None or not newest.is_dropped:
        raise Refused(f"{manifest.log} {manifest.month} is not archived, or was restored")
    if Manifest.model_validate(newest.manifest).digest != manifest.digest:
        raise Refused("the manifest is not the one that was recorded")
    with scratch_folder(database.settings) as scratch:
        path = scratch / "entries.parquet"
        if await folder.get(manifest.file.name, path) != manifest.file.sha256:
            raise Refused(f"{manifest.file.name} is not what its manifest says")
        await check_leaves(session, manifest, read_groups(path))
        await attach(database, folder, manifest, path)
    return manifest


async def attach(database: Database, folder: Folder, manifest: Manifest, path: Path) -> None:
    """Fill a table with the entries and make it a partition, in one transaction."""
    parent = manifest.log.table
    name = f"{parent.name}_{manifest.month.replace('-', '_')}"
    start = "MINVALUE" if manifest.start is None else f"'{manifest.start.isoformat()}'"
    bounds = f"FOR VALUES FROM ({start}) TO ('{manifest.end.isoformat()}')"
    async with begin_as_owner(database.settings) as connection:
        await connection.execute(
            text(f"CREATE TABLE {name} (LIKE {parent.name} INCLUDING CONSTRAINTS INCLUDING STATISTICS)")
        )
        for group in read_groups(path):
            for first in range(0, len(group), INSERTED):
                await add(connection, parent, name, group[first : first + INSERTED])
        await connection.execute(text(f"SELECT attest_guard_partition('{parent.name}', '{name}')"))
        refuse = f"EXECUTE FUNCTION {parent.name}_append_only()"
        await connection.execute(
            text(f"CREATE TRIGGER {parent.name}_closed BEFORE INSERT ON {name} FOR EACH ROW {refuse}")
        )
        await connection.execute(text(f"ALTER TABLE {parent.name} ATTACH PARTITION {name} {bounds}"))
        await connection.execute(insert(archives).values(row_of(manifest, folder, "restore", is_dropped=False)))


async def add(connection: AsyncConnection, parent: Table, name: str, entries: list[ArchivedEntry]) -> None:
    """Insert entries, whose bytes must be the same again. Raises Refused."""
    rows = [to_row(parent, decode_entry(each.entry)) for each in entries]
    for row, each in zip(rows, entries, strict=True):
        if encode(row) != each.entry:
            raise Refused(f"seq {each.seq}: the entry has columns that this version does not know")
    target = table(name, *(column(each.name, each.type) for each in parent.columns))
    await connection.execute(insert(target), rows)


def to_row(parent: Table, document: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an entry, from its canonical form."""
    return {each.name: to_value(each.type.python_type, document.get(each.name)) for each in parent.columns}


def to_value(kind: type, value: Any) -> Any:
    """A value of a column, from its canonical form."""
    if value is None or kind not in (UUID, datetime):
        return value
    return UUID(value) if kind is UUID else datetime.fromisoformat(value)
