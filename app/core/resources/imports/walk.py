"""One walk over the rows of a file."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.integrity import client_problem
from app.core.errors import Forbidden, Problem
from app.core.field_errors import MAX_LINE_ERRORS, FieldError
from app.core.resources.imports.report import Effect, ImportProgress
from app.core.resources.imports.rows import Row, next_batch

Accept = Callable[[Sequence[Row]], Awaitable[Sequence[Effect]]]
"""Checks or writes some rows, all or none, and says what each does. Raises a Problem, or an error of the database."""


class Walk:
    """Gives the rows of a file to `accept`, in batches, and counts in `progress` what it accepts and refuses.

    It ends at the first refused row, or, unless `stops_at_first`, when the report has no room for more errors.
    """

    def __init__(self, accept: Accept, progress: ImportProgress, *, stops_at_first: bool) -> None:
        self.accept = accept
        self.progress = progress
        self.stops_at_first = stops_at_first

    @property
    def has_ended(self) -> bool:
        """Whether the rest of the file need not be read."""
        return self.progress.stopped_at_line is not None or len(self.progress.errors) >= MAX_LINE_ERRORS

    async def run(self, rows: Iterator[Row]) -> ImportProgress:
        """Walk over `rows`. They are read and validated in a thread; other requests are served meanwhile."""
        while not self.has_ended and (batch := await asyncio.to_thread(next_batch, rows)) is not None:
            await self.take([(line, row) for line, row in batch if not isinstance(row, list)])
            for line, row in batch:
                if isinstance(row, list) and not self.has_ended:
                    self.reject(line, row)
        return self.progress

    async def take(self, rows: Sequence[Row]) -> None:
        """Give `rows` to `accept` at once; if it refuses them, one by one."""
        if await self.errors_of(rows) is None:
            return
        for row in rows:
            errors = await self.errors_of([row])
            if errors is not None:
                self.reject(row[0], errors)
            if self.has_ended:
                return

    async def errors_of(self, rows: Sequence[Row]) -> list[FieldError] | None:
        """Why `accept` refuses `rows`; None if it accepts them, and they are counted. Raises Forbidden for one row."""
        try:
            effects = await self.accept(rows)
        except Forbidden as error:
            if len(rows) == 1:
                raise error.relocate(f"/body/{rows[0][0]}") from error
            return error.errors or []
        except (Problem, SQLAlchemyError) as error:
            return client_problem(error).relocate("").errors or []
        for (line, _), effect in zip(rows, effects, strict=True):
            self.progress.add(line, effect)
        return None

    def reject(self, line: int, errors: list[FieldError]) -> None:
        """Record the errors of a row."""
        self.progress.add_errors(line, errors)
        if self.stops_at_first:
            self.progress.stopped_at_line = line
