"""Starts and stops what signing in needs: the hashing thread and the token keys."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlmodel import col

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_rows
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.security.access_tokens import AccessTokens
from app.core.security.passwords import PasswordHasher
from app.modules.auth.models import SignInCounter
from app.modules.auth.service import forget_counters

COUNTER_AGE, EMAIL_COUNTER_AGE = timedelta(days=2), timedelta(days=30)
"""Longer than counters take to decay; one of changes of the own e-mail takes a day for each."""
MAX_SIGN_INS = 2
"""Sign-ins that hold a database connection at once: parallel ones from one address wait for the same counter."""


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    options = state.settings.auth
    state.password_hasher = PasswordHasher(options.hash_queue)
    state.sign_in_limit = ConcurrencyLimit("sign-ins", MAX_SIGN_INS, options.hash_queue)
    state.access_tokens = AccessTokens(options, state.database.keys.signing_pems)
    try:
        yield
    finally:
        state.password_hasher.close()


def prune_rules(_settings: Settings) -> Iterable[PruneRule]:
    counts_emails = col(SignInCounter.id).startswith("email:")
    return [
        old_rows(SignInCounter, "updated_at", COUNTER_AGE, ~counts_emails),
        old_rows(SignInCounter, "updated_at", EMAIL_COUNTER_AGE, counts_emails),
    ]


def install(database: Database) -> None:
    database.hooks.erase.append(forget_counters)


HOOKS = ModuleHooks(after=("audit",), install=install, lifespan=lifespan, prune_rules=prune_rules)
