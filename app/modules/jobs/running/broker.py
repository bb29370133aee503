"""Taskiq's broker over the table of the queue: what it receives are claims of this worker."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import structlog
from taskiq import AsyncBroker, BrokerMessage
from taskiq.message import TaskiqMessage

from app.core.db.session import AnyRow
from app.modules.jobs.running.worker import Worker

log = structlog.get_logger(__name__)

RUN = "run"
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to reach a database that is away."""


class TableBroker(AsyncBroker):
    """Claims a job whenever the receiver has a free place, and has it run."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.worker = worker
        self.claims: dict[str, AnyRow] = {}
        """What was received and is not done, by lease."""
        self.woken = asyncio.Event()

        async def run_claim(lease: str) -> None:  # Taskiq renames it, and a method has no name of its own
            try:
                await worker.run(self.claims[lease])
            finally:
                del self.claims[lease]

        self.register_task(run_claim, task_name=RUN)

    def wake(self) -> None:
        """Look for a job now."""
        self.woken.set()

    async def kick(self, message: BrokerMessage) -> None:
        """Refuse to send: a job is sent by its row."""
        raise NotImplementedError(f"{message.task_name} is asked for with enqueue()")

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """The claims of this worker, as messages. A database that is away is tried again, ever less often."""
        pause, goes_on = self.worker.settings.poll_seconds, True
        while True:
            self.woken.clear()
            try:
                claim = await self.claim()
            except Exception as error:  # noqa: BLE001  # whatever it was, the next one may succeed
                log.warning("job_not_claimed", cause=type(error).__name__)
                pause = min(pause * 2, LONGEST_PAUSE)
                await self.sleep(pause)
                continue
            pause = self.worker.settings.poll_seconds
            if claim is None:
                goes_on = False
            else:
                yield self.message_of(claim)
            goes_on = goes_on or await self.wait()

    async def wait(self) -> bool:
        """Wait until there may be jobs. True: claim until there is none; False: claim one."""
        await self.sleep(self.worker.settings.poll_seconds)
        return True

    async def claim(self) -> AnyRow | None:
        """Claim a job. One that is claimed while the receiver stops is given back, so that no attempt is lost."""
        claiming = asyncio.ensure_future(self.take())
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claim = await claiming
            if claim is not None:
                await self.worker.give_back(claim)
            raise

    async def take(self) -> AnyRow | None:
        """Claim a job, and do what has to be done before it runs."""
        return await self.worker.claim()

    async def sleep(self, seconds: float) -> None:
        """Wait until the time is over, or there is something new."""
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return

    def message_of(self, claim: AnyRow) -> bytes:
        """A claim as the receiver reads it."""
        lease: UUID = claim.lease
        self.claims[str(lease)] = claim
        message = TaskiqMessage(task_id=str(claim.id), task_name=RUN, labels={}, args=[str(lease)], kwargs={})
        return self.formatter.dumps(message).message
