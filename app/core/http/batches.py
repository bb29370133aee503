"""Batches: the transactions of a request that writes more than one transaction should hold.

PostgreSQL writes them in one transaction all the same. SQLite has one writer, for which every other request would wait;
there each batch is committed, and with an idempotency key it is committed together with how far the request came.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from http import HTTPStatus

import orjson
from fastapi import Request, Response

from app.core.context import RequestContext
from app.core.db.session import Session
from app.core.errors import TimedOut, Unavailable
from app.core.http.idempotency import IdempotentRequest, StoredResponse
from app.core.http.import_batches import Batch, Position
from app.core.http.state import State
from app.core.http.transaction import Handler, replay, to_stored

MARGIN_SECONDS = 2.0
"""No batch begins so shortly before the time limit of the request, which would end it without saying how far it is."""


class Transactions:
    """Batches of which each is a transaction."""

    are_one_transaction = False

    def __init__(self, state: State, context: RequestContext, idempotent: IdempotentRequest | None) -> None:
        self.database, self.store = state.database, state.idempotency_store
        self.context, self.idempotent = context, idempotent
        self.position = Position()
        self.reader = state.database.read_session(context)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Batch]:
        self.check_time()
        async with self.database.unit_of_work(self.context) as session:
            await self.check_position(session)
            batch = Batch(session, self.position)
            yield batch
            await self.save(session, StoredResponse(HTTPStatus.PROCESSING, [], orjson.dumps(list(batch.position))))
        self.position = batch.position

    def check_time(self) -> None:
        """Raise TimedOut where the time of the request may not suffice for another batch."""
        limit = self.context.time_limit.when() if self.context.time_limit else None
        if limit is not None and limit - asyncio.get_running_loop().time() < MARGIN_SECONDS:
            raise TimedOut("This took longer than the server allows.")

    async def find(self) -> StoredResponse | None:
        """The stored response to the key. Sets `position` where there is only a part of the effect."""
        if self.idempotent is None:
            return None
        async with self.database.unit_of_work(self.context) as session:
            stored = await self.store.find(session, self.idempotent)
        position = position_of(stored) if stored else Position()
        if position is None:
            return stored
        self.position = position
        return None

    async def check_position(self, session: Session) -> None:
        """Raise Unavailable if another process has gone on with the same key."""
        if self.idempotent is None:
            return
        stored = await self.store.find(session, self.idempotent)
        if (position_of(stored) if stored else Position()) != self.position:
            raise Unavailable("Another process goes on with this idempotency key.")

    async def save(self, session: Session, response: StoredResponse) -> None:
        if self.idempotent is not None:
            await self.store.store(session, self.idempotent, response)

    async def finish(self, response: Response) -> None:
        """Store the response, in place of the position."""
        if self.idempotent is not None:
            async with self.database.unit_of_work(self.context) as session:
                await self.save(session, to_stored(response))


def position_of(stored: StoredResponse) -> Position | None:
    """The position that is stored in place of a response; None where it is a response."""
    return Position(*orjson.loads(stored.body)) if stored.status == HTTPStatus.PROCESSING else None


async def run_in_batches(
    request: Request, state: State, context: RequestContext, handler: Handler, idempotent: IdempotentRequest | None
) -> Response:
    """Run `handler`, which commits in batches. With an idempotency key, replay its response or go on where it ended."""
    async with state.idempotency_store.exclusive(idempotent) if idempotent else nullcontext():
        batches = Transactions(state, context, idempotent)
        stored = await batches.find()
        if stored is not None:
            return replay(stored)
        request.state.batches = batches
        response = await handler(request)
        await batches.finish(response)
        return response
