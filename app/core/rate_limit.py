"""How many requests anybody may make in a window: counted here, or in Redis for all processes together.

Windows are fixed and the same for everybody: a counter's key holds the number of its window, so one increment answers.
"""

import time
from collections import Counter
from typing import Any

import structlog
from limits import parse
from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from app.core.addresses import counted_as
from app.core.config import Settings
from app.core.context import RequestContext
from app.core.errors import TooManyRequests

log = structlog.get_logger(__name__)

REDIS_SECONDS = 0.25
RETRY_SECONDS = 5.0


class LocalCounts:
    """The counters of this process. The memory storage of `limits` walks over every counter at every increment; here a
    new window forgets the one before."""

    def __init__(self) -> None:
        self.windows: dict[str, tuple[int, Counter[str]]] = {}

    def increment(self, kind: str, window: int, key: str) -> int:
        number, counts = self.windows.get(kind, (-1, Counter()))
        if number != window:
            counts = Counter()
            self.windows[kind] = (window, counts)
        counts[key] += 1
        return counts[key]


class RateLimiter:
    """Counts a request for its principal, or for its address where nobody is signed in.

    Redis that fails is left alone for some seconds; until it is back, each process counts for itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.enabled = settings.rate_limit.enabled
        self.limits = {"principal": parse(settings.rate_limit.principal), "address": parse(settings.rate_limit.address)}
        self.local = LocalCounts()
        self.shared: RedisStorage | None = None
        self.retry_at = 0.0
        if settings.redis_url is not None:
            url = settings.redis_url.get_secret_value()
            self.pool = ConnectionPool.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
            options: dict[str, Any] = {"connection_pool": self.pool}  # allowed, and not in the annotation
            self.shared = RedisStorage(f"async+{url}", wrap_exceptions=True, implementation="redispy", **options)

    async def count(self, context: RequestContext) -> None:
        """Count the request, and say in the headers what is left. Raises TooManyRequests."""
        if not self.enabled:
            return
        who = context.principal
        kind = "principal" if who else "address"
        key = str(who.api_key_id or who.user_id) if who else counted_as(context.ip)
        limit, seconds = self.limits[kind], self.limits[kind].get_expiry()
        window, passed = divmod(int(time.time()), seconds)
        count = await self.increment(kind, window, key, seconds)
        left, rest = max(limit.amount - count, 0), seconds - passed
        context.headers["RateLimit-Policy"] = f'"{kind}";q={limit.amount};w={seconds}'
        context.headers["RateLimit"] = f'"{kind}";r={left};t={rest}'
        if count > limit.amount:
            raise TooManyRequests(f"Too many requests; wait {rest} seconds.", Retry_After=str(rest))

    async def increment(self, kind: str, window: int, key: str, seconds: int) -> int:
        if self.shared is not None and time.monotonic() >= self.retry_at:
            try:
                return await self.shared.incr(f"{kind}/{key}/{window}", seconds)
            except StorageError as error:
                if time.monotonic() >= self.retry_at:
                    log.warning("rate_limits_are_local", cause=type(error.storage_error).__name__)
                self.retry_at = time.monotonic() + RETRY_SECONDS
        return self.local.increment(kind, window, key)

    async def close(self) -> None:
        if self.shared is not None:
            await self.pool.aclose()
