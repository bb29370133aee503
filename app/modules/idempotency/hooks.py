"""Starts and stops the store of responses and its pruning."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.idempotency.service import ResponseStore

PRUNE_SECONDS = 3600.0


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    state.idempotency_store = store = ResponseStore(state.database)
    pruning = PeriodicTask("prune idempotency keys", store.prune, PRUNE_SECONDS, max_delay=PRUNE_SECONDS)
    try:
        yield
    finally:
        await pruning.stop()


HOOKS = ModuleHooks(after=("audit",), lifespan=lifespan)
