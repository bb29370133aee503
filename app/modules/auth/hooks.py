"""The life of what sign-in needs: the hashing thread and the token ring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.core.db import Database
from app.core.security import Hasher, Tokens


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    options = database.settings.auth
    app.state.hasher = Hasher(options.hash_queue)
    app.state.tokens = Tokens(options, database.keys.signing_pems)
    try:
        yield
    finally:
        app.state.hasher.close()
