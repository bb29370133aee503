"""Looks for requests that changed rows and have no access entry: their process ended between the two."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from app.core.clock import now
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.requests.backlog import find_spooled
from app.modules.audit.sealer.archived import find_archives
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.reads import PIECE, Piece
from app.modules.audit.verifier.findings import LogReport

CALLERS = frozenset({"anonymous", "user", "api-key", "service"})
"""The kinds of actors that make requests. A job acts as the one who asked for it, or as the system."""
PATIENCE = timedelta(minutes=10)
"""A younger change is not looked at: its request may still run, or its access entry be on the way."""
MOST = 10_000
"""So many requests without an access entry are kept; others are not counted."""
access = Log.access.table


class Call(NamedTuple):
    """What the change log knows of a call."""

    id: UUID
    request_id: str
    seq: int
    """The place of its first change."""


class CallCheck:
    """Compares the calls of sealed changes with the access log.

    A call counts as a request only if no job can have made it. A job that acts as a user has a call of its own, and the
    request id of the request that asked for it.
    """

    def __init__(self, session: ReadSession, spools: Path, since: datetime) -> None:
        self.session = session
        self.spools = spools
        self.since = since
        self.until = now() - PATIENCE
        self.found: dict[UUID, Call] = {}
        """Requests without an access entry."""

    async def look_at(self, piece: Piece) -> None:
        """Look for the access entries of the calls that made some changes."""
        calls: dict[UUID, Call] = {}
        for seq, number in enumerate(piece.ids, piece.first_seq):
            for row in piece.rows.get(number, ()):
                if self.needs_entry(row):
                    calls.setdefault(row.call_id, Call(row.call_id, row.request_id, seq))
        for call in await self.find_without_entry(calls.values()):
            if len(self.found) < MOST:
                self.found[call.id] = call

    def needs_entry(self, row: AnyRow) -> bool:
        """Whether the call of a change is one whose access entry should be in the database."""
        if row.call_id is None or row.actor_kind not in CALLERS or row.call_id in self.found:
            return False
        return bool(self.since <= row.stored_at < self.until)

    async def find_without_entry(self, calls: Collection[Call]) -> list[Call]:
        """Those of some calls that are requests without an access entry."""
        known, wanted = set[UUID](), [call.id for call in calls]
        for at in range(0, len(wanted), PIECE):
            logged = select(access.c.call_id).where(access.c.call_id.in_(wanted[at : at + PIECE]))
            known |= {row.call_id for row in await self.session.all(logged)}
        return [call for call in calls if call.id not in known and not await self.may_be_job(call)]

    async def may_be_job(self, call: Call) -> bool:
        """Whether another call is a request with the same request id, which may have asked for a job."""
        if call.request_id == str(call.id):
            return False
        asked = select(access.c.id).where(access.c.request_id == call.request_id).limit(1)
        return await self.session.first(asked) is not None

    async def finish(self, report: LogReport) -> None:
        """Report what was found, without what waits in the spools of this host, or was shipped from them meanwhile."""
        if not self.found:
            return
        names = {name for call in self.found.values() for name in (str(call.id), call.request_id)}
        waiting = await asyncio.to_thread(find_spooled, self.spools, names)
        calls = [call for call in self.found.values() if waiting.isdisjoint((str(call.id), call.request_id))]
        left = await self.find_without_entry(calls)
        report.without_request = len(left)
        report.without_request_seq = min((call.seq for call in left), default=None)


async def find_calls(session: ReadSession, spools: Path) -> CallCheck | None:
    """What looks at the changes since when the database has the access log without a gap; None without access log."""
    oldest = await session.value(select(access.c.stored_at).order_by(access.c.id).limit(1))
    dropped = [row.manifest["end"] for row in await find_archives(session, Log.access) if row.is_dropped]
    return oldest and CallCheck(session, spools, max([oldest, *map(datetime.fromisoformat, dropped)]))
