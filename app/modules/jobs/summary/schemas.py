"""The response schemas of the summary."""

from datetime import datetime

from app.core.resources.schemas import ResponseSchema


class Counts(ResponseSchema):
    """How many jobs are in each state."""

    queued: int
    """Jobs that are to be done, now or later."""
    running: int
    """Jobs that a worker has."""
    succeeded: int
    """Jobs that succeeded since `since`."""
    failed: int
    """Jobs that failed since `since`."""
    cancelled: int
    """Jobs that were cancelled since `since`."""


class KindCounts(Counts):
    """The jobs of a kind."""

    kind: str
    """The kind, such as `products.import`."""


class QueueCounts(ResponseSchema):
    """The jobs of a queue that are not done."""

    queue: str
    """The name of the queue."""
    due: int
    """Jobs that wait for a worker."""
    later: int
    """Jobs whose next attempt begins later."""
    running: int
    """Jobs that a worker has."""
    lag_seconds: int | None
    """How many seconds the one that is due longest has waited for a worker; null where none is due."""


class JobSummary(Counts):
    """Jobs by kind and queue: those that are not done, and those that ended in the last 24 hours."""

    at: datetime
    """When it was counted."""
    since: datetime
    """The beginning of the 24 hours."""
    lag_seconds: int | None
    """How many seconds the job that is due longest has waited for a worker; null where none is due."""
    queues: list[QueueCounts]
    """The queues with jobs that are not done, by name."""
    kinds: list[KindCounts]
    """The kinds with jobs that are counted, by name."""
