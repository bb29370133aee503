"""Finds callers whose row is not what its id was made of, so that an entry shows a name or an address of a forger."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, ReadSession
from app.modules.audit.entries.callers import commitment
from app.modules.audit.models import AuditCaller
from app.modules.audit.sealer.reads import Piece
from app.modules.audit.verifier.findings import LogReport

PAGE = 1000
"""Rows that are read at a time."""
MOST = 10_000
"""So many forged rows are kept; others are not looked for."""
callers = table_of(AuditCaller)


async def find_callers(session: ReadSession, obstacles: list[str]) -> "ForgedCallers":
    """The forged callers; none, and an obstacle, where the user of the database may not read them."""
    try:
        return ForgedCallers(await find_forged(session))
    except ProgrammingError:
        obstacles.append("this user of the database may not read the callers: run `python -m app roles`")
        return ForgedCallers(set())


async def find_forged(session: ReadSession) -> set[UUID]:
    """The ids of the callers whose values their id does not commit to."""
    forged, page = set[UUID](), select(callers).order_by(callers.c.id).limit(PAGE)
    rows = await session.all(page)
    while rows and len(forged) < MOST:
        forged.update(row.id for row in rows if is_forged(row))
        rows = await session.all(page.where(callers.c.id > rows[-1].id)) if len(rows) == PAGE else []
    return forged


def is_forged(row: AnyRow) -> bool:
    """Whether a caller is another one than its id was made of."""
    values = {"user_id": row.user_id, "name": row.name, "ip": row.ip, "user_agent": row.user_agent}
    known: UUID = row.id
    return commitment(row.salt, values) != known


@dataclass
class ForgedCallers:
    """Callers that are not the ones of their ids."""

    ids: set[UUID]
    checks: list["CallerCheck"] = field(default_factory=list)
    """Those of the logs that were verified."""

    def of_log(self, noun: str) -> "CallerCheck":
        """What looks for them in a log, whose entries are called `noun`."""
        self.checks.append(CallerCheck(self.ids, noun))
        return self.checks[-1]

    def report_unnamed(self, report: LogReport) -> None:
        """Report those that no entry names, of the entries that were looked at: theirs may be archived, or unsealed."""
        if count := len(self.ids.difference(*(check.places for check in self.checks))):
            report.add("caller", f"callers that no entry here names, and that are not the ones of their ids: {count}")


@dataclass
class CallerCheck:
    """Finds the first entry of a log that names each forged caller."""

    forged: set[UUID]
    noun: str
    """What an entry of the log is called."""
    places: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    """By forged caller, the place and the number of that entry."""

    async def look_at(self, piece: Piece) -> None:
        """Look for forged callers of some entries."""
        for seq, number in enumerate(piece.ids, piece.first_seq) if self.forged else ():
            for row in piece.rows.get(number, ()):
                if row.caller_id in self.forged:
                    self.places.setdefault(row.caller_id, (seq, number))

    async def finish(self, report: LogReport) -> None:
        """Report the entries that were found."""
        for seq, number in self.places.values():
            report.add("caller", f"the caller of {self.noun} {number} is not the one that was sealed", seq)
