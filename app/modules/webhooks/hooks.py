"""Follows the events for webhooks in the processes of the API, and declares the pruning of attempts."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_rows
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.webhooks.following.follower import Follower
from app.modules.webhooks.models import WebhookAttempt
from app.modules.webhooks.service import forget


def install(database: Database) -> None:
    database.hooks.erase.append(forget)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    """Follow the events, unless the settings leave that to other processes."""
    seconds = state.settings.webhooks.follow_seconds
    if not seconds:
        yield
        return
    task = PeriodicTask("webhooks", Follower(state.database).run, seconds)
    try:
        yield
    finally:
        await task.stop()


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    return [old_rows(WebhookAttempt, "at", timedelta(days=settings.retention.webhook_days))]


HOOKS = ModuleHooks(after=("audit", "jobs"), install=install, lifespan=lifespan, prune_rules=prune_rules)
