"""Rate limits: requests of a principal or an address in a window, counted here or in Redis for all processes together.

Windows are fixed, and the same for all callers. The key of a counter holds the number of its window.
"""

import time
from collections import Counter
from typing import TYPE_CHECKING

import structlog
from limits import parse

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.errors import TooManyRequests
from app.core.fields.ip_address import rate_limit_key

if TYPE_CHECKING:
    from app.core.runtime.redis import SharedRedis

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5.0
"""Seconds without an attempt after Redis failed."""


class LocalCounts:
    """The counters of this process. A new window replaces the one before it.

    The memory storage of `limits` iterates over every counter at every increment.
    """

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
    """Counts a request once: for its principal, or for its address where the caller is not authenticated.

    This process counts first, and asks Redis only for what it would allow itself: a flood does not reach Redis. While
    Redis is unavailable, each process counts for itself.
    """

    def __init__(self, settings: Settings, redis: "SharedRedis | None" = None) -> None:
        self.enabled = settings.rate_limit.enabled
        self.limits = {"principal": parse(settings.rate_limit.principal), "address": parse(settings.rate_limit.address)}
        self.local = LocalCounts()
        self.redis = redis
        self.retry_at = 0.0

    async def count(self, context: RequestContext) -> None:
        """Count the request, and add headers with what is left of the limit. Raises TooManyRequests."""
        if not self.enabled or context.is_counted:
            return
        context.is_counted = True
        principal = context.principal
        kind = "principal" if principal else "address"
        key = str(principal.api_key_id or principal.user_id) if principal else rate_limit_key(context.ip)
        limit, seconds = self.limits[kind], self.limits[kind].get_expiry()
        window, passed = divmod(int(time.time()), seconds)
        count = self.local.increment(kind, window, key)
        if count <= limit.amount:
            count = await self.shared_count(f"{kind}/{key}/{window}", seconds, count)
        left, rest = max(limit.amount - count, 0), seconds - passed
        context.headers["RateLimit-Policy"] = f'"{kind}";q={limit.amount};w={seconds}'
        context.headers["RateLimit"] = f'"{kind}";r={left};t={rest}'
        if count > limit.amount:
            raise TooManyRequests(f"Too many requests; wait {rest} seconds.", Retry_After=str(rest))

    async def shared_count(self, key: str, seconds: int, local: int) -> int:
        """The count of `key` in all processes, after this request; `local`, that of this process, without Redis."""
        if self.redis is None or time.monotonic() < self.retry_at:
            return local
        from app.core.runtime.redis import RedisUnavailable  # noqa: PLC0415  # see the module: slow to import

        try:
            return await self.redis.increment(key, seconds)
        except RedisUnavailable as error:
            if time.monotonic() >= self.retry_at:
                log.warning("rate_limits_are_local", cause=type(error.__cause__).__name__)
            self.retry_at = time.monotonic() + RETRY_SECONDS
            return local
