"""Imports: a file is written in one transaction, or checked as a whole and then written in many."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import takewhile
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.core.db.integrity import to_problem
from app.core.db.uniqueness import SeenKeys
from app.core.errors import Conflict, DryRun, Invalid, Problem
from app.core.http.import_batches import Batches
from app.core.http.upload import Upload
from app.core.resources.imports.file_format import ItemSchemas
from app.core.resources.imports.modes import Creating, ImportMode
from app.core.resources.imports.report import Effect, ImportOrder, ImportProgress, ImportQuery
from app.core.resources.imports.rows import Row, format_of, read_rows
from app.core.resources.imports.sets import ImportedSets
from app.core.resources.imports.updating import Updating
from app.core.resources.imports.walk import Walk
from app.core.resources.service import Service

IMPORT_ABOUT = (
    "PostgreSQL writes it in one transaction. SQLite has one writer for everybody: there the whole file is checked"
    " first, without writing, and then committed in batches. If something stops it half-way, the problem has `created`"
    " and `stopped_at_line`; a retry with the same idempotency key goes on there, and so does `from_line`."
)


async def import_file(
    service: type[Service[Any]],
    schemas: ItemSchemas,
    upload: Upload,
    order: ImportOrder,
    batches: Batches,
) -> dict[str, Any]:
    """Import `upload` and return the report. Raises Invalid for bad rows with `on_error=abort`, PartlyImported."""
    query = order.query
    sets = ImportedSets(schemas, service.repository.sets)
    form = format_of(upload.kind, sets.rows(), takes_items=query.mode != "create", decimal=query.decimal)
    mode: ImportMode = Creating(service, form, sets)
    if query.mode != "create":
        mode = Updating(service, form, sets, may_create=query.mode == "upsert", needs_version=order.needs_version)
    return await Importer(upload, mode, query, batches).run()


class PartlyImported(Conflict):
    """A row was refused that had passed the check of the whole file; the rows before it are kept."""

    code = "partly-imported"
    remedy = "Correct the rows that `errors` points at, and go on with the same idempotency key, or with `from_line`."


class Importer:
    """Writes the rows of a file as `mode` says.

    Where the batches are one transaction, the file is walked over once. Where each is committed by itself, the first
    walk only checks, without a connection that writes: an invalid file leaves nothing behind. Only what happens between
    the two walks, or stops the second, leaves a part of the file; the response says which.
    """

    def __init__(self, upload: Upload, mode: ImportMode, query: ImportQuery, batches: Batches) -> None:
        self.upload = upload
        self.mode = mode
        self.query = query
        self.batches = batches
        self.position = batches.position._replace(line=max(batches.position.line, query.from_line))
        """Where the next row is written from: everything before is done."""

    @property
    def stops(self) -> bool:
        return self.query.on_error == "stop"

    async def run(self) -> dict[str, Any]:
        """Import the file and return the report. Raises Invalid for bad rows with `on_error=abort`, PartlyImported."""
        if self.batches.are_one_transaction:
            with self.mode.begin():
                progress = await Walk(self.write, ImportProgress(), stops_at_first=self.stops).run(self.rows())
            return self.finish(progress)
        checked = await self.check_file()
        if self.query.dry_run or (checked.failed and not self.stops):
            return self.finish(checked)
        try:
            written = await self.write_file(checked.stopped_at_line)
        except (Problem, SQLAlchemyError) as error:
            raise self.add_position(error) from error
        if written.failed:
            return self.finish(written)
        checked.counts, checked.lines = written.counts, written.lines
        return self.finish(checked)

    def rows(self) -> Iterator[Row]:
        return read_rows(self.upload.file, self.mode.form, self.mode.read, self.position.line)

    async def check_file(self) -> ImportProgress:
        """Check the whole file and write nothing."""
        with ExitStack() as stack:
            seen = stack.enter_context(closing(SeenKeys()))
            stack.enter_context(self.mode.begin())

            async def check(rows: Sequence[Row]) -> Sequence[Effect]:
                with seen.forget_on_error():
                    return await self.mode.check(rows, self.batches.reader, seen) if rows else ()

            return await Walk(check, ImportProgress(self.position), stops_at_first=self.stops).run(self.rows())

    async def write_file(self, end: int | None) -> ImportProgress:
        """Write the rows before the line `end`, up to the first that is refused."""
        rows = takewhile(lambda row: end is None or row[0] < end, self.rows())
        with self.mode.begin():
            return await Walk(self.write, ImportProgress(self.position), stops_at_first=True).run(rows)

    async def write(self, rows: Sequence[Row]) -> Sequence[Effect]:
        """Write `rows` in a batch of their own, all or none.

        A batch is opened for no rows too: the database closes a connection that says nothing within a transaction.
        """
        next_line = rows[-1][0] + 1 if rows else self.position.line
        async with self.batches.open() as batch:
            effects = await self.mode.write(rows, batch.session) if rows else ()
            batch.position = self.position.after(next_line, Counter(effect.result for effect in effects))
        self.mode.remember(effects)
        self.position = batch.position
        return effects

    def finish(self, progress: ImportProgress) -> dict[str, Any]:
        """The report. Raises DryRun, Invalid, PartlyImported."""
        if self.query.dry_run:
            raise DryRun(progress.report(dry_run=True))
        if not progress.failed or self.stops:
            return progress.report(dry_run=False)
        refused = Invalid(f"{progress.failed} rows cannot be imported; nothing was.", errors=progress.errors)
        if self.batches.are_one_transaction or not self.has_written:
            raise refused
        detail = f"{progress.failed} rows cannot be imported."
        raise self.add_position(PartlyImported(detail, errors=progress.errors)) from refused

    @property
    def has_written(self) -> bool:
        """Whether this request, or one before with the same key, has committed rows."""
        return any(self.position.counts().values())

    def add_position(self, error: Problem | SQLAlchemyError) -> Problem | SQLAlchemyError:
        """`error`, whose response says how far the import came, if it began."""
        problem = error if isinstance(error, Problem) else to_problem(error)
        if problem is None or not self.has_written:
            return error
        done, line = self.position.counts(), self.position.line
        problem.extension = {**done, "stopped_at_line": line}
        problem.detail += (
            f" {sum(done.values())} rows were imported; go on with the same idempotency key, or with from_line={line}."
        )
        return problem
