"""Answers how many entries there are, by what they have in common."""

from typing import Any

from app.core.clock import now
from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit.rollups.models import NO_ID
from app.modules.audit.seal.tree import Tree
from app.modules.audit.sealer.logs import Log
from app.modules.audit.summary.repository import SummaryRepository
from app.modules.audit.summary.schemas import SummaryGroup, SummaryQuery, SummaryRead

ABSENT = ("", 0, NO_ID)
"""What stands in a key in place of what an entry does not have."""
KEYS = ("day", "hour", "actor_kind", "actor_id", "owner_id", "module", "method", "route", "error_code", "entity")


class SummaryService:
    """Summaries of the logs."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = SummaryRepository(session)

    async def read(self, query: SummaryQuery) -> SummaryRead:
        """The groups of the entries of a period. Raises Invalid, RangeRequired."""
        at = now()
        window = query.window(at)
        rows = await self.rows.read(query, window)
        first = rows[0]
        return SummaryRead(
            log=query.log,
            by=query.by,
            start=window.start,
            end=window.end,
            counted_at=at,
            seq=Tree.parse(first.tree or bytes(Tree())).size if query.log is Log.changes else None,
            total=first.total or 0,
            groups=first.groups,
            items=[to_group(row) for row in rows if row.entries is not None],
        )


def to_group(row: AnyRow) -> SummaryGroup:
    """A group as the API shows it."""
    found: dict[str, Any] = {name: None if value in ABSENT else value for name, value in row._mapping.items()}
    return SummaryGroup(
        **{name: found.get(name) for name in (*KEYS, "action", "field")},
        status=found.get("status_class"),
        count=row.entries,
        bytes_out=row.bytes_out,
        mean_us=None if row.duration_us is None else round(row.duration_us / row.entries),
        longest_us=row.longest_us,
    )
