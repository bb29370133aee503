"""How the record is wired into the application: capture, access log, and the shipper's life."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.core.db import Database
from app.modules.audit import capture
from app.modules.audit.middleware import AccessLog
from app.modules.audit.shipper import Shipper

middleware = AccessLog


def install(database: Database) -> None:
    capture.install(database)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.shipper = Shipper(app.state.database)
    app.state.shipper.start()
    try:
        yield
    finally:
        await app.state.shipper.stop()
