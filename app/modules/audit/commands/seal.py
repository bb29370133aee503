"""`python -m app seal`: seals the audit log in a process of its own, which alone has the key."""

import asyncio
import signal
from typing import Annotated

import structlog
import typer
from sqlalchemy import update

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.outgoing import open_outgoing
from app.core.runtime.command_result import CommandResult
from app.modules.audit.archive.retention import archive_periodically
from app.modules.audit.seal.note import UnusableKey
from app.modules.audit.sealer.models import AuditSeal
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers

logger = structlog.get_logger(__name__)
seals = table_of(AuditSeal)


AcceptSize = Annotated[bool, typer.Option("--go-on-after-restore", help="Go on though a witness knows more entries.")]


async def seal(database: Database, *, accept: AcceptSize = False) -> CommandResult:
    """Seal the audit log until SIGTERM. Several may run: one seals at a time, and another goes on when it dies."""
    is_stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_stopped.set)
    try:
        signers = load_signers(database.settings)
        if accept:
            await accept_sizes(database)
        async with (
            open_outgoing(database.settings.outgoing) as outgoing,
            Sealer(database, signers).run_in_background(outgoing),
            archive_periodically(database, signers),
        ):
            logger.info("sealer_started", tick=database.settings.audit.tick)
            await is_stopped.wait()
    except UnusableKey as error:
        return CommandResult([f"Refused: {error}"], 1)
    return CommandResult(["The sealer has stopped."])


async def accept_sizes(database: Database) -> None:
    """Go on with logs that were set back, in a new epoch."""
    async with database.unit_of_work(RequestContext.for_job("seal")) as session:
        is_set_back = seals.c.witnessed_size > seals.c.accepted_size
        begun = {"cluster": "", "accepted_size": seals.c.witnessed_size}
        await session.execute(update(seals).where(is_set_back).values(begun))
