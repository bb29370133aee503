"""Turns in publishing: of several processes, the one that has the turn publishes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.core.clock import new_id
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.modules.events.repository import CursorWriter

LEASE = timedelta(seconds=20)
"""More than a turn lasts: a process that holds it for so long is dead, or has stood still."""


@dataclass
class Turn:
    """A turn in publishing. The cursor moves to `seq` at its end."""

    seq: int
    """The place up to which all events are published."""


@asynccontextmanager
async def take_turn(database: Database, destination: str) -> AsyncIterator[Turn | None]:
    """Have the turn while the block runs, also where it fails; None where another process has it.

    No transaction is open meanwhile, which on SQLite would hold up all who write.
    """
    lease = new_id()
    async with database.unit_of_work(RequestContext.for_job("events")) as session:
        seq = await CursorWriter(session, destination).claim(lease, LEASE)
    if seq is None:
        yield None
        return
    turn = Turn(seq)
    try:
        yield turn
    finally:
        async with database.unit_of_work(RequestContext.for_job("events")) as session:
            await CursorWriter(session, destination).release(lease, turn.seq)
