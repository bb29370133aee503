"""`python -m app scheduler`: asks for the jobs of schedules in a process of its own."""

import asyncio
import signal

import structlog

from app.core.db.engine import Database
from app.core.jobs.schedules import schedules
from app.core.runtime.command_result import CommandResult
from app.modules.jobs.brokers.relay import tell_workers
from app.modules.jobs.schedules.scheduler import run_schedules

logger = structlog.get_logger(__name__)


async def scheduler(database: Database) -> CommandResult:
    """Ask for the jobs of schedules until SIGTERM; workers run them. Any number of schedulers may run.

    With JOBS__SCHEDULER=false it asks for none, and waits all the same: a supervisor would start it again and again.
    """
    is_stopped, settings = asyncio.Event(), database.settings.jobs
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_stopped.set)
    async with tell_workers(database), run_schedules(database, schedules, asks=settings.scheduler):
        logger.info("scheduler_started", schedules=len(schedules), is_on=settings.scheduler)
        await is_stopped.wait()
    return CommandResult(["The scheduler has stopped."])
