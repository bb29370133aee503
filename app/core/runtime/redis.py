"""The Redis that processes share. Imported only where `REDIS_URL` is set, because the client is slow to import."""

from typing import Any

from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from redis.asyncio import Redis
from redis.exceptions import RedisError

REDIS_SECONDS = 0.25
"""Longest wait for Redis; a request waits as long."""


class RedisUnavailable(Exception):
    """Redis did not respond, or refused."""


class SharedRedis:
    """One client and pool for everything that a process keeps in Redis."""

    def __init__(self, url: str) -> None:
        self.client = Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
        options: dict[str, Any] = {"connection_pool": self.client.connection_pool}  # accepted, and not annotated
        self.counters = RedisStorage(f"async+{url}", wrap_exceptions=True, implementation="redispy", **options)

    async def increment(self, name: str, seconds: int) -> int:
        """Increment the counter `name`, which ends after `seconds`, and return it. Raises RedisUnavailable."""
        try:
            return await self.counters.incr(name, seconds)
        except StorageError as error:
            raise RedisUnavailable from error.storage_error

    async def claim(self, name: str, seconds: int) -> bool:
        """Claim `name` for `seconds`; False if it is claimed already. Raises RedisUnavailable."""
        try:
            return bool(await self.client.set(name, 1, nx=True, ex=seconds))
        except (RedisError, OSError) as error:
            raise RedisUnavailable from error

    async def raise_maximum(self, name: str, member: str, value: int) -> None:
        """Keep the largest value of `member` in the set `name`. Raises RedisUnavailable."""
        try:
            await self.client.zadd(name, {member: value}, gt=True)
        except (RedisError, OSError) as error:
            raise RedisUnavailable from error

    async def maximum(self, name: str, member: str) -> int:
        """The largest value of `member`; 0 where it has none. Raises RedisUnavailable."""
        try:
            return int(await self.client.zscore(name, member) or 0)
        except (RedisError, OSError) as error:
            raise RedisUnavailable from error

    async def drop_maxima(self, name: str, limit: int) -> None:
        """Remove the members of the set `name` up to `limit`. Raises RedisUnavailable."""
        try:
            await self.client.zremrangebyscore(name, "-inf", limit)
        except (RedisError, OSError) as error:
            raise RedisUnavailable from error

    async def close(self) -> None:
        await self.client.aclose()
        await self.client.connection_pool.aclose()
