"""How fast anybody may guess: attempts are counted before they are judged, so that parallel ones count as well.

An attempt at an account from an address where its owner signed in lately has a counter of its own: strangers who guess
elsewhere do not keep the owner out. Whoever waits, waits for 30 s, then twice as long each time, up to 15 minutes.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.core.context import RequestContext
from app.core.db import Database, Session
from app.core.errors import TooManyRequests
from app.core.types import now
from app.modules.auth.models import SignInCounter
from app.modules.auth.repository import CounterRepository, LoginRepository

FIRST_WAIT = 30
LONGEST_WAIT = 900
FORGOTTEN_AFTER = timedelta(hours=1)
KNOWN_FOR = timedelta(days=30)

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

    async def counters(self, user_id: UUID | None, identifier_digest: str) -> Allowed:
        """The counters of an attempt at this account, or at an identifier that is nobody's."""
        options, ip = self.database.settings.auth, self.context.ip
        account = f"account:{user_id}" if user_id else f"identifier:{identifier_digest}"
        if user_id:
            logins = LoginRepository(self.database.reading(self.context))
            account += f":{ip}" if await logins.knows(user_id, ip, now() - KNOWN_FOR) else ""
        return {account: options.account_failures, f"address:{ip}": options.address_failures}

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
                row.failures = 1 if row.updated_at < at - FORGOTTEN_AFTER else row.failures + 1
                row.updated_at = at
                excess = row.failures - allowed[name]
                row.blocked_until = at + wait(excess) if excess >= 0 else None

    async def release(self, allowed: Allowed) -> None:
        """Take back an attempt that was not judged."""
        async with self.database.unit_of_work(self.context) as session:
            for name, row in (await CounterRepository(session).lock(allowed)).items():
                take_back(row, allowed[name])

    async def clear(self, allowed: Allowed) -> None:
        """The attempt was right."""
        async with self.database.unit_of_work(self.context) as session:
            await forgive(session, allowed)


async def forgive(session: Session, allowed: Allowed) -> None:
    """The attempt was right (in the transaction of what it was for): the account starts anew, the address one down."""
    for name, row in (await CounterRepository(session).lock(allowed)).items():
        if name.startswith("address:"):
            take_back(row, allowed[name])
        else:
            row.failures, row.blocked_until = 0, None


def take_back(row: SignInCounter, allowed: int) -> None:
    row.failures = max(row.failures - 1, 0)
    if row.failures < allowed:
        row.blocked_until = None


def wait(excess: int) -> timedelta:
    return timedelta(seconds=min(FIRST_WAIT * 2 ** min(excess, 10), LONGEST_WAIT))
