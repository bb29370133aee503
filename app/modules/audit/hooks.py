"""Starts and stops the audit log: the capture of changes, the access log, and its shipper."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from app.core.config import Settings
from app.core.db.engine import Database
from app.core.db.partitions import FIRST_RUN_SECONDS, INTERVAL_SECONDS, RETRY_SECONDS, make_partitions
from app.core.db.pruning import PruneRule
from app.core.http.module_hooks import ModuleHooks
from app.core.http.state import State
from app.core.runtime.concurrency_limit import ConcurrencyLimit
from app.core.runtime.growth import Growth
from app.core.runtime.periodic_task import PeriodicTask
from app.modules.audit.archive.command import archive, restore
from app.modules.audit.archive.retention import archive_periodically
from app.modules.audit.changes import capture
from app.modules.audit.changes.rewrap import rewrap
from app.modules.audit.commands.seal import seal
from app.modules.audit.drift.command import drift
from app.modules.audit.entries.callers import old_strangers
from app.modules.audit.erasure.erasing import refuse_restoring
from app.modules.audit.erasure.pruning import callers_of_erased
from app.modules.audit.requests.exclusions import check_exclusions
from app.modules.audit.requests.middleware import AccessLogMiddleware
from app.modules.audit.requests.positions import old_positions
from app.modules.audit.requests.shipper import Shipper
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.proofs import count_sealed
from app.modules.audit.sealer.pruning import old_checkpoints
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.sealer.status import warn_of_lag
from app.modules.audit.verifier.command import verify

MAX_READERS = 200
"""Requests of a process that wait for changes at once, and streams of them."""


def install(database: Database) -> None:
    """Record every change of `database`, and refuse to show items of people who were erased."""
    capture.install(database)
    database.hooks.before_write.append(refuse_restoring)


@asynccontextmanager
async def lifespan(state: State) -> AsyncIterator[None]:
    check_exclusions(state.settings.audit.access_exclude, state.route_index.prefix)
    state.access_log = shipper = Shipper(state.database)
    async with AsyncExitStack() as stack:
        growth = Growth(
            "sealed changes",
            partial(count_sealed, state.database, Log.changes),
            state.settings.audit.tick,
            ConcurrencyLimit("readers of changes", MAX_READERS, queue=0),
        )
        state.sealed_changes = await stack.enter_async_context(growth.run_in_background())
        state.before_stop.append(growth.end)
        if state.settings.seals_inline:
            signers = load_signers(state.settings)
            await stack.enter_async_context(Sealer(state.database, signers).run_in_background(state.outgoing))
            await stack.enter_async_context(archive_periodically(state.database, signers))
        if not state.database.is_sqlite:
            work, name = partial(make_partitions, state.database), "make partitions"
            made = PeriodicTask(name, work, INTERVAL_SECONDS, RETRY_SECONDS, first_after=FIRST_RUN_SECONDS)
            stack.push_async_callback(made.stop)
        shipper.start()
        stack.push_async_callback(shipper.stop)
        state.readiness_warnings.append(partial(warn_of_lag, state.database))
        yield


def prune_rules(settings: Settings) -> Iterable[PruneRule]:
    return [
        old_positions(settings.state_dir / "spool", timedelta(days=settings.retention.spool_days)),
        old_strangers(timedelta(days=settings.audit.address_days)),
        callers_of_erased(),
        old_checkpoints(timedelta(days=settings.retention.checkpoint_days)),
    ]


HOOKS = ModuleHooks(
    install=install,
    lifespan=lifespan,
    middleware=AccessLogMiddleware,
    prune_rules=prune_rules,
    commands={
        "archive": archive,
        "drift": drift,
        "restore": restore,
        "rewrap": rewrap,
        "seal": seal,
        "verify": verify,
    },
)
