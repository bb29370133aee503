"""Imports: a file is created in one transaction, or checked as a whole and then created in many."""

from collections.abc import Sequence
from contextlib import closing
from itertools import takewhile
from typing import IO, Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.integrity import to_problem
from app.core.db.uniqueness import SeenKeys
from app.core.errors import Conflict, DryRun, Invalid, Problem
from app.core.http.batches import Batches, Position
from app.core.resources.imports.report import ImportProgress, ImportQuery
from app.core.resources.imports.rows import RowReader
from app.core.resources.imports.walk import NumberedRow, Walk
from app.core.resources.schemas import Schema
from app.core.resources.service import Service


class PartlyImported(Conflict):
    """A row was refused that had passed the check of the whole file; the rows before it are kept."""

    code = "partly-imported"


class Importer:
    """Creates the rows of a file with `service`.

    Where the batches are one transaction, the file is walked over once. Where each is committed by itself, the first
    walk only checks, without a connection that writes: an invalid file leaves nothing behind. Only what happens between
    the two walks, or stops the second, leaves a part of the file; the response says which.
    """

    def __init__(self, service: type[Service[Any]], schema: type[Schema], query: ImportQuery, batches: Batches) -> None:
        self.service = service
        self.reader = RowReader(schema)
        self.query = query
        self.batches = batches
        self.position = Position(max(batches.position.line, query.from_line), batches.position.created)
        """Where the next row is created from: everything before is done."""

    @property
    def stops(self) -> bool:
        return self.query.on_error == "stop"

    async def run(self, file: IO[bytes], kind: str) -> dict[str, Any]:
        """Import `file` and return the report. Raises Invalid for bad rows with `on_error=abort`, PartlyImported."""
        if self.batches.are_one_transaction:
            rows = self.reader.read(file, kind, self.position.line)
            return self.finish(await Walk(self.create, ImportProgress(), stops_at_first=self.stops).run(rows))
        checked = await self.check_file(file, kind)
        if self.query.dry_run or (checked.failed and not self.stops):
            return self.finish(checked)
        try:
            written = await self.write_file(file, kind, checked.stopped_at_line)
        except (Problem, SQLAlchemyError) as error:
            raise self.add_position(error) from error
        if written.failed:
            return self.finish(written)
        checked.created = written.created
        return self.finish(checked)

    async def check_file(self, file: IO[bytes], kind: str) -> ImportProgress:
        """Check the whole file and write nothing."""
        service, start = self.service(self.batches.reader), self.position
        with closing(SeenKeys()) as seen:

            async def check(rows: Sequence[NumberedRow]) -> None:
                await service.rows.check_all([service.build(row) for _, row in rows], seen)

            walk = Walk(check, ImportProgress(created=start.created), stops_at_first=self.stops)
            return await walk.run(self.reader.read(file, kind, start.line))

    async def write_file(self, file: IO[bytes], kind: str, end: int | None) -> ImportProgress:
        """Create the rows before the line `end`, up to the first that is refused."""
        rows = self.reader.read(file, kind, self.position.line)
        rows = takewhile(lambda row: end is None or row[0] < end, rows)
        walk = Walk(self.create, ImportProgress(created=self.position.created), stops_at_first=True)
        return await walk.run(rows)

    async def create(self, rows: Sequence[NumberedRow]) -> None:
        """Create `rows` in a batch of their own, all or none."""
        position = Position(rows[-1][0] + 1, self.position.created + len(rows))
        async with self.batches.open(position) as session:
            await self.service(session).create_many([row for _, row in rows])
        self.position = position

    def finish(self, progress: ImportProgress) -> dict[str, Any]:
        """The report. Raises DryRun, Invalid, PartlyImported."""
        if self.query.dry_run:
            raise DryRun(progress.report(dry_run=True))
        if not progress.failed or self.stops:
            return progress.report(dry_run=False)
        refused = Invalid(f"{progress.failed} rows cannot be imported; nothing was.", errors=progress.errors)
        if self.batches.are_one_transaction or not self.position.created:
            raise refused
        detail = f"{progress.failed} rows cannot be imported."
        raise self.add_position(PartlyImported(detail, errors=progress.errors)) from refused

    def add_position(self, error: Problem | SQLAlchemyError) -> Problem | SQLAlchemyError:
        """`error`, whose response says how far the import came, if it began."""
        problem = error if isinstance(error, Problem) else to_problem(error)
        if problem is None or not self.position.created:
            return error
        created, line = self.position.created, self.position.line
        problem.extension = {"created": created, "stopped_at_line": line}
        problem.detail += (
            f" {created} rows were imported; go on with the same idempotency key, or with from_line={line}."
        )
        return problem
