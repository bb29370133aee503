"""`python -m app verify`: says whether the logs are what was sealed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import structlog
import typer
from sqlalchemy.exc import SQLAlchemyError

from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.errors import Problem
from app.core.runtime.command_result import CommandResult
from app.modules.audit.seal.note import InvalidNote, Note, UnusableKey, VerifierKey
from app.modules.audit.sealer.archived import find_archives
from app.modules.audit.sealer.logs import Log
from app.modules.audit.sealer.proofs import SealedLog
from app.modules.audit.sealer.signers import load_signers
from app.modules.audit.verifier.callers import find_callers
from app.modules.audit.verifier.calls import find_calls
from app.modules.audit.verifier.findings import LogReport, Verdict
from app.modules.audit.verifier.log import LogVerifier
from app.modules.audit.verifier.notes import Signatures, sort_notes
from app.modules.audit.verifier.redactions import verify_redactions

logger = structlog.get_logger(__name__)

STEP = 100_000
"""Progress is shown each time so many entries were verified."""

Files = Annotated[list[Path], typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere. Repeatable.")]
KeyFiles = Annotated[list[Path], typer.Option("--key", help="Verifier keys to trust, one on each line. Repeatable.")]
Folders = Annotated[list[Path], typer.Option("--archive", help="A folder with archives of the logs. Repeatable.")]
FirstSeq = Annotated[int, typer.Option("--from", min=1, help="The first place to verify; the tree before is believed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


async def verify(
    database: Database,
    *,
    checkpoint: Files = [],  # noqa: B006  # Typer makes a new one
    key: KeyFiles = [],  # noqa: B006
    archive: Folders = [],  # noqa: B006
    first: FirstSeq = 1,
    as_json: AsJson = False,
) -> CommandResult:
    """Verify that both logs are what was sealed. Exit code: 0 they are, 1 they were forged, 2 it cannot tell."""
    try:
        notes = [Note.parse(path.read_bytes()) for path in checkpoint]
        given = [VerifierKey.parse(line) for path in key for line in path.read_text().split()]
        reports, obstacles = await verify_logs(database, notes, given or own_keys(database), first, archive)
    except (OSError, InvalidNote, UnusableKey, SQLAlchemyError, Problem) as error:
        return result([], [f"{type(error).__name__}: {error}"], as_json=as_json)
    except Exception as error:  # a crash must not pass for a forgery
        logger.exception("verification_crashed")
        return result([], [f"the verification crashed: {type(error).__name__}"], as_json=as_json)
    return result(reports, obstacles, as_json=as_json)


async def verify_logs(
    database: Database,
    notes: Sequence[Note],
    given: Sequence[VerifierKey],
    first: int,
    folders: Sequence[Path] = (),
) -> tuple[list[LogReport], list[str]]:
    """The report of each log, and what cannot be told of none of them."""
    session = database.read_session(RequestContext.for_job("verify"))
    keys = {log: await SealedLog(session, log).keys() for log in Log}
    of_log = {log: [key for key in given if key.name.endswith(f"/{log}")] for log in Log}
    origins = {log: {key.name for key in (*keys[log], *of_log[log])} for log in Log}
    by_origin, obstacles = sort_notes(notes, [name for names in origins.values() for name in names])
    obstacles += [f"{folder} is no folder of this host" for folder in folders if not folder.is_dir()]
    callers = await find_callers(session, obstacles)
    reports = []
    for log in Log:
        own_notes = [note for name in origins[log] for note in by_origin[name]]
        signatures, archives = Signatures(keys[log], of_log[log]), await find_archives(session, log)
        verifier = LogVerifier(session, log, signatures, own_notes, archives, database.keys.writer_keys)
        verifier.archived.open(folders, of_log[log] or keys[log])
        verifier.checks.append(callers.of_log(verifier.noun))
        if log is Log.changes and (calls := await find_calls(session, database.settings.state_dir / "spool")):
            verifier.checks.append(calls)
        if given and not of_log[log]:
            verifier.report.obstacles.append("no key of this log was given")
        reports.append(await verifier.verify(show_progress, first))
    await verify_redactions(session, reports[0])
    callers.report_unnamed(reports[0])
    return reports, obstacles


def own_keys(database: Database) -> list[VerifierKey]:
    """The public halves of the keys that this process could seal with, if AUDIT__SEAL_KEY_FILES names any."""
    if not database.settings.audit.seal_key_files:
        return []
    return [signer.key for signers in load_signers(database.settings).values() for signer in signers]


def show_progress(report: LogReport) -> None:
    """Say on stderr how far a long verification has come."""
    if report.verified // STEP != (report.verified - 1) // STEP:
        typer.echo(f"{report.log}: {report.verified} of {report.size} entries", err=True)


def result(reports: Sequence[LogReport], obstacles: Sequence[str], *, as_json: bool) -> CommandResult:
    """What the command says, and its exit code: a forgery outweighs what cannot be told."""
    verdicts = {report.verdict for report in reports} | ({Verdict.unknown} if obstacles or not reports else set())
    verdict = next(each for each in (Verdict.forged, Verdict.unknown, Verdict.intact) if each in verdicts)
    if as_json:
        document = {"verdict": verdict.name, "logs": [report.document() for report in reports], "obstacles": obstacles}
        return CommandResult([orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()], verdict)
    lines = [line for report in reports for line in report.lines()]
    return CommandResult([*lines, *(f"cannot tell: {reason}" for reason in obstacles), SENTENCES[verdict]], verdict)


SENTENCES = {
    Verdict.intact: "The logs are what was sealed.",
    Verdict.forged: "The logs are not what was sealed.",
    Verdict.unknown: "It cannot be told whether the logs are what was sealed.",
}
