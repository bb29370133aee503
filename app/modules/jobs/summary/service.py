"""Adds up the summary of jobs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.core.clock import now
from app.core.db.session import AnyRow, ReadSession
from app.modules.jobs.summary.repository import count_ended, count_waiting
from app.modules.jobs.summary.schemas import Counts, JobSummary, KindCounts, QueueCounts

PERIOD = timedelta(days=1)


class JobSummaryService:
    """The summary of all jobs."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def read(self) -> JobSummary:
        """The jobs that are not done, and those that ended in the last 24 hours."""
        at = now()
        waiting, ended = await count_waiting(self.session, at), await count_ended(self.session, at - PERIOD)
        kinds = add_up_kinds(waiting, ended)
        total = {name: sum(getattr(kind, name) for kind in kinds) for name in Counts.model_fields}
        lag = lag_of(waiting, at)
        return JobSummary(
            **total, at=at, since=at - PERIOD, lag_seconds=lag, queues=add_up_queues(waiting, at), kinds=kinds
        )


def add_up_kinds(waiting: Iterable[AnyRow], ended: Iterable[AnyRow]) -> list[KindCounts]:
    """The counts of each kind."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(Counts.model_fields, 0))
    for row in waiting:
        counts[row.kind]["queued"] += row.due + row.later
        counts[row.kind]["running"] += row.running
    for row in ended:
        counts[row.kind][row.state.value] += row.jobs
    return [KindCounts(kind=kind, **counted) for kind, counted in sorted(counts.items())]


def add_up_queues(waiting: Iterable[AnyRow], at: datetime) -> list[QueueCounts]:
    """The counts of each queue."""
    rows: dict[str, list[AnyRow]] = defaultdict(list)
    for row in waiting:
        rows[row.queue].append(row)
    return [
        QueueCounts(
            queue=name,
            due=sum(row.due for row in of),
            later=sum(row.later for row in of),
            running=sum(row.running for row in of),
            lag_seconds=lag_of(of, at),
        )
        for name, of in sorted(rows.items())
    ]


def lag_of(waiting: Sequence[AnyRow], at: datetime) -> int | None:
    """How many whole seconds the job that is due longest has waited."""
    since = [row.due_since for row in waiting if row.due_since is not None]
    return int((at - min(since)).total_seconds()) if since else None
