"""The life of stored answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.core.background import Repeating
from app.modules.idempotency.service import StoredAnswers

PRUNE_SECONDS = 3600.0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    answers = app.state.answers = StoredAnswers(app.state.database)
    pruning = Repeating("prune idempotency keys", answers.prune, PRUNE_SECONDS, max_delay=PRUNE_SECONDS)
    try:
        yield
    finally:
        await pruning.stop()
