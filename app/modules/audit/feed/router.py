"""Endpoints that follow the sealed changes."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Query, Request
from fastapi.sse import EventSourceResponse

from app.core.http.dependencies import read_only
from app.core.http.disconnects import run_while_connected
from app.core.http.event_stream import EventStream
from app.core.http.guards import requires_in_some_module
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.audit.feed.schemas import ChangeFeed
from app.modules.audit.feed.service import FeedPage, FeedService
from app.modules.audit.schemas import AUDIT, MAX_NUMBER, ChangeRead
from app.modules.audit.sealer.archived import ARCHIVED_MONTHS

router = Router(prefix="/audit", tag="feed", about="The feed of changes, in the order of the sealed log.")

Feeds = Annotated[FeedService, read_only(FeedService)]
FeedStart = Annotated[
    int, Query(ge=0, le=MAX_NUMBER, description="The place after which to begin; 0 for the first entry.")
]
FeedWait = Annotated[int, Query(ge=0, le=30, description="Seconds to wait if there is nothing yet.")]
FeedLimit = Annotated[int, Query(ge=1, le=1000, description="The largest number of changes.")]
LastEvent = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, le=MAX_NUMBER, description="Resume behind this event."),
]
STREAMED = 100
"""Changes of a stream that are read at once."""
ALIVE_SECONDS = 15.0
"""A stream without changes sends a comment so often."""
RESPONSES: dict[int | str, dict[str, Any]] = {HTTPStatus.OK: {"headers": ARCHIVED_MONTHS}, HTTPStatus.CONFLICT: {}}
AUDIT_READ = [requires_in_some_module("audit:read", AUDIT, durable_audit=True)]


@router.get("/feed", response_model=ChangeFeed, responses=RESPONSES, dependencies=AUDIT_READ)
async def get_feed(
    request: Request, feed: Feeds, after: FeedStart = 0, wait: FeedWait = 0, limit: FeedLimit = 100
) -> FeedPage:
    """Get the sealed changes behind a place, each once and in the order of the log."""
    page = await feed.read(after, limit)
    if page.items or not wait:
        return page
    context, state = context_of(request), state_of(request)
    growth = state.sealed_changes
    context.allow_seconds(wait + state.settings.limits.request_seconds)
    async with growth.readers.enter():
        await run_while_connected(request, growth.wait_beyond(after, wait))
    await context.reauthorize()
    return await feed.read(after, limit)


@router.get(
    "/feed/stream",
    response_class=EventSourceResponse,
    response_model=None,
    responses=RESPONSES,
    dependencies=AUDIT_READ,
)
async def stream_feed(
    request: Request, feed: Feeds, after: FeedStart = 0, last_event_id: LastEvent = None
) -> EventStream:
    """Follow the sealed changes as server-sent events: the `id` of each is its place.

    `Audit-Archived` says which months behind the place are in an archive only: the stream passes them.
    """
    growth, limits = state_of(request).sealed_changes, state_of(request).settings.limits
    page = await feed.begin(after if last_event_id is None else last_event_id, STREAMED)
    pages = feed.follow(page, STREAMED, growth, min(ALIVE_SECONDS, limits.request_seconds / 2))
    return EventStream(pages, ChangeRead, "seq", growth.readers)
