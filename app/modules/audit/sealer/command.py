"""`python -m app seal`: seals the audit log in a process of its own, which alone has the key."""

import asyncio
import signal

import structlog

from app.core.db.engine import Database
from app.core.runtime.command_result import CommandResult
from app.modules.audit.seal.note import UnusableKey
from app.modules.audit.sealer.sealer import Sealer
from app.modules.audit.sealer.signers import load_signers

logger = structlog.get_logger(__name__)


async def seal(database: Database) -> CommandResult:
    """Seal the audit log until SIGTERM. Several may run: one seals at a time, and another goes on when it dies."""
    try:
        sealer = Sealer(database, load_signers(database.settings))
    except UnusableKey as error:
        return CommandResult([f"Refused: {error}"], 1)
    is_stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_stopped.set)
    sealer.start()
    logger.info("sealer_started", tick=database.settings.audit.tick)
    await is_stopped.wait()
    await sealer.stop()
    return CommandResult(["The sealer has stopped."])
