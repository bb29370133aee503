"""`python -m app worker`: runs jobs in a process of its own."""

import asyncio
import os
import re
import signal
from typing import Annotated

import structlog
import typer

from app.core.config.jobs import QUEUE_NAME
from app.core.db.engine import Database
from app.core.outgoing import open_outgoing
from app.core.runtime.command_result import CommandResult
from app.modules.jobs.running.in_process import run_process_jobs

logger = structlog.get_logger(__name__)

FAILED = 1


def check_names(names: list[str] | None) -> list[str] | None:
    """The names of queues. Raises BadParameter for what is none."""
    for name in names or ():
        if not re.fullmatch(QUEUE_NAME, name):
            raise typer.BadParameter(f"{name[:64]!r} is no name of a queue")
    return names


Queues = Annotated[
    list[str] | None,
    typer.Option("--queue", callback=check_names, help="A queue to serve; for several, repeat."),
]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Jobs at once. Default: JOBS__CONCURRENCY.")]


async def worker(database: Database, *, queue: Queues = None, concurrency: Concurrency = None) -> CommandResult:
    """Run jobs until SIGTERM, which gives those that run some time. Any number of workers may run."""
    from app.modules.jobs.running.receiving import run_jobs  # noqa: PLC0415  # Taskiq is slow to import

    is_stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_stopped.set)
    changed = {"queues": tuple(queue) if queue else None, "concurrency": concurrency}
    settings = database.settings.jobs.model_copy(update={name: value for name, value in changed.items() if value})
    async with (
        open_outgoing(database.settings.outgoing) as outgoing,
        run_process_jobs(database, outgoing, settings, end_process),
        run_jobs(database, outgoing, settings, end_process, lambda _stop: None),
    ):
        logger.info("worker_started", queues=settings.queues, concurrency=settings.concurrency)
        await is_stopped.wait()
    return CommandResult(["The worker has stopped."])


def end_process() -> None:
    """End the process at once: a job that ignores its end would keep it alive. Its leases end by themselves."""
    os._exit(FAILED)
