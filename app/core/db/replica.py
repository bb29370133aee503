"""Reads from a replica that streams the WAL of the primary, once it has replayed what a read must not miss.

A read must not miss what its own principal wrote, nor what is older than a few seconds. Both are positions in the WAL:
one of each principal, taken after its last commit, and one for all, the floor.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import DatabaseSettings
from app.core.db.driver.link import Link
from app.core.db.driver.reader import Reader
from app.core.db.integrity import to_problem
from app.core.errors import DatabaseUnavailable, Problem, Unavailable
from app.core.runtime.periodic_task import PeriodicTask

if TYPE_CHECKING:
    from app.core.runtime.redis import SharedRedis

log = structlog.get_logger(__name__)

SAMPLE_SECONDS = 1.0
ANSWER_SECONDS = 3.0
"""Longest read of the replica; then the primary is asked."""
BACK_OFF_SECONDS = 5.0
PASSED = 4
"""After so many times the lag, the floor of every process is above a position: what is shared can go."""
POSITIONS = "attest:wal-positions"
START_OF_WAL: Any = literal_column("'0/0'::pg_lsn")
WRITTEN: Any = select(func.pg_wal_lsn_diff(func.pg_current_wal_insert_lsn(), START_OF_WAL))
REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') END"


class Replica:
    """Decides for each read whether the replica may answer it. Positions are bytes since the start of the WAL."""

    def __init__(self, options: DatabaseSettings, reader: Reader, primary: Reader) -> None:
        self.lag_seconds = options.replica_lag_seconds
        self.reader = reader
        self.primary = primary
        self.positions: dict[UUID, int] = {}
        """Of principals that wrote in this process, as far as they are above the floor."""
        self.samples: list[tuple[float, int]] = []
        """Positions of the primary by time (monotonic)."""
        self.floor = 0
        """The position that the primary had some seconds ago. No read is below it."""
        self.replayed: WeakKeyDictionary[Link, int] = WeakKeyDictionary()
        """What the server of a connection has replayed at least. Another one, or after a restart, may be behind it."""
        self.retry_at = -math.inf
        self.redis: SharedRedis | None = None

    async def sample(self) -> bool:
        """Read the position of the primary, raise the floor, and forget positions that it has passed."""
        at = monotonic()
        self.samples.append((at, await self.read_position()))
        old = [position for time, position in self.samples if time <= at - self.lag_seconds]
        self.floor = old[-1] if old else self.samples[0][1]
        self.positions = {who: position for who, position in self.positions.items() if position > self.floor}
        passed = [position for time, position in self.samples if time <= at - PASSED * self.lag_seconds]
        self.samples = self.samples[len(passed) :]
        if passed and self.redis is not None:
            await self.redis.drop_maxima(POSITIONS, passed[-1])
        return False

    async def read_position(self) -> int:
        """The position up to which the primary has written."""
        return int((await self.primary.fetch(WRITTEN))[0][0])

    async def note_write(self, principal_id: UUID) -> None:
        """Note that the principal has committed. Reads wait for it where its position cannot be read."""
        try:
            position = await self.read_position()
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            self.pause(2 * (self.lag_seconds + SAMPLE_SECONDS), error)  # until the floor is above that commit
            return
        self.positions[principal_id] = max(position, self.positions.get(principal_id, 0))
        if self.redis is not None:
            from app.core.runtime.redis import RedisUnavailable  # noqa: PLC0415  # see the module: slow to import

            try:
                await self.redis.raise_maximum(POSITIONS, str(principal_id), position)
            except RedisUnavailable as error:
                log.warning("position_not_shared", cause=type(error).__name__)

    async def fetch(
        self, principal_id: UUID | None, statement: object, values: Mapping[str, Any] | None = None
    ) -> Sequence[Any] | None:
        """The rows of a select; None where the primary must answer it. Raises what `Reader.fetch` raises."""
        position = await self.position_for(principal_id)
        if position is None:
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self.reader.fetch_if(partial(self.has_replayed, position), statement, values)
        except (TimeoutError, Problem, SQLAlchemyError) as error:
            problem = to_problem(error) if isinstance(error, SQLAlchemyError) else error
            if not isinstance(problem, (TimeoutError, Unavailable)):
                raise
            self.pause(BACK_OFF_SECONDS, error)
            return None

    async def position_for(self, principal_id: UUID | None) -> int | None:
        """The position below which a read of the principal misses something; None while that is unknown."""
        now = monotonic()
        if now < self.retry_at or not self.samples or self.samples[-1][0] < now - self.lag_seconds:
            return None
        if principal_id is None:
            return self.floor
        position = max(self.floor, self.positions.get(principal_id, 0))
        if self.redis is None:
            return position
        from app.core.runtime.redis import RedisUnavailable  # noqa: PLC0415  # see the module: slow to import

        try:
            return max(position, await self.redis.maximum(POSITIONS, str(principal_id)))
        except RedisUnavailable:
            return None

    async def has_replayed(self, position: int, link: Link) -> bool:
        """Whether the server of `link` has replayed the WAL up to `position`, and is a replica still."""
        if self.replayed.get(link, -1) < position:
            replayed = (await link.fetch(REPLAYED, ()))[0][0]
            self.replayed[link] = -1 if replayed is None else int(replayed)
        return self.replayed[link] >= position

    def pause(self, seconds: float, error: BaseException) -> None:
        """Ask the primary only, for so long."""
        log.warning("replica_paused", seconds=seconds, cause=type(error).__name__)
        self.retry_at = max(self.retry_at, monotonic() + seconds)


class ReplicaReader:
    """Runs the selects of one principal on the replica where it can, else on the primary."""

    def __init__(self, replica: Replica, principal_id: UUID | None) -> None:
        self.dialect = replica.primary.dialect
        self.replica = replica
        self.principal_id = principal_id

    async def fetch(self, statement: object, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        rows = await self.replica.fetch(self.principal_id, statement, values)
        return await self.replica.primary.fetch(statement, values) if rows is None else rows


@asynccontextmanager
async def sample_primary(replica: Replica | None, redis: "SharedRedis | None") -> AsyncIterator[None]:
    """Read the position of the primary periodically. Processes share those of principals by Redis, if there is one."""
    if replica is None:
        yield
        return
    replica.redis = redis
    task = PeriodicTask("sample the WAL", replica.sample, SAMPLE_SECONDS, max_delay=SAMPLE_SECONDS)
    try:
        yield
    finally:
        await task.stop()
