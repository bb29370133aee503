"""Starts and stops permissions: the policy guard, security events, the authenticator and its cache."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import event

from app.core.db.engine import Database
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.rbac.engine import invalidation, policy_guard
from app.modules.rbac.engine.authenticator import CredentialAuthenticator
from app.modules.rbac.engine.listener import Listener

POLL_SECONDS = 0.5
LISTEN_RETRY_SECONDS = 1.0
PRUNE_SECONDS = 300.0


def install(database: Database) -> None:
    """Install the policy guard first, and security events last, so that their lock is held for the shortest time."""
    policy_guard.install(database)
    invalidation.install(database)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    database = state.database
    state.authenticator = authenticator = CredentialAuthenticator(database, state.access_tokens)
    feed = authenticator.feed
    after_commit = (database.session_class, "after_commit", feed.after_commit)
    event.listen(*after_commit)
    poll = PeriodicTask("poll security events", feed.poll, POLL_SECONDS, max_delay=POLL_SECONDS)
    tasks = [poll, PeriodicTask("prune security events", feed.prune, PRUNE_SECONDS, max_delay=PRUNE_SECONDS)]
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
        event.remove(*after_commit)  # SQLAlchemy keeps a listener, and the database that it refers to, for ever


HOOKS = ModuleHooks(after=("audit", "auth"), install=install, lifespan=lifespan)
