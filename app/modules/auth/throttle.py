"""How fast anybody may guess: attempts are counted before they are judged, so that parallel ones count as well.

A counter leaks: it forgives one failure every so often. At its limit begins a wait of 30 s, twice as long with each
further failure, up to 15 minutes. Sign-ins count for the name that was typed, whether it is somebody's or not, and for
the address; from an address where its owner signed in lately they have a counter of their own, so that strangers who
guess elsewhere keep nobody out.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.core.addresses import counted_as
from app.core.context import RequestContext
from app.core.db import Database, Session
from app.core.errors import TooManyRequests
from app.core.types import now
from app.modules.auth.models import SignInCounter
from app.modules.auth.repository import CounterRepository, LoginRepository

FIRST_WAIT = 30
LONGEST_WAIT = 900
KNOWN_FOR = timedelta(days=30)
FORGIVEN_EVERY = {"address": 60}
FORGIVEN_OTHERWISE = 900
PRUNED_AFTER = timedelta(days=2)
NOBODY = UUID(int=0)

Allowed = dict[str, int]
"""By counter: the failures after which waiting begins."""


class TooManyAttempts(TooManyRequests):
    """Too many wrong guesses; `Retry-After` says how long to wait."""

    code = "too-many-attempts"


@dataclass
class Throttle:
    """Each call is its own durable unit of work."""

    database: Database
    context: RequestContext

    async def of_sign_in(self, user_id: UUID | None, identifier_digest: str) -> Allowed:
        """The counters of an attempt to sign in; the same work for a name that is nobody's."""
        options, ip = self.database.settings.auth, self.context.ip
        logins = LoginRepository(self.database.reading(self.context))
        name = f"identifier:{identifier_digest}"
        if await logins.knows(user_id or NOBODY, ip, now() - KNOWN_FOR):
            return {f"{name}:{counted_as(ip)}": options.account_failures}
        return {name: options.account_failures, f"address:{counted_as(ip)}": options.address_failures}

    def of_account(self, kind: str, user_id: UUID) -> Allowed:
        """The counter of somebody signed in who shows the password, or the second factor, again."""
        return {f"{kind}:{user_id}": self.database.settings.auth.account_failures}

    async def reserve(self, allowed: Allowed) -> None:
        """Count an attempt as failed. Raises TooManyAttempts, and counts nothing, where there is a wait."""
        async with self.database.unit_of_work(self.context) as session:
            rows = await CounterRepository(session).lock(allowed)
            at = now()
            until = max((row.blocked_until for row in rows.values() if row.blocked_until), default=at)
            if until > at:
                seconds = math.ceil((until - at).total_seconds())
                raise TooManyAttempts(f"Too many wrong guesses; wait {seconds} seconds.", Retry_After=str(seconds))
            for name, row in rows.items():
                leak(name, row)
                row.failures += 1
                excess = row.failures - allowed[name]
                row.blocked_until = at + wait(excess) if excess >= 0 else None

    async def release(self, allowed: Allowed) -> None:
        """Take back an attempt that was not judged."""
        async with self.database.unit_of_work(self.context) as session:
            for row in (await CounterRepository(session).lock(allowed)).values():
                take_back(row)

    async def clear(self, allowed: Allowed) -> None:
        """The attempt was right."""
        async with self.database.unit_of_work(self.context) as session:
            await forgive(session, allowed)

    async def prune(self) -> bool:
        """Remove counters that count for nothing any more."""
        async with self.database.unit_of_work(self.context) as session:
            await CounterRepository(session).prune(now() - PRUNED_AFTER)
        return False


async def forgive(session: Session, allowed: Allowed) -> None:
    """The attempt was right (in the transaction of what it was for): the name starts anew, the address is one down."""
    for name, row in (await CounterRepository(session).lock(allowed)).items():
        if name.startswith("address:"):
            take_back(row)
        else:
            row.failures, row.blocked_until = 0, None


def leak(name: str, row: SignInCounter) -> None:
    """Forgive what time has forgiven; `updated_at` is the instant up to which that is done."""
    seconds = FORGIVEN_EVERY.get(name.partition(":")[0], FORGIVEN_OTHERWISE)
    forgiven = int((now() - row.updated_at).total_seconds() // seconds)
    row.updated_at = now() if forgiven >= row.failures else row.updated_at + timedelta(seconds=forgiven * seconds)
    row.failures = max(row.failures - forgiven, 0)


def take_back(row: SignInCounter) -> None:
    """Undo one reservation, and the wait that it began: an attempt is only reserved where there was none."""
    row.failures, row.blocked_until = max(row.failures - 1, 0), None


def wait(excess: int) -> timedelta:
    return timedelta(seconds=min(FIRST_WAIT * 2 ** min(excess, 10), LONGEST_WAIT))
