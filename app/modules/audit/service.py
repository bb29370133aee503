"""Reads the audit log, with personal values decrypted, and the names of what entries tell of by id."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import IO, Any
from uuid import UUID

from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.errors import NotFound
from app.modules.audit.calls.schemas import CallQuery
from app.modules.audit.changes.reading import check_unmasked
from app.modules.audit.evidence.bundle import Evidence
from app.modules.audit.hours.repository import HourlyChangeRepository
from app.modules.audit.names.entries import name_requests, show_changes
from app.modules.audit.repository import tell_archives
from app.modules.audit.requests.repository import AccessRepository
from app.modules.audit.schemas import (
    ARCHIVED_HEADER,
    WINDOW_HEADER,
    AccessQuery,
    ChangeQuery,
    PeriodQuery,
    RangeRequired,
)
from app.modules.audit.sealer.archived import check_number_not_archived
from app.modules.audit.sealer.logs import Log
from app.modules.audit.timeline.keyset import CHANGE, KINDS, read_keys
from app.modules.audit.timeline.schemas import TimelineQuery

EVIDENCE_PAGE, MOST_EVIDENCE = 1000, 100_000
"""Entries that are chosen at a time, and altogether, for evidence."""


class AccessService:
    """The access log."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = AccessRepository(session)

    async def page(self, query: PageQuery) -> RowPage:
        return await self.name(await self.rows.page(query))

    async def entries(self, numbers: Collection[int]) -> Sequence[Mapping[str, Any]]:
        """The entries with these numbers."""
        return (await self.name(RowPage(await self.rows.entries(numbers)))).items

    async def name(self, page: RowPage) -> RowPage:
        """`page` with names."""
        return replace(page, items=await name_requests(self.rows.session, page.items))


class ChangeService:
    """The change log, with personal values decrypted, except for those that the module does not show the caller."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = HourlyChangeRepository(session)

    async def page(self, query: PageQuery) -> RowPage:
        return await self.show(await self.rows.page(query))

    async def get(self, id: int) -> Mapping[str, Any]:
        """One entry. Raises NotFound, Archived."""
        try:
            row = await self.rows.get(id)
        except NotFound:
            await check_number_not_archived(self.rows.session, self.rows.log, id)
            raise
        entry: Mapping[str, Any] = (await self.show(RowPage([row]))).items[0]
        return entry

    async def entries(self, numbers: Collection[int]) -> Sequence[Mapping[str, Any]]:
        """The entries with these numbers."""
        return (await self.show(RowPage(await self.rows.entries(numbers)))).items

    async def show(self, page: RowPage) -> RowPage:
        """`page` with its personal values decrypted, and names."""
        return replace(page, items=await show_changes(self.rows.session, page.items))


class CallService:
    """Calls: a request, or a piece of work of a job, from both logs."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.accesses = AccessService(session)
        self.changes = ChangeService(session)

    async def get(self, call_id: UUID, query: CallQuery) -> Mapping[str, Any]:
        """What both logs know of a call. Raises NotFound."""
        requests = await self.accesses.page(AccessQuery(call_id=call_id))
        chosen = {"sort": query.sort or query.default_sort, "limit": query.limit, "cursor": query.cursor}
        changes = await self.changes.page(ChangeQuery(call_id=call_id, **chosen))
        entries = requests.items or changes.items
        if not entries:
            raise NotFound(f"Neither log knows a call {call_id}.")
        return {**entries[0], "request": next(iter(requests.items), None), "changes": changes}


class EvidenceService:
    """Evidence: sealed entries of a log, with what verifies them elsewhere."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def write(self, file: IO[bytes], log: Log, query: PeriodQuery, seconds: float) -> None:
        """Write a zip of the sealed entries that match. Each page of them gets `seconds`, and so does what proves them.

        Raises NotFound before the first seal, RangeRequired, Forbidden.
        """
        rows = (HourlyChangeRepository if log is Log.changes else AccessRepository)(self.session)
        places: dict[int, int] = {}
        given = query.filters() | ({"cursor": query.cursor} if query.cursor else {})
        query = query.model_copy(update={"limit": EVIDENCE_PAGE, "total": False})
        while True:
            page = await rows.page(query)
            self.session.context.allow_seconds(seconds)
            if log is Log.changes:
                check_unmasked(self.session, page.items)
            places |= {row.id: row.seq for row in page.items if row.seq is not None}
            if len(places) > MOST_EVIDENCE:
                raise RangeRequired(f"Evidence has {MOST_EVIDENCE} entries at most; choose fewer.")
            if page.next_cursor is None:
                break
            query = query.model_copy(update={"cursor": page.next_cursor})
        self.session.context.next_cursor = None
        told = {"window": WINDOW_HEADER, "archived": ARCHIVED_HEADER}
        found = {name: self.session.context.headers.get(header) for name, header in told.items()}
        await Evidence(self.session, log).write(file, places, {"filters": given, **found})


class TimelineService:
    """Timelines: the requests, changes and sign-ins of one actor."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.session = session
        self.accesses = AccessService(session)
        self.changes = ChangeService(session)

    async def page(self, actor_id: UUID, query: TimelineQuery) -> RowPage:
        """One page of what a user or API key did, newest first."""
        keys, cursor, period = await read_keys(self.session, actor_id, query)
        requests = await self.accesses.entries([key.id for key in keys if key.kind != CHANGE])
        changes = await self.changes.entries([key.id for key in keys if key.kind == CHANGE])
        await tell_archives(self.session, ("changes", "access"), *period)
        request_of, change_of = ({entry["id"]: entry for entry in entries} for entries in (requests, changes))
        items = [
            {
                **key._asdict(),
                "kind": KINDS[key.kind],
                "request": request_of[key.id] if key.kind != CHANGE else None,
                "change": change_of[key.id] if key.kind == CHANGE else None,
            }
            for key in keys
            if key.id in (change_of if key.kind == CHANGE else request_of)  # else it was archived meanwhile
        ]
        return RowPage(items, cursor)
