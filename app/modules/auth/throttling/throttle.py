"""Throttling of guesses. Attempts are counted before they are checked, so that parallel ones count as well.

A counter decays: one failure is dropped every 15 minutes, or every minute for an address. At its limit a wait of 30 s
begins, twice as long with each further failure, up to 15 minutes.

A sign-in counts for the typed name, for the address, and for that name from that address. The owner of a name is not
locked out by others: while the name or the address is blocked, the right password still passes from an address where
the owner signed in recently. Such an attempt counts for the third counter only, and anything but a right password is
answered as blocked. So the answer, the counters and the work are the same whether a name exists or not, and a right
password takes back what it counted and nothing else: otherwise those who guess would see that its owner signed in.

Changes of the own e-mail are counted too, because each tells whether an address is taken: one is dropped a day, and
waits grow to eight hours.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.clock import now, span_between
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.errors import TooManyRequests
from app.core.fields.folding import fold_email
from app.core.fields.ip_address import rate_limit_key
from app.core.security.encryption import keyed_hash
from app.modules.auth.models import SignInCounter
from app.modules.auth.repository import CounterRepository, LockedCounters
from app.modules.sessions import LoginRepository

FIRST_WAIT = 30
LONGEST_WAIT = 900
LONGEST_WAITS = {"email": 8 * 3600}
KNOWN_ADDRESS_AGE = timedelta(days=30)
ADDRESS, IDENTIFIER, RESET = "address", "identifier", "password-reset"
MAX_RESETS = 3
"""Mails by which a password is set, for one name, before waits begin."""
DECAY_SECONDS = {ADDRESS: 60, "email": 86_400}
DEFAULT_DECAY_SECONDS = 900
NO_USER = UUID(int=0)

CounterLimits = dict[str, int]
"""By counter: the number of failures at which waiting begins."""


@dataclass(frozen=True)
class Reservation:
    """An attempt that was counted. With a `wait` (in seconds) it is blocked for all but the owner of the name."""

    counted: CounterLimits
    wait: int = 0


class TooManyAttempts(TooManyRequests):
    """Too many guesses, or changes of the own e-mail; `Retry-After` says how long to wait."""

    code = "too-many-attempts"
    remedy = "Wait as many seconds as `Retry-After` says. An administrator can unlock the account."


@dataclass
class Throttle:
    """Counts attempts. Each call is a unit of work of its own, so that it counts even if the request then fails."""

    database: Database
    context: RequestContext

    async def reserve_sign_in(self, identifier_digest: str, user_id: UUID | None) -> Reservation:
        """Count an attempt to sign in as a user, or by a name that no user has.

        Raises TooManyAttempts if not even the owner of the name may pass.
        """
        limit, name = self.database.settings.auth.account_failures, f"{IDENTIFIER}:{identifier_digest}"
        for_owner = f"{name}:{rate_limit_key(self.context.ip)}"
        limits = {name: limit, **self.address_counter(), for_owner: limit}
        return await self.reserve(limits, user_id, for_owner=for_owner)

    async def has_signed_in_here(self, user_id: UUID | None) -> bool:
        """Whether the user signed in from this address recently. An unknown user costs a query as well."""
        logins = LoginRepository(self.database.read_session(self.context))
        return await logins.has_signed_in_from(user_id or NO_USER, self.context.ip, now() - KNOWN_ADDRESS_AGE)

    def account_counter(self, kind: str, user_id: UUID) -> CounterLimits:
        """The counter of an authenticated user who enters the password or a code again, or changes the e-mail."""
        return {f"{kind}:{user_id}": self.database.settings.auth.account_failures}

    def reset_counter(self, identifier_digest: str) -> CounterLimits:
        """The counter of mails by which the password of a name is set."""
        return {f"{RESET}:{identifier_digest}": MAX_RESETS}

    def address_counter(self) -> CounterLimits:
        """The counter of the address of a caller who is not signed in."""
        return {f"{ADDRESS}:{rate_limit_key(self.context.ip)}": self.database.settings.auth.address_failures}

    async def reserve(
        self, limits: CounterLimits, user_id: UUID | None, *, for_owner: str | None = None
    ) -> Reservation:
        """Count an attempt at the account of a user as failed.

        Raises TooManyAttempts, and counts nothing, while attempts are blocked. Where only counters other than
        `for_owner` are blocked, the attempt counts for that one, and has a `wait`.
        """
        while True:
            async with self.database.unit_of_work(self.context) as session:
                locked = await CounterRepository(session).lock(limits)
                if locked is not None:
                    return count_attempt(locked, limits, user_id, for_owner)
            # another transaction, so that no other attempt waits for what this one has locked
            async with self.database.unit_of_work(self.context) as session:
                await CounterRepository(session).add(limits)

    async def release(self, counted: CounterLimits) -> None:
        """Take back an attempt that was not checked."""
        async with self.database.unit_of_work(self.context) as session:
            await CounterRepository(session).take_back(counted)

    async def clear(self, counted: CounterLimits) -> None:
        """Reset the counters after a correct attempt."""
        async with self.database.unit_of_work(self.context) as session:
            await reset_counters(session, counted)


async def reset_counters(session: Session, counted: CounterLimits) -> None:
    """Reset the counters of an authenticated user after a correct attempt."""
    await CounterRepository(session).reset(counted)


def count_attempt(
    locked: LockedCounters, limits: CounterLimits, user_id: UUID | None, for_owner: str | None
) -> Reservation:
    """Count an attempt in the counters that it is for. Raises TooManyAttempts."""
    rows, at = locked
    blocked = {name for name, row in rows.items() if wait_of(row, at)}
    if blocked and (for_owner is None or for_owner in blocked):
        raise too_many_attempts(longest_wait(rows, at))
    counted = {name: limit for name, limit in limits.items() if not blocked or name == for_owner}
    for name, limit in counted.items():
        rows[name].user_id = user_id if kind_of(name) != "address" else None
        count(rows[name], limit, at)
    return Reservation(counted, longest_wait(rows, at) if blocked else 0)


def count(row: SignInCounter, limit: int, at: datetime) -> None:
    """Count one more failure; at the limit a wait begins."""
    decay(row.id, row, at)
    row.failures += 1
    excess = row.failures - limit
    row.blocked_until = at + wait_after(row.id, excess) if excess >= 0 else None


def decay(name: str, row: SignInCounter, at: datetime) -> None:
    """Drop the failures that have decayed; `updated_at` is the instant up to which that is done."""
    seconds = DECAY_SECONDS.get(kind_of(name), DEFAULT_DECAY_SECONDS)
    start = min(row.updated_at, at)  # a counter ahead of the clock begins to decay now
    decayed = int(span_between(start, at).total_seconds() // seconds)
    row.updated_at = at if decayed >= row.failures else start + timedelta(seconds=decayed * seconds)
    row.failures = max(row.failures - decayed, 0)


def wait_of(row: SignInCounter, at: datetime) -> timedelta:
    """How long the next attempt has to wait: never longer than the longest wait, whatever a clock has done."""
    return min(span_between(at, row.blocked_until or at), timedelta(seconds=limit_of_wait(row.id)))


def longest_wait(rows: Mapping[str, SignInCounter], at: datetime) -> int:
    """Seconds until none of the counters is blocked."""
    return math.ceil(max(wait_of(row, at) for row in rows.values()).total_seconds())


def too_many_attempts(seconds: int) -> TooManyAttempts:
    return TooManyAttempts(f"Too many attempts; wait {seconds} seconds.", Retry_After=str(seconds))


def wait_after(name: str, excess: int) -> timedelta:
    """The wait after `excess` failures beyond the limit."""
    return timedelta(seconds=min(FIRST_WAIT * 2 ** min(excess, 10), limit_of_wait(name)))


def limit_of_wait(name: str) -> int:
    return LONGEST_WAITS.get(kind_of(name), LONGEST_WAIT)


def kind_of(name: str) -> str:
    return name.partition(":")[0]


def hash_identifier(key: bytes, identifier: str) -> str:
    """The keyed hash of a typed name, the same in all its spellings. Counters use it, and the login log for an unknown
    name."""
    return keyed_hash(key, fold_email(identifier).encode("utf-8", "replace")).hex()
