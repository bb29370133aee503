"""Makes the store of responses when the application starts, and declares their pruning."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_rows
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.modules.idempotency.models import IdempotencyKey
from app.modules.idempotency.service import ResponseStore, forget_answers


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    state.idempotency_store = ResponseStore(state.database)
    yield


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    return [old_rows(IdempotencyKey, "created_at", timedelta(hours=settings.limits.idempotency_hours))]


def install(database: Database) -> None:
    database.hooks.erase.append(forget_answers)


HOOKS = ModuleHooks(after=("audit",), install=install, lifespan=lifespan, prune_rules=prune_rules)
