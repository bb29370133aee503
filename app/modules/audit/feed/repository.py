"""Queries over the sealed changes, in the order of the log."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from sqlalchemy import func, select

from app.core.db.session import AnyRow
from app.core.errors import Conflict
from app.modules.audit.repository import ChangeRepository, runs
from app.modules.audit.schemas import ARCHIVED_HEADER
from app.modules.audit.sealer.archived import find_archives


class AheadOfLog(Conflict):
    """A reader of a log has more entries than the log."""

    code = "ahead-of-log"
    remedy = "Check which log `after` belongs to. If the log was set back, tell its operator and an auditor."


class FeedRepository(ChangeRepository):
    """The sealed changes that the caller may read."""

    async def find_after(self, seq: int, limit: int) -> tuple[Sequence[AnyRow], int]:
        """The sealed entries behind a place, in the order of the log, and the last place that was looked at.

        Raises AheadOfLog.
        """
        ids = await self.ids_after(seq, limit)
        rows = await self.session.all(self.visible(self.select()).where(self.table.c.id.in_(ids))) if ids else []
        await self.tell_archives(seq, seq + len(ids))
        return sorted(rows, key=lambda row: row.seq), seq + len(ids)

    async def tell_archives(self, seq: int, end: int) -> None:
        """Say in a header which archived months have entries between these places, which the feed passes."""
        rows = [row for row in await find_archives(self.session, self.log) if row.is_dropped]
        if reached := [row.month for row in rows if has_places(row.manifest["ranges"], seq, end)]:
            self.session.context.headers[ARCHIVED_HEADER] = ", ".join(reached)

    async def ids_after(self, seq: int, limit: int) -> list[int]:
        """The numbers of the entries at the places behind `seq`. Raises AheadOfLog."""
        mine = runs.c.log == self.log
        begin = select(func.max(runs.c.first_seq)).where(mine, runs.c.first_seq <= seq).scalar_subquery()
        wanted = select(runs).where(mine, runs.c.first_seq >= func.coalesce(begin, 0)).order_by(runs.c.first_seq)
        found = await self.session.all(wanted.limit(limit + 1))
        if seq > max((run.first_seq + run.length - 1 for run in found), default=0):
            raise AheadOfLog(f"The log has no entry {seq}: it was set back, or `after` is of another log.")
        places = (range(run.first_id + max(seq + 1 - run.first_seq, 0), run.first_id + run.length) for run in found)
        return list(islice(chain.from_iterable(places), limit))


def has_places(ranges: Iterable[Sequence[int]], seq: int, end: int) -> bool:
    """Whether one of the ranges has a place behind `seq`, up to `end`."""
    return any(first <= end and last > seq for first, last in ranges)
