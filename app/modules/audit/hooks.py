"""Starts and stops the audit log: the capture of changes, the access log, and its shipper."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.modules.audit.changes import capture
from app.modules.audit.requests.middleware import AccessLogMiddleware
from app.modules.audit.requests.shipper import Shipper


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    state.access_log = shipper = Shipper(state.database)
    shipper.start()
    try:
        yield
    finally:
        await shipper.stop()


HOOKS = ModuleHooks(install=capture.install, lifespan=lifespan, middleware=AccessLogMiddleware)
