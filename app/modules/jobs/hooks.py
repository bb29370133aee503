"""Stores the jobs that are asked for, and runs them in the processes of the API where the settings say so."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module

import structlog

from app.core.config import Environment, JobSettings, Settings
from app.core.db.engine import Database
from app.core.db.pruning import PruneRule, old_entities
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.jobs.schedules import schedules
from app.modules.jobs.brokers.relay import tell_workers
from app.modules.jobs.commands.doctor import doctor
from app.modules.jobs.commands.jobs import cancel, list_jobs, retry, show_job
from app.modules.jobs.models import Job
from app.modules.jobs.running.command import worker
from app.modules.jobs.running.in_process import run_process_jobs
from app.modules.jobs.schedules.command import scheduler
from app.modules.jobs.schedules.scheduler import run_schedules
from app.modules.jobs.service import forget, store_job

log = structlog.get_logger(__name__)

RECEIVING = "app.modules.jobs.running.receiving"
"""The module that receives jobs: it imports Taskiq, which is slow."""
FIRST_ANSWER_SECONDS = 0.25
"""How long a process that has just started listens before it imports that."""
SPARE_SECONDS = 5.0
"""How long before its process is killed a job is undone: a job that is killed has lost an attempt."""


def install(database: Database) -> None:
    database.hooks.store_job = store_job
    database.hooks.are_workers_told = database.settings.jobs.has_broker
    database.hooks.erase.append(forget)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    """Run jobs in this process, if it is to, and ask for those of schedules. Else tell workers of new jobs."""
    is_inline = runs_inline(state.settings)
    asks = is_inline and state.settings.jobs.scheduler
    own = run_process_jobs(state.database, state.outgoing, inline_settings(state.settings), end_process)
    runs_or_tells = run_inline(state) if is_inline else tell(state)
    async with own, run_schedules(state.database, schedules, asks=asks), runs_or_tells:
        yield


@asynccontextmanager
async def tell(state: State) -> AsyncIterator[None]:
    """Tell workers of the jobs that this process asks for, where a broker does."""
    async with tell_workers(state.database) as channel:

        async def warn() -> list[str]:
            is_away = channel is not None and channel.is_away
            return ["The broker of jobs is away: jobs begin later."] if is_away else []

        state.readiness_warnings.append(warn)
        yield


@asynccontextmanager
async def run_inline(state: State) -> AsyncIterator[None]:
    """Run jobs in this process, which answers requests already while it imports what runs them."""
    is_over = asyncio.Event()
    running = asyncio.create_task(run_until(is_over, state), name="jobs in this process")
    try:
        yield
    finally:
        is_over.set()
        await running


async def run_until(is_over: asyncio.Event, state: State) -> None:
    """Run jobs until the event is set. Ends the process where that fails before."""
    try:
        await asyncio.sleep(FIRST_ANSWER_SECONDS)
        receiving = await asyncio.to_thread(import_module, RECEIVING)
        settings, on_stop = inline_settings(state.settings), state.before_stop.append
        async with receiving.run_jobs(state.database, state.outgoing, settings, end_process, on_stop):
            await is_over.wait()
    except Exception:
        log.exception("jobs_are_not_received")
        end_process()


def runs_inline(settings: Settings) -> bool:
    """Whether the processes of the API run jobs."""
    is_alone = settings.is_sqlite or settings.environment is Environment.development
    return (settings.jobs.mode or ("embedded" if is_alone else "table")) == "embedded"


def inline_settings(settings: Settings) -> JobSettings:
    """The settings of jobs in a process that is killed SERVER__STOP_SECONDS after it was told to stop."""
    longest = max(0.0, settings.server.stop_seconds - SPARE_SECONDS)
    return settings.jobs.model_copy(update={"drain_seconds": min(settings.jobs.drain_seconds, longest)})


def end_process() -> None:
    """Tell this process to stop, as its supervisor would."""
    os.kill(os.getpid(), signal.SIGTERM)


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    return [old_entities(Job, "ended_at", timedelta(days=settings.retention.job_days))]


HOOKS = ModuleHooks(
    after=("audit", "rbac"),
    install=install,
    lifespan=lifespan,
    prune_rules=prune_rules,
    commands={
        "doctor": doctor,
        "jobs cancel": cancel,
        "jobs list": list_jobs,
        "jobs retry": retry,
        "jobs show": show_job,
        "scheduler": scheduler,
        "worker": worker,
    },
)
