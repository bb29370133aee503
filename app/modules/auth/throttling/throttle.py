"""Throttling of guesses. Attempts are counted before they are checked, so that parallel ones count as well.

A counter decays: one failure is dropped every 15 minutes, or every minute for an address. At its limit a wait of 30 s
begins, twice as long with each further failure, up to 15 minutes. A sign-in counts for the typed name, whether it
exists or not, and for the address. From an address where the owner of the name signed in recently it has a counter of
its own, so that guesses from elsewhere do not lock the owner out.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.clock import now, span_between
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.errors import TooManyRequests
from app.core.fields.ip_address import rate_limit_key
from app.modules.auth.models import SignInCounter
from app.modules.auth.repository import CounterRepository
from app.modules.sessions import LoginRepository

FIRST_WAIT = 30
LONGEST_WAIT = 900
KNOWN_ADDRESS_AGE = timedelta(days=30)
DECAY_SECONDS = {"address": 60}
DEFAULT_DECAY_SECONDS = 900
PRUNE_AGE = timedelta(days=2)
NO_USER = UUID(int=0)

CounterLimits = dict[str, int]
"""By counter: the number of failures at which waiting begins."""


class TooManyAttempts(TooManyRequests):
    """Too many wrong guesses; `Retry-After` says how long to wait."""

    code = "too-many-attempts"


@dataclass
class Throttle:
    """Counts attempts. Each call is a unit of work of its own, so that it counts even if the request then fails."""

    database: Database
    context: RequestContext

    async def sign_in_counters(self, user_id: UUID | None, identifier_digest: str) -> CounterLimits:
        """The counters of an attempt to sign in. An unknown name costs the same work."""
        options, ip = self.database.settings.auth, self.context.ip
        logins = LoginRepository(self.database.read_session(self.context))
        name = f"identifier:{identifier_digest}"
        if await logins.has_signed_in_from(user_id or NO_USER, ip, now() - KNOWN_ADDRESS_AGE):
            return {f"{name}:{rate_limit_key(ip)}": options.account_failures}
        return {name: options.account_failures, f"address:{rate_limit_key(ip)}": options.address_failures}

    def account_counter(self, kind: str, user_id: UUID) -> CounterLimits:
        """The counter of an authenticated user who enters the password, or a code, again."""
        return {f"{kind}:{user_id}": self.database.settings.auth.account_failures}

    async def reserve(self, allowed: CounterLimits) -> None:
        """Count an attempt as failed. Raises TooManyAttempts, and counts nothing, while attempts are blocked."""
        async with self.database.unit_of_work(self.context) as session:
            rows = await CounterRepository(session).lock(allowed)
            at = await CounterRepository(session).clock()
            until = max((end_of_wait(row, at) for row in rows.values() if row.blocked_until), default=at)
            if until > at:
                seconds = math.ceil((until - at).total_seconds())
                raise TooManyAttempts(f"Too many wrong guesses; wait {seconds} seconds.", Retry_After=str(seconds))
            for name, row in rows.items():
                decay(name, row, at)
                row.failures += 1
                excess = row.failures - allowed[name]
                row.blocked_until = at + wait_after(excess) if excess >= 0 else None

    async def release(self, allowed: CounterLimits) -> None:
        """Take back an attempt that was not checked."""
        async with self.database.unit_of_work(self.context) as session:
            for row in (await CounterRepository(session).lock(allowed)).values():
                undo_reservation(row)

    async def clear(self, allowed: CounterLimits) -> None:
        """Reset the counters after a correct attempt."""
        async with self.database.unit_of_work(self.context) as session:
            await reset_counters(session, allowed)

    async def prune(self) -> bool:
        """Remove counters that have not changed for `PRUNE_AGE`."""
        async with self.database.unit_of_work(self.context) as session:
            await CounterRepository(session).prune(now() - PRUNE_AGE)
        return False


async def reset_counters(session: Session, allowed: CounterLimits) -> None:
    """Reset the counter of a name, and take one attempt off that of an address, after a correct attempt."""
    for name, row in (await CounterRepository(session).lock(allowed)).items():
        if name.startswith("address:"):
            undo_reservation(row)
        else:
            row.failures, row.blocked_until = 0, None


def decay(name: str, row: SignInCounter, at: datetime) -> None:
    """Drop the failures that have decayed; `updated_at` is the instant up to which that is done."""
    seconds = DECAY_SECONDS.get(name.partition(":")[0], DEFAULT_DECAY_SECONDS)
    start = min(row.updated_at, at)  # a counter ahead of the clock begins to decay now
    decayed = int(span_between(start, at).total_seconds() // seconds)
    row.updated_at = at if decayed >= row.failures else start + timedelta(seconds=decayed * seconds)
    row.failures = max(row.failures - decayed, 0)


def end_of_wait(row: SignInCounter, at: datetime) -> datetime:
    """When the next attempt is allowed: never later than the longest wait from now, whatever a clock has done."""
    until = row.blocked_until or at
    return min(until, at + timedelta(seconds=LONGEST_WAIT))


def undo_reservation(row: SignInCounter) -> None:
    """Undo one reservation and the wait that it began: an attempt is reserved only while none is running."""
    row.failures, row.blocked_until = max(row.failures - 1, 0), None


def wait_after(excess: int) -> timedelta:
    """The wait after `excess` failures beyond the limit."""
    return timedelta(seconds=min(FIRST_WAIT * 2 ** min(excess, 10), LONGEST_WAIT))
