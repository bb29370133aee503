"""Taskiq's broker over the table of the queue, for workers that a broker tells of jobs."""

from time import monotonic

from app.core.db.session import AnyRow
from app.modules.jobs.brokers.channel import HintChannel
from app.modules.jobs.brokers.hints import Received
from app.modules.jobs.running.broker import TableBroker
from app.modules.jobs.running.worker import Worker


class HintedBroker(TableBroker):
    """Claims the first job of the queue for each hint, and looks for others from time to time all the same.

    Which job is the first one is what the table says, not the order of the hints. While the broker is away this is a
    TableBroker.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker)
        self.channel = HintChannel(worker.settings, worker.settings.queues, self.wake)
        self.hint: Received | None = None
        """The hint that is acted on."""
        self.searched_at = monotonic()
        self.looks_again = False
        """Whether the last hint found no job, so that it is time to look sooner."""

    @property
    def is_full(self) -> bool:
        """Whether the job that was just claimed takes the last free place."""
        return len(self.claims) + 1 >= self.worker.settings.concurrency

    async def take(self) -> AnyRow | None:
        """Claim a job, which ends the hint: a claim outlives this process. Without a free place others get the next."""
        claim = await super().take()
        if claim is not None and self.is_full:
            self.channel.want(is_listening=False)
        if self.hint is not None:
            hint, self.hint = self.hint, None
            self.channel.finish(hint)
            if claim is None and not self.looks_again:  # another process may have locked the row just then
                self.searched_at, self.looks_again = monotonic(), True
        elif claim is None:
            self.searched_at, self.looks_again = monotonic(), False
        return claim

    async def wait(self) -> bool:
        """Wait for a hint, or until it is time to look all the same."""
        settings = self.worker.settings
        self.channel.want(is_listening=True)
        is_told = self.channel.is_connected and not self.looks_again
        pause = settings.sweep_seconds if is_told else settings.poll_seconds
        rest = self.searched_at + pause - monotonic()
        if rest <= 0:
            return True
        if not self.channel.held:
            await self.sleep(rest)
        if not self.channel.held:
            return True
        self.hint = self.channel.held.popleft()
        return False
