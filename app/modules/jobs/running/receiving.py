"""Receives jobs in a process, until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from taskiq.receiver import Receiver

from app.core.config import JobSettings
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.jobs import NEW_JOBS
from app.core.outgoing import Outgoing
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.jobs.brokers.channel import keep_channel
from app.modules.jobs.brokers.relay import run_relay
from app.modules.jobs.running.broker import TableBroker
from app.modules.jobs.running.hinted import HintedBroker
from app.modules.jobs.running.worker import OBEY_SECONDS, Worker

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 3.0
"""How soon a job learns that it was cancelled."""


@asynccontextmanager
async def run_jobs(
    database: Database,
    outgoing: Outgoing,
    settings: JobSettings,
    end_process: Callable[[], None],
    on_stop: Callable[[Callable[[], None]], None],
) -> AsyncIterator[Worker]:
    """Run jobs while the block runs. At its end those that run have some time, and then are undone.

    `on_stop` is given what stops the claiming of jobs early. `end_process` is called where jobs cannot be received any
    more: a process that seems to work and does not is worse than none.
    """
    worker = Worker(database, outgoing, settings, end_process)
    async with find_jobs(database, worker) as broker:
        receiver = Receiver(broker, max_async_tasks=settings.concurrency, run_startup=False, validate_params=False)
        finish = asyncio.Event()
        on_stop(finish.set)
        heartbeat = PeriodicTask("job leases", worker.renew, min(HEARTBEAT_SECONDS, settings.lease_seconds / 3))
        receiving = asyncio.create_task(receive(receiver, finish, end_process), name="jobs")
        try:
            yield worker
        finally:
            finish.set()
            await drain(worker, receiving)
            await heartbeat.stop()


@asynccontextmanager
async def find_jobs(database: Database, worker: Worker) -> AsyncIterator[TableBroker]:
    """What claims jobs for a worker, as soon as this process has committed one, or a broker tells of one."""
    if worker.settings.has_broker:
        hinted = HintedBroker(worker)
        async with keep_channel(hinted.channel), run_relay(database, hinted.channel, worker.settings.poll_seconds):
            yield hinted
        return
    broker = TableBroker(worker)
    database.hooks.after_commit.append(wake := wake_after_commit(broker))
    try:
        yield broker
    finally:
        database.hooks.after_commit.remove(wake)


async def receive(receiver: Receiver, finish: asyncio.Event, end_process: Callable[[], None]) -> None:
    """Receive jobs until told to finish. Ends the process where the receiver ends before."""
    try:
        await receiver.listen(finish)
    finally:
        if not finish.is_set():
            log.error("jobs_are_not_received")
            end_process()


def wake_after_commit(broker: TableBroker) -> Callable[[Session], None]:
    """What looks for a job as soon as this process has committed one."""

    def wake(session: Session) -> None:
        if session.info.get(NEW_JOBS):
            broker.wake()

    return wake


async def drain(worker: Worker, receiving: asyncio.Task[None]) -> None:
    """Wait for jobs that run; after some time they are told to stop, and given back."""
    await asyncio.wait([receiving], timeout=worker.settings.drain_seconds)
    worker.stop_all()
    await asyncio.wait([receiving], timeout=OBEY_SECONDS)
    receiving.cancel()
    await asyncio.wait([receiving])
