"""Server-sent events: items as they come, for clients that resume behind the last one that they received."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic import BaseModel, TypeAdapter
from starlette.types import Receive, Scope, Send

from app.core.errors import Problem
from app.core.runtime.concurrency_limit import ConcurrencyLimit

Pages = AsyncIterator[Sequence[Any]]


class EventStream(EventSourceResponse):
    """Sends pages of items as events. An empty page is sent as a comment, which shows that the connection is alive.

    A page is asked for when the one before was sent, so that a slow client gets no more than it reads. The id of an
    event is the field `id_field` of the item; without one a client that connects again begins anew. `limit` counts the
    streams that are open. Raises Unavailable.
    """

    def __init__(self, pages: Pages, item: type[BaseModel], id_field: str | None, limit: ConcurrencyLimit) -> None:
        super().__init__(encode_events(pages, item, id_field), headers={"X-Accel-Buffering": "no"})
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.limit.enter():
            await super().__call__(scope, receive, send)


async def encode_events(pages: Pages, item: type[BaseModel], id_field: str | None) -> AsyncIterator[bytes]:
    """The bytes of each page. They end at a Problem, which the client is told when it connects again."""
    adapter = TypeAdapter(item)
    with suppress(Problem):
        async for rows in pages:
            items = [adapter.validate_python(row, from_attributes=True) for row in rows]
            ids = [str(getattr(each, id_field)) if id_field else None for each in items]
            events = (
                format_sse_event(data_str=adapter.dump_json(each).decode(), id=place)
                for each, place in zip(items, ids, strict=True)
            )
            yield b"".join(events) or KEEPALIVE_COMMENT
