"""Follows the sealed changes, with personal values decrypted."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.core.db.session import ReadSession, Session
from app.core.runtime.growth import Growth
from app.modules.audit.feed.repository import FeedRepository
from app.modules.audit.names.entries import show_changes
from app.modules.audit.schemas import ARCHIVED_HEADER, MAX_NUMBER

REAUTHORIZE_SECONDS = 0.5
"""How often a stream that waits asks whether its caller may still read: a revocation takes effect within a second."""


class FeedPage(NamedTuple):
    """Sealed changes in their order, and the place to continue with."""

    items: Sequence[Mapping[str, Any]]
    after: int


class FeedService:
    """The feed of sealed changes."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.session = session
        self.rows = FeedRepository(session)

    async def read(self, seq: int, limit: int) -> FeedPage:
        """The sealed changes behind a place, in their order. Raises AheadOfLog."""
        rows, last = await self.rows.find_after(seq, limit)
        return FeedPage(await show_changes(self.session, rows), last)

    async def begin(self, seq: int, limit: int) -> FeedPage:
        """The first page of all that follow, which pass every archived month behind the place. Raises AheadOfLog."""
        page = await self.read(seq, limit)
        await self.rows.tell_archives(seq, MAX_NUMBER)
        return page

    async def follow(
        self, page: FeedPage, limit: int, growth: Growth, seconds: float
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """The changes of `page` and of all pages behind it, until the process stops; none where none came in `seconds`.

        They end, too, at changes that went into an archive since `begin`: who begins again is told of the month.
        Raises Unauthenticated, Forbidden once the caller may no longer read them.
        """
        told = self.archived_months()
        while not growth.is_ended and self.archived_months() <= told:
            yield page.items
            if not page.items:
                await self.wait_beyond(page.after, growth, seconds)
            await self.session.context.reauthorize()
            page = await self.read(page.after, limit)

    def archived_months(self) -> set[str]:
        """The months that the header names."""
        return set(self.session.context.headers.get(ARCHIVED_HEADER, "").split(", "))

    async def wait_beyond(self, seq: int, growth: Growth, seconds: float) -> None:
        """Wait for changes behind a place, at most so long, as long as the caller may read them.

        Raises Unauthenticated, Forbidden soon after that ends: a log without changes shows nothing of it.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not growth.is_ended:
            await growth.wait_beyond(seq, min(left, REAUTHORIZE_SECONDS))
            if growth.size > seq:
                break
            await self.session.context.reauthorize()
