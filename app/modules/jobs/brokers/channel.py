"""The connection of a process to the broker. It is made again whenever it is lost, and nothing waits for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from app.core.config import JobSettings
from app.core.runtime.brokers import close_soon
from app.modules.jobs.brokers.hints import Connection, Hint, Receive, Received

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0
CONFIRM_SECONDS = 5.0
"""A broker that confirms nothing for so long is not there, whatever its connection says."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts to connect."""


async def open_connection(settings: JobSettings, queues: Sequence[str], receive: Receive) -> Connection:
    """Connect to the broker of `settings`. Raises what its client raises, and TimeoutError."""
    async with asyncio.timeout(CONNECT_SECONDS):
        if settings.mode == "nats":
            from app.modules.jobs.brokers.nats import Nats  # noqa: PLC0415  # slow to import, and not always there

            return await Nats.open(settings, queues, receive)
        from app.modules.jobs.brokers.rabbitmq import RabbitMQ  # noqa: PLC0415  # the same

        return await RabbitMQ.open(settings, queues, receive)


class HintChannel:
    """Publishes hints and, where there are `queues`, receives theirs. `wake` is called when there is something new."""

    def __init__(
        self, settings: JobSettings, queues: Sequence[str] = (), wake: Callable[[], None] = lambda: None
    ) -> None:
        self.settings = settings
        self.queues = queues
        self.wake = wake
        self.connection: Connection | None = None
        self.is_listening = False
        self.is_away = False
        """Whether the broker was tried, and is not there."""
        self.is_stopped = False
        self.held: deque[Received] = deque()
        self.changing = asyncio.Lock()
        self.followed: tuple[Connection, bool] | None = None
        """What the broker was told last: whether this process listens, over which connection."""
        self.started: set[asyncio.Task[None]] = set()

    @property
    def is_connected(self) -> bool:
        return self.connection is not None

    async def keep(self) -> None:
        """Be connected, until this is stopped."""
        pause = FIRST_PAUSE
        while not self.is_stopped:  # clients can lose a cancellation while they close
            try:
                connection = await open_connection(self.settings, self.queues, self.receive)
            except Exception as error:  # noqa: BLE001  # whatever it was, the next attempt may succeed
                self.miss(type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            try:
                await self.use(connection)
                self.miss("connection lost")
            finally:
                await close_soon(connection)

    async def use(self, connection: Connection) -> None:
        """Use a connection until it is lost."""
        self.connection, self.is_away = connection, False
        log.info("job_broker_connected", mode=self.settings.mode)
        self.followed = (connection, False)
        try:
            self.start(self.follow())
            self.wake()
            await connection.lost.wait()
        finally:
            self.connection = None
            self.held.clear()

    def miss(self, cause: str) -> None:
        """Say once that the broker is away."""
        if not self.is_away:
            log.warning("job_broker_away", mode=self.settings.mode, cause=cause)
        self.is_away = True
        self.wake()

    async def receive(self, received: Received) -> None:
        """Keep a hint for this process, unless it wants none by now."""
        if not self.is_listening:
            await received.undo()
            return
        self.held.append(received)
        self.wake()

    def want(self, *, is_listening: bool) -> None:
        """Receive hints from now on, or none, and leave those that are here to other processes. No job waits for it."""
        if self.is_listening is not is_listening:
            self.is_listening = is_listening
            self.start(self.follow())

    async def follow(self) -> None:
        """Do at the broker what is wanted by now. A broker that fails is away."""
        async with self.changing:
            connection, wanted = self.connection, self.is_listening
            if connection is None or self.followed == (connection, wanted):
                return
            self.followed = (connection, wanted)
            try:
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await (connection.listen() if wanted else connection.rest())
                    while self.held and not self.is_listening:
                        await self.held.popleft().undo()
            except Exception:  # noqa: BLE001  # whatever it was, a new connection makes up for it
                connection.lost.set()

    def finish(self, received: Received) -> None:
        """Say that a hint has been acted on. If that fails it comes again, which does no harm. No job waits for it."""
        if received.job_id is None:
            log.warning("job_hint_unreadable", mode=self.settings.mode)
        self.start(asyncio.wait_for(received.done(), CONFIRM_SECONDS))

    def start(self, work: Awaitable[object]) -> None:
        """Do something at the broker while the process goes on."""

        async def try_it() -> None:
            with suppress(Exception):
                await work

        task = asyncio.create_task(try_it())
        self.started.add(task)
        task.add_done_callback(self.started.discard)

    async def publish(self, hints: Iterable[Hint]) -> list[Hint]:
        """Send hints. Returns those that the broker has not confirmed."""
        connection, all_hints = self.connection, list(hints)
        if connection is None:
            return all_hints
        sending = [asyncio.wait_for(connection.publish(hint), CONFIRM_SECONDS) for hint in all_hints]
        answers = await asyncio.gather(*sending, return_exceptions=True)
        failed = [hint for hint, answer in zip(all_hints, answers, strict=True) if isinstance(answer, BaseException)]
        if failed:
            connection.lost.set()
        return failed


@asynccontextmanager
async def keep_channel(channel: HintChannel) -> AsyncIterator[HintChannel]:
    """Keep the connection while the block runs."""
    keeping = asyncio.create_task(channel.keep(), name="job broker")
    try:
        yield channel
    finally:
        channel.is_stopped = True
        keeping.cancel()
        await asyncio.wait([keeping, *channel.started])
