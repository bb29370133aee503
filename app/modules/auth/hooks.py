"""Starts and stops what signing in needs: the hashing thread, the token keys, and the pruning of old counters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.context import RequestContext
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.runtime.periodic_task import PeriodicTask
from app.core.security.access_tokens import AccessTokens
from app.core.security.passwords import PasswordHasher
from app.modules.auth.throttling.throttle import Throttle

PRUNE_SECONDS = 3600.0
MAX_SIGN_INS = 2
"""Sign-ins that hold a database connection at once: parallel ones from one address wait for the same counter."""


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    options = state.settings.auth
    state.password_hasher = PasswordHasher(options.hash_queue)
    state.sign_in_limit = ConcurrencyLimit(MAX_SIGN_INS, options.hash_queue)
    state.access_tokens = AccessTokens(options, state.database.keys.signing_pems)
    throttle = Throttle(state.database, RequestContext.for_job("prune-counters"))
    pruning = PeriodicTask("prune sign-in counters", throttle.prune, PRUNE_SECONDS, max_delay=PRUNE_SECONDS)
    try:
        yield
    finally:
        await pruning.stop()
        state.password_hasher.close()


HOOKS = ModuleHooks(after=("audit",), lifespan=lifespan)
