"""Writes exports."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import BaseModel

from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.exports.files import ExportFile, new_file
from app.modules.audit.exports.repository import SealedEntries
from app.modules.audit.schemas import AccessRead, ChangeRead, EntryQuery
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.proofs import SealedLog

ITEMS: dict[Log, type[BaseModel]] = {Log.access: AccessRead, Log.changes: ChangeRead}


class ExportService:
    """Exports: sealed entries in the order of the log, up to the newest checkpoint."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def begin(self, log: Log, query: EntryQuery, kind: str, seconds: float) -> AsyncIterator[bytes]:
        """The bytes of a file of the entries that match, of the media type `kind`.

        Raises NotFound before the first seal, Invalid, RangeRequired.
        """
        sealed = SealedLog(self.session, log)
        checkpoint = await sealed.find_newest()
        entries = SealedEntries(self.session, log, query, checkpoint.size, seconds)
        await entries.begin()
        file = await asyncio.to_thread(new_file, ITEMS[log], kind)
        return self.write(entries, file, sealed, checkpoint)

    async def write(
        self, entries: SealedEntries, file: ExportFile, sealed: SealedLog, checkpoint: AnyRow
    ) -> AsyncIterator[bytes]:
        """The bytes of `file`. They end without a trailer where an error ends the response."""
        facts: dict[str, Any] = {"log": sealed.log.value, "first_seq": None, "last_seq": None, "count": 0}
        yield await asyncio.to_thread(file.add, [])  # what a file without entries has, too
        async for rows in entries.pages():
            if rows:
                facts["first_seq"], facts["last_seq"] = facts["first_seq"] or place(rows[0]), place(rows[-1])
                facts["count"] += len(rows)
            yield await asyncio.to_thread(file.add, rows)
        await entries.check_archives()
        note = bytes(await sealed.note(checkpoint)).decode()
        yield await asyncio.to_thread(file.end, {**facts, "checkpoint": note})


def place(entry: Mapping[str, Any]) -> int:
    """The place of an entry."""
    return int(entry["seq"])
