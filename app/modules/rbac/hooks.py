"""Starts and stops permissions: the policy guard, security events, the authenticator and its cache."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_rows
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.rbac.engine import invalidation, policy_guard
from app.modules.rbac.engine.authenticator import CredentialAuthenticator
from app.modules.rbac.engine.cache import EVENT_AGE
from app.modules.rbac.engine.listener import Listener
from app.modules.rbac.models import SecurityEvent
from app.modules.rbac.repository import old_versions

POLL_SECONDS = 0.5
LISTEN_RETRY_SECONDS = 1.0


def install(database: Database) -> None:
    """Install the policy guard first, and security events last, so that their lock is held for the shortest time."""
    policy_guard.install(database)
    invalidation.install(database)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    database = state.database
    state.authenticator = authenticator = CredentialAuthenticator(database, state.access_tokens)
    feed = authenticator.feed
    database.hooks.after_commit.append(feed.after_commit)
    poll = PeriodicTask("poll security events", feed.poll, POLL_SECONDS, max_delay=POLL_SECONDS)
    tasks = [poll]
    listener = None if database.is_sqlite else Listener(database, poll.wake)
    if listener:
        tasks.append(PeriodicTask("listen", listener.ensure, LISTEN_RETRY_SECONDS))
    try:
        yield
    finally:
        for task in tasks:
            await task.stop()
        if listener:
            await listener.close()
        database.hooks.after_commit.remove(feed.after_commit)


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    kept = settings.retention
    return [
        old_rows(SecurityEvent, "at", EVENT_AGE),
        old_versions(timedelta(days=kept.policy_days), kept.policy_versions),
    ]


HOOKS = ModuleHooks(after=("audit", "auth"), install=install, lifespan=lifespan, prune_rules=prune_rules)
