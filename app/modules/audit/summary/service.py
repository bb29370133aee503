"""Answers how many entries there are, by what they have in common."""

from collections.abc import Sequence
from typing import Any

from app.core.clock import now
from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.audit.names.present import Names, WantedNames
from app.modules.audit.rollups.models import NO_ID
from app.modules.audit.seal.tree import Tree
from app.modules.audit.sealer.logs import Log
from app.modules.audit.summary.guards import Rules
from app.modules.audit.summary.repository import SummaryRepository
from app.modules.audit.summary.schemas import SummaryGroup, SummaryQuery, SummaryRead

ABSENT = ("", 0, NO_ID)
"""What stands in a key in place of what an entry does not have."""
OF_REQUESTS = ("module", "method", "route", "error_code", "guard")
KEYS = ("day", "hour", "actor_kind", "actor_id", "owner_id", *OF_REQUESTS, "entity")


class SummaryService:
    """Summaries of the logs."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.session = session

    async def read(self, query: SummaryQuery, rules: Rules) -> SummaryRead:
        """The groups of the entries of a period. Raises Invalid, RangeRequired."""
        at = now()
        window = query.window(at)
        rows = await SummaryRepository(self.session, rules).read(query, window)
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
            items=await self.to_groups([row for row in rows if row.entries is not None]),
        )

    async def to_groups(self, rows: Sequence[AnyRow]) -> list[SummaryGroup]:
        """The groups, with the names of actors and owners. An actor is a row of any table: a user, or a key of one."""
        wanted = WantedNames()
        for row in rows:
            for name in ("actor_id", "owner_id"):
                wanted.add_item(None, row._mapping.get(name))
        names = await wanted.read(self.session)
        return [to_group(row, names) for row in rows]


def to_group(row: AnyRow, names: Names) -> SummaryGroup:
    """A group as the API shows it."""
    found: dict[str, Any] = {name: None if value in ABSENT else value for name, value in row._mapping.items()}
    return SummaryGroup(
        **{name: found.get(name) for name in (*KEYS, "action", "field")},
        actor_name=names.get(found.get("actor_id")),
        owner_name=names.get(found.get("owner_id")),
        status=found.get("status_class"),
        count=row.entries,
        bytes_out=row.bytes_out,
        mean_us=None if row.duration_us is None else round(row.duration_us / row.entries),
        longest_us=row.longest_us,
    )
