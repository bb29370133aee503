"""Pages of a log whose filters have no index: where looking for one at once takes too long, it is read by pieces.

A page ends then with the piece in which its time was over. It can be short, or empty, and have a cursor to go on with.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, not_, select

from app.core.db.column_types import Instant
from app.core.db.cursor import read_cursor, write_cursor
from app.core.db.keyset import Ordering, decode_value, encode_value, is_after, ranges_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import keep_nothing
from app.core.db.session import AnyRow, AnySelect, Values
from app.core.db.snapshots import present_snapshot
from app.core.errors import ListTimedOut
from app.modules.audit.repository import LogRepository, cursor_name, last_place, values_of
from app.modules.audit.schemas import Window

WHOLE_SECONDS, PIECES_SECONDS = 2.0, 2.0
"""How long a page is looked for at once, and after that by pieces, of which the last one is read to its end."""
FIRST_PIECE = 100_000
"""Entries of the first piece of a page. The next has twice as many, while one takes less than a quarter of the time."""
BY_PIECES = "by pieces"
"""What a cursor keeps of a page that was read so, because those behind it are, too."""


class PiecewiseRepository(LogRepository):
    """Reads pages of a log, at once or by pieces."""

    is_piecewise = False
    """Whether a page is read by pieces, in which no filter has a way of its own to find what matches."""
    end: AnyRow | None = None
    """The last entry of the piece that is read, with its time and number; None for the rest of the window."""

    async def read_page(self, query: PageQuery, window: Window | None, kept: Sequence[str]) -> RowPage:
        """One page, at once or by pieces. Raises ListTimedOut for another order than that of the time."""
        if window is None or query.sort_fields()[0][0] != "at":
            return await super().read_page(query, window, kept)
        if BY_PIECES not in kept:
            with suppress(TimeoutError, ListTimedOut):
                async with asyncio.timeout(WHOLE_SECONDS):
                    return await super().read_page(query, window, kept)
        self.is_piecewise = True
        return await self.read_pieces(query, window, kept)

    async def read_pieces(self, query: PageQuery, window: Window, kept: Sequence[str]) -> RowPage:
        """One page, which ends with the piece that completes it, or in which its time is over."""
        items, size, deadline = list[Any](), FIRST_PIECE, monotonic() + PIECES_SECONDS
        while True:
            begun = monotonic()
            self.end = end = await self.find_end(query, window, kept, size)
            if end is not None and not kept:
                kept = [end.snapshot, str(end.sealed), *window.texts, BY_PIECES]
            page = await super().read_page(query, window, kept)
            items += page.items
            cursor = page.next_cursor
            if cursor is not None or end is None:
                break
            position = [encode_value(end._mapping[name]) for name, _ in query.sort_fields()]
            cursor = write_cursor(self.session, query, cursor_name(self.log), [*position, *kept])
            ended = monotonic()
            if len(page.items) == query.limit or ended >= deadline:
                break
            query = query.model_copy(update={"cursor": cursor, "limit": query.limit - len(page.items)})
            size *= 2 if ended - begun < PIECES_SECONDS / 4 else 1
        self.session.context.next_cursor = cursor
        return RowPage(items, cursor)

    async def fetch_page(
        self,
        statement: AnySelect,
        query: PageQuery,
        resource: str | None = None,
        values: Values | None = None,
        keep: Callable[[AnyRow], Sequence[str]] = keep_nothing,
    ) -> RowPage:
        """One page of `statement`; of a piece, of those of its rows that are in it."""
        if not self.is_piecewise:
            return await super().fetch_page(statement, query, resource, values, keep)
        if self.end is not None:
            order, whole = tuple(query.sort_fields()), statement
            statement = self.build_once((whole, order), lambda: whole.where(*self.is_in_piece(order)))
            values = {**(values or {}), "last_at": self.end.at, "last_id": self.end.id}
        return await super().fetch_page(statement, query, resource, values, lambda row: [*keep(row), BY_PIECES])

    async def find_end(self, query: PageQuery, window: Window, kept: Sequence[str], size: int) -> AnyRow | None:
        """The last entry of the piece of `size` entries after the cursor of `query`; None where there are fewer.

        Before anything is kept, it has what the first page sees, too.
        """
        order, (position, _) = query.sort_fields(), read_cursor(self.session, query, cursor_name(self.log))
        form = ("end of a piece", tuple(order), position is None, not kept, self.session.is_sqlite)
        build = partial(self.select_end, self.ordering_of(order), has_position=position is not None, is_first=not kept)
        pairs = zip(order, position or (), strict=False)
        after = {f"after_{name}": decode_value(self.table.c[name], value) for (name, _), value in pairs}
        values = values_of(window, kept) | after | {"behind": size - 1}
        return await self.session.first(self.build_once(form, build), values)

    def select_end(self, ordering: Ordering, *, has_position: bool, is_first: bool) -> AnySelect:
        """A select of one entry of the window, `behind` others. An index has all that it reads of those."""
        at, number = self.table.c.at, self.table.c.id
        position = [bindparam(f"after_{column.name}", type_=column.type) for column, _ in ordering]
        [each] = ranges_of(ordering, position if has_position else None)
        present = present_snapshot(self.table, is_sqlite=self.session.is_sqlite).label("snapshot")
        entries = select(at, number, *((present, last_place(self.log).label("sealed")) if is_first else ()))
        begins, ends = at >= bindparam("start", type_=Instant), at < bindparam("end", type_=Instant)
        return each.sort(each.choose(entries.where(begins, ends)), 1).offset(bindparam("behind", type_=Integer))

    def is_in_piece(self, order: Sequence[tuple[str, bool]]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """True for the last entry of a piece and those before it, in an order that begins with the time."""
        at, ordering = self.table.c.at, self.ordering_of(order)
        last = [bindparam(f"last_{column.name}", type_=column.type) for column, _ in ordering]
        return at >= last[0] if order[0][1] else at <= last[0], not_(is_after(ordering, last))

    def ordering_of(self, order: Sequence[tuple[str, bool]]) -> Ordering:
        return [(self.table.c[name], descends) for name, descends in order]
