"""The transaction around an endpoint: committed before the answer leaves, tried again where that is safe."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

from fastapi import Request, Response
from sqlalchemy.exc import DBAPIError

from app.core.constraints import is_transient
from app.core.db import context_of, database_of
from app.core.idempotency import Answers, Attempt, replayed, stored

Answer = Callable[[Request], Awaitable[Response]]

ATTEMPTS = 3
"""A transaction that lost against another is tried this often; the database undid it whole."""
PAUSE_SECONDS = 0.02


async def committed(request: Request, answer: Answer, attempt: Attempt | None) -> Response:
    """The answer of `answer`, whose writes are committed; tried again where another transaction was in the way."""
    answers: Answers = request.app.state.answers
    async with answers.alone(attempt) if attempt else nullcontext():
        for _ in range(ATTEMPTS - 1):
            try:
                return await in_transaction(request, answer, attempt)
            except DBAPIError as error:
                if not is_transient(error):
                    raise
                context_of(request).forget()
                await asyncio.sleep(PAUSE_SECONDS * random.random())  # noqa: S311  # no secret
        return await in_transaction(request, answer, attempt)


async def in_transaction(request: Request, answer: Answer, attempt: Attempt | None) -> Response:
    """The answer, in one transaction with its writes; with a key the first answer, which is stored in it too."""
    answers: Answers = request.app.state.answers
    async with database_of(request).unit_of_work(context_of(request)) as session:
        request.state.session = session
        if attempt is None:
            return await answer(request)
        known = await answers.recall(session, attempt)
        if known is not None:
            return replayed(known)
        response = await answer(request)
        await answers.store(session, attempt, stored(response))
        return response
