"""Queries of exports: the entries of a log that match, in the order of the log, some at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from typing import Any

from pydantic import BaseModel

from app.core.context import RequestContext
from app.core.db.pagination import RowPage
from app.core.db.session import ReadSession
from app.core.errors import Conflict, Forbidden, invalid
from app.modules.audit.exports.places import PlaceOf, SortedPlaces
from app.modules.audit.hours.repository import HourlyChangeRepository
from app.modules.audit.names.entries import name_requests, show_changes
from app.modules.audit.repository import ChangeRepository, audited_modules, tell_archives
from app.modules.audit.requests.repository import AccessRepository
from app.modules.audit.schemas import EntryQuery
from app.modules.audit.sealer.archived import find_archives
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.reads import LogReader

ENTRIES, KEYS = 500, 1000
"""Entries, and keys of entries, that are read at a time."""


class Key(BaseModel):
    """What an entry is found and sorted by."""

    id: int
    seq: int | None
    at: str


class AccessKeys(AccessRepository):
    """The keys of access entries."""

    read = Key


class ChangeKeys(HourlyChangeRepository):
    """The keys of change entries."""

    read = Key


class SealedEntries:
    """The first `size` entries of a log, those that match, in their order.

    Without a filter they are read from the beginning of the log on. With one, their keys are found as in the list, by
    its indexes and in its window, and sorted by place. That can take long, so each page of keys gets `seconds`.
    """

    def __init__(self, session: ReadSession, log: Log, query: EntryQuery, size: int, seconds: float) -> None:
        self.session = session
        self.log = log
        self.query = query.model_copy(update={"limit": KEYS})
        self.most = query.limit if "limit" in query.model_fields_set else size
        self.size = size
        self.seconds = seconds
        is_changes = log is Log.changes
        self.rows = ChangeRepository(session) if is_changes else AccessRepository(session)
        self.keys = ChangeKeys(session) if is_changes else AccessKeys(session)
        self.first_keys: RowPage | None = None
        self.archived: list[str] = []
        self.begun = session.context.principal
        """The caller when the file began. With other permissions it would go on with other entries, and look whole."""

    @property
    def context(self) -> RequestContext:
        return self.session.context

    async def begin(self) -> None:
        """Read the first keys, if there is a filter. Raises Invalid, RangeRequired for a query that has no answer."""
        if self.query.sort or self.query.cursor:
            name = "sort" if self.query.sort else "cursor"
            raise invalid(f"/query/{name}", "A file has the order of the log, from its beginning on.", "not-sortable")
        self.archived = await self.find_archived()
        if self.query.filters() or audited_modules(self.session) is not None:
            self.first_keys = await self.keys.page(self.query)
            self.context.next_cursor = None
        else:
            await tell_archives(self.session, [self.log.value], None, None)

    async def find_archived(self) -> list[str]:
        """The months of the log that are in an archive only."""
        return [row.month for row in await find_archives(self.session, self.log.value) if row.is_dropped]

    async def check_archives(self) -> None:
        """Raise Conflict where a month went into an archive since the file began, which may lack its entries."""
        if await self.find_archived() != self.archived:
            raise Conflict("A month of the log was archived or restored while the file was written. Ask for it again.")

    async def check_caller(self) -> None:
        """Check the caller again. Raises Forbidden once the permissions are not those with which the file began."""
        await self.context.reauthorize()
        present = self.context.principal
        if self.begun and present and present.permissions != self.begun.permissions:
            raise Forbidden("Your permissions changed while the file was written. Ask for it again.")

    async def pages(self) -> AsyncIterator[Sequence[Any]]:
        """The entries as readers see them. Raises Forbidden once the permissions of the caller are others."""
        numbers = self.walk() if self.first_keys is None else self.find(self.first_keys)
        left = self.most
        async for ids in numbers:
            await self.check_caller()
            rows = {row.id: row for row in await self.rows.entries(ids)}
            found = [rows[number] for number in ids if number in rows][:left]
            left -= len(found)
            yield await (show_changes if self.log is Log.changes else name_requests)(self.session, found)
            if left <= 0:
                return

    async def walk(self) -> AsyncIterator[list[int]]:
        """The numbers of all entries."""
        reader, seq = LogReader(self.session, self.log), 1
        while ids := await reader.ids_from(seq, min(ENTRIES, self.size - seq + 1)):
            yield ids
            seq += len(ids)

    async def find(self, page: RowPage) -> AsyncIterator[list[int]]:
        """The numbers of the entries whose keys are on `page`, and on those behind it."""
        with closing(SortedPlaces()) as places:
            while True:
                places.add(PlaceOf(row.seq, row.id) for row in page.items if row.seq and row.seq <= self.size)
                if page.next_cursor is None:
                    break
                self.context.allow_seconds(self.seconds)
                await self.check_caller()
                page = await self.keys.page(self.query.model_copy(update={"cursor": page.next_cursor}))
            while found := await asyncio.to_thread(places.take, ENTRIES):
                yield [place.id for place in found]
