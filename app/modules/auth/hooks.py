"""The life of what sign-in needs: the hashing thread, the token ring, and the end of old counters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.core.background import Repeating
from app.core.context import RequestContext
from app.core.db import Database
from app.core.security import Hasher, Tokens
from app.core.turns import Turns
from app.modules.auth.throttle import Throttle

PRUNE_SECONDS = 3600.0
SIGN_INS_AT_ONCE = 2
"""Sign-ins that hold a database connection: parallel ones from one address wait for the same counter."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    options = database.settings.auth
    app.state.hasher = Hasher(options.hash_queue)
    app.state.turns = Turns(SIGN_INS_AT_ONCE, options.hash_queue)
    app.state.tokens = Tokens(options, database.keys.signing_pems)
    throttle = Throttle(database, RequestContext.of_job("prune-counters"))
    pruning = Repeating("prune sign-in counters", throttle.prune, PRUNE_SECONDS, max_delay=PRUNE_SECONDS)
    try:
        yield
    finally:
        await pruning.stop()
        app.state.hasher.close()
