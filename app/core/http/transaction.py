"""The transaction around an endpoint: committed before the response leaves, repeated where that is safe."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

from fastapi import Request, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from app.core.context import RequestContext
from app.core.db.integrity import is_transient
from app.core.errors import Conflict
from app.core.http.idempotency import IdempotentRequest, StoredResponse
from app.core.http.state import State

Handler = Callable[[Request], Awaitable[Response]]

REPLAYED_HEADER = "Idempotency-Replayed"
MAX_ATTEMPTS = 3
"""Attempts after a deadlock, a serialization failure or a lost race; each failed one is rolled back completely."""
PAUSE_SECONDS = 0.02


class Postponed(Conflict):
    """The change needs the approval of a second person, and cannot wait for it as a part of what was sent."""

    code = "approval-required"
    remedy = "Send the change as a request of its own. It is answered with 202, and waits."

    def __init__(self, detail: str, handler: Handler) -> None:
        super().__init__(detail)
        self.handler = handler
        """What is run in place of the request, in a transaction of its own."""


async def run_with_retries(
    request: Request, state: State, context: RequestContext, handler: Handler, idempotent: IdempotentRequest | None
) -> Response:
    """Run `handler` and commit what it wrote; again after a deadlock, or where another changed what it had read.

    The last attempt locks all that it reads, so that no other can get in between. A change that must wait is undone,
    and what makes it wait is run in its place.
    """
    async with state.idempotency_store.exclusive(idempotent) if idempotent else nullcontext():
        try:
            return await repeat(request, state, context, handler, idempotent)
        except Postponed as postponed:
            context.reset_result()
            return await repeat(request, state, context, postponed.handler, idempotent)


async def repeat(
    request: Request, state: State, context: RequestContext, handler: Handler, idempotent: IdempotentRequest | None
) -> Response:
    """Run `handler` in a transaction, up to `MAX_ATTEMPTS` times."""
    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return await run_once(request, state, context, handler, idempotent, is_repeatable=True)
        except (DBAPIError, StaleDataError) as error:
            if isinstance(error, DBAPIError) and not is_transient(error):
                raise
            context.reset_result()
            await asyncio.sleep(PAUSE_SECONDS * random.random())  # noqa: S311  # no secret
    return await run_once(request, state, context, handler, idempotent)


async def run_once(
    request: Request,
    state: State,
    context: RequestContext,
    handler: Handler,
    idempotent: IdempotentRequest | None,
    *,
    is_repeatable: bool = False,
) -> Response:
    """Run `handler` in one transaction. With an idempotency key, replay or store the first response in it too."""
    async with state.database.unit_of_work(context, is_repeatable=is_repeatable) as session:
        request.state.session = session
        if idempotent is None:
            return await handler(request)
        stored = await state.idempotency_store.find(session, idempotent)
        if stored is not None:
            context.is_replay = True
            return replay(stored)
        response = await handler(request)
        await state.idempotency_store.store(session, idempotent, to_stored(response))
        return response


def to_stored(response: Response) -> StoredResponse:
    return StoredResponse(response.status_code, list(response.headers.items()), bytes(response.body))


def replay(stored: StoredResponse) -> Response:
    """The first response, marked as a replay."""
    response = Response(stored.body, stored.status)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in stored.headers]
    response.media_type = response.headers.get("content-type", "").partition(";")[0]
    response.headers[REPLAYED_HEADER] = "true"
    return response
