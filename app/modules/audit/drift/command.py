"""`python -m app drift`: says whether audited tables are what the change log says."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import orjson
import structlog
import typer

from app.core.context import RequestContext
from app.core.db.audited import audited_models
from app.core.db.engine import Database
from app.core.db.snapshot import read_snapshot
from app.core.runtime.command_result import CommandResult
from app.modules.audit.drift.comparison import TableReport, compare_table

logger = structlog.get_logger(__name__)

SAME, DRIFTED, UNKNOWN = 0, 1, 2
SENTENCES = {
    SAME: "The tables are what the change log says.",
    DRIFTED: "The tables are not what the change log says.",
    UNKNOWN: "It cannot be told whether the tables are what the change log says.",
}
EntityName = Annotated[str | None, typer.Option(help="Compare this table only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


async def drift(database: Database, *, entity: EntityName = None, as_json: AsJson = False) -> CommandResult:
    """Compare audited tables with the change log. Exit code: 0 they are the same, 1 not, 2 it cannot tell."""
    models = audited_models()
    if entity is not None and entity not in models:
        return result([], [f"there is no audited table {entity}"], as_json=as_json)
    reports: list[TableReport] = []
    try:
        async with read_snapshot(database, RequestContext.for_job("drift")) as session:
            chosen = models.values() if entity is None else [models[entity]]
            reports = [await compare_table(session, model) for model in chosen]
    except Exception as error:  # a crash must not pass for drift
        logger.exception("drift_crashed")
        return result(reports, [f"the comparison crashed: {type(error).__name__}"], as_json=as_json)
    unreadable = sum(report.unreadable for report in reports)
    obstacles = [f"{unreadable} personal values need a master key that is not here"] if unreadable else []
    return result(reports, obstacles, as_json=as_json)


def result(reports: Sequence[TableReport], obstacles: Sequence[str], *, as_json: bool) -> CommandResult:
    """What the command says, and its exit code: drift outweighs what cannot be told."""
    code = DRIFTED if any(report.total for report in reports) else UNKNOWN if obstacles else SAME
    if as_json:
        document = {"exit_code": code, "tables": [asdict(report) for report in reports], "obstacles": obstacles}
        return CommandResult([orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()], code)
    lines = []
    for report in reports:
        lines.append(f"{report.entity}: {report.rows} rows compared")
        lines += [str(found) for found in report.findings]
        if report.total > len(report.findings):
            lines.append(f"{report.entity}: {report.total - len(report.findings)} further findings")
    return CommandResult([*lines, *(f"cannot tell: {reason}" for reason in obstacles), SENTENCES[code]], code)
