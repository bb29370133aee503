"""`python -m app archive` and `restore`."""

from datetime import datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import now
from app.core.db.engine import Database
from app.core.errors import Problem
from app.core.runtime.command_result import CommandResult
from app.modules.audit.archive.archiver import Archiver
from app.modules.audit.archive.entry_file import Unreadable
from app.modules.audit.archive.folder import Folder, Unreachable
from app.modules.audit.archive.manifest import InvalidManifest
from app.modules.audit.archive.periods import find_periods, is_over, month_of, parse_month
from app.modules.audit.archive.refusal import Refused
from app.modules.audit.archive.restorer import restore_month
from app.modules.audit.seal.note import InvalidNote, UnusableKey
from app.modules.audit.sealer.archived import find_archives
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.signers import Signers, load_signers

FILE_ERRORS = (Unreachable, Unreadable, OSError)
ARCHIVE_ERRORS = (Refused, InvalidManifest, InvalidNote, UnusableKey, Problem, SQLAlchemyError, *FILE_ERRORS)
"""Why a month could not be archived or restored."""

Before = Annotated[str | None, typer.Option(help="Archive what was stored before this month, such as 2026-01.")]
To = Annotated[str | None, typer.Option("--to", help="A folder, or s3://bucket/path. Default: AUDIT__ARCHIVE_TO.")]
JsonGz = Annotated[bool, typer.Option("--json-gz", help="Store the entries as JSON too, one on each line.")]
Logs = Annotated[list[Log], typer.Option("--log", help="A log. Default: both. Repeatable.")]
Address = Annotated[str, typer.Argument(metavar="MANIFEST", help="A manifest: a file, or s3://bucket/path/NAME.json.")]


async def archive(
    database: Database,
    *,
    before: Before = None,
    to: To = None,
    json_gz: JsonGz = False,
    log: Logs = [],  # noqa: B006  # Typer makes a new one
) -> CommandResult:
    """Archive closed, sealed months. Without --before: access entries older than RETENTION__ACCESS_DAYS."""
    try:
        logs, end = choose(database, before, log)
        archiver = Archiver(database, Folder(to or default_place(database)), own_signers(database), json_gz=json_gz)
        again = before is not None
        lines = [line for each in logs for line in await archive_before(archiver, each, end, restored=again)]
    except ARCHIVE_ERRORS as error:
        return CommandResult([f"Refused: {error}"], 1)
    return CommandResult(lines or ["There is nothing to archive."])


async def restore(database: Database, manifest: Address) -> CommandResult:
    """Bring an archived month back, so that it can be read. Nothing can be added to it."""
    try:
        folder, name = Folder.split(manifest)
        found = await restore_month(database, folder, name)
    except ARCHIVE_ERRORS as error:
        return CommandResult([f"Refused: {error}"], 1)
    return CommandResult([f"{found.log} {found.month}: {found.count} entries are back."])


def choose(database: Database, before: str | None, logs: list[Log]) -> tuple[list[Log], datetime]:
    """The logs that are archived, and up to when. Raises Refused."""
    if before is None:
        days = database.settings.retention.access_days
        if days is None:
            raise Refused("RETENTION__ACCESS_DAYS is empty: say --before")
        return [Log.access], month_of(now() - timedelta(days=days))
    try:
        end = parse_month(before)
    except ValueError as error:
        raise Refused(f"{before!r} is no month such as 2026-01") from error
    if not is_over(end):
        raise Refused(f"{month_of(now()):%Y-%m} is not over; --before takes a month up to it")
    return logs or list(Log), end


async def archive_before(archiver: Archiver, log: Log, end: datetime, *, restored: bool) -> list[str]:
    """Archive every month of a log that ends before `end`, the oldest first; whether those too that were restored.

    Returns a line for each.
    """
    back = {row.month for row in await find_archives(archiver.session, log) if row.action == "restore"}
    lines = []
    for period in await find_periods(archiver.session, log, end):
        if period.month in back and not restored:
            continue
        manifest = await archiver.archive(period)
        if manifest is not None:
            fate = "dropped from the database" if period.partition else "copied; the database keeps them"
            lines.append(f"{log} {period.month}: {manifest.count} entries, {fate}: {manifest.name}")
    return lines


def default_place(database: Database) -> str:
    """Where archives go, if nothing else is said."""
    return database.settings.audit.archive_to or str(database.settings.state_dir / "archive")


def own_signers(database: Database) -> Signers:
    """The keys that this process could seal with; none in production, unless AUDIT__SEAL_KEY_FILES names them."""
    try:
        return load_signers(database.settings)
    except UnusableKey:
        if database.settings.audit.seal_key_files:
            raise
        return {}
