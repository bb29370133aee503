"""The jobs that import and export files."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import IO

from app.core.context import Principal
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import DryRun, Problem, permission_denied
from app.core.http.file_formats import ROWS_PER_PAGE, Write, file_writer
from app.core.http.import_batches import Batch, Position, Savepoints
from app.core.http.sparse import sparse_schema
from app.core.http.upload import IN_MEMORY_BYTES, Upload
from app.core.jobs import GiveUp, Work, job
from app.core.resources.declared import DeclaredResource, resources
from app.core.resources.imports.importer import import_file
from app.core.resources.imports.permissions import check_mode
from app.core.resources.imports.report import ImportOrder
from app.modules.notices import tell
from app.modules.transfers.repository import TransferRepository, find_transfer
from app.modules.transfers.schemas import ExportOrder, ExportResult, ImportResult
from app.modules.transfers.service import TransferService, read_parts, read_report

SECONDS = 3600.0
REFUSAL = "refusal"
"""Where the report of a refused file has the code of the problem: it is refused again where the job is tried again."""


def find_resource(path: str) -> DeclaredResource:
    """The resource whose list is at `path`. Raises GiveUp where the module was removed."""
    if path not in resources:
        raise GiveUp("no-such-list")
    return resources[path]


def caller_of(session: Session | ReadSession) -> Principal:
    """Who asked. Raises GiveUp for the system, which asks for no files."""
    if session.context.principal is None:
        raise GiveUp("no-caller")
    return session.context.principal


def admit_reader(session: Session | ReadSession, resource: DeclaredResource) -> Principal:
    """Let `session` read the list of a resource as a file. Raises Forbidden."""
    caller = caller_of(session)
    for permission in (f"{resource.module}:read", resource.export_permission):
        if permission is not None and not caller.scopes_of(permission):
            raise permission_denied(f"This needs the permission {permission}.", permission)
    session.context.permission = resource.export_permission or f"{resource.module}:read"
    return caller


@job("transfers.export", ExportOrder, in_steps=True, seconds=SECONDS)
async def write_export(work: Work, order: ExportOrder) -> ExportResult:
    """Write a list to a file."""
    resource = find_resource(order.path)
    writing = Writing(work, resource, order)
    async with work.step() as session:
        await TransferRepository(session).change(work.id, size=0, is_ready=False)
        await TransferRepository(session).remove_parts(work.id)  # of an attempt before this one
        await TransferService(session).check_room(caller_of(session).user_id)
    while await writing.write_page():
        pass
    async with work.step() as session:
        await TransferService(session).complete(work.id, writing.size, writing.parts)
    return ExportResult(rows=writing.rows, bytes=writing.size, sha256=writing.digest.hexdigest())


class Writing:
    """The writing of a file, a page in each transaction, with the permissions with which it began."""

    def __init__(self, work: Work, resource: DeclaredResource, order: ExportOrder) -> None:
        self.work = work
        self.resource = resource
        self.write = writer_of(resource, order)
        self.query = resource.query.model_validate(order.query)
        self.is_page = "limit" in self.query.model_fields_set
        if not self.is_page:
            self.query = self.query.model_copy(update={"limit": ROWS_PER_PAGE})
        self.query = self.query.model_copy(update={"total": not self.is_page})
        self.digest = hashlib.sha256()
        self.rows = self.size = self.parts = 0
        self.total = 1
        self.permissions: frozenset[str] | None = None

    async def write_page(self) -> bool:
        """Write the next page; False behind the last. Raises Forbidden, and GiveUp once the permissions changed."""
        async with self.work.step() as session:
            held = admit_reader(session, self.resource).permissions
            if self.permissions not in (None, held):
                raise GiveUp("permissions-changed")
            self.permissions = held
            page = await self.resource.service(session).page(self.query)
            content = self.write(page.items)
            if content:
                await TransferService(session).add_part(self.work.id, self.parts, content)
        self.parts += bool(content)
        self.digest.update(content)
        self.rows, self.size = self.rows + len(page.items), self.size + len(content)
        self.total = page.total or self.total
        self.work.report(self.rows, max(self.total, self.rows))
        if self.is_page or page.next_cursor is None:
            return False
        self.query = self.query.model_copy(update={"cursor": page.next_cursor, "offset": 0, "total": False})
        return True


def writer_of(resource: DeclaredResource, order: ExportOrder) -> Write:
    """What writes the rows of an export."""
    item, chosen = resource.schemas.read, resource.importable if order.options.columns == "importable" else None
    return file_writer(sparse_schema(item, order.fields) if order.fields else item, order.kind, order.options, chosen)


@job("transfers.import", ImportOrder, in_steps=True, seconds=SECONDS, is_long=True)
async def run_import(work: Work, order: ImportOrder) -> ImportResult:
    """Import a file."""
    resource = find_resource(order.path)
    reader = await work.reader()
    row = await find_transfer(reader, work.id)
    if row is None:
        raise GiveUp("content-erased")
    report = read_report(reader.keys, row)
    if report is None:  # else an attempt before this one has done it, and was killed behind that
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
            await copy_file(reader, row, file)
            upload = Upload(file, row.media_type, size=row.size)
            position = Position(*row.position) if row.position else Position()
            report = await Importing(work, resource, order, upload, position).run(reader)
    if REFUSAL in report:
        raise GiveUp(str(report[REFUSAL]))
    return ImportResult.model_validate(report)


async def copy_file(reader: ReadSession, row: AnyRow, file: IO[bytes]) -> None:
    """Copy the stored file. Raises GiveUp where it was dropped because a person was erased, also in the middle."""
    async for content in read_parts(reader, row.id):
        file.write(content)
    if file.tell() != row.size:
        raise GiveUp("content-erased")


class Importing:
    """The import of a file: in one transaction, or in SQLite in one for each batch."""

    def __init__(
        self, work: Work, resource: DeclaredResource, order: ImportOrder, upload: Upload, position: Position
    ) -> None:
        self.work = work
        self.resource = resource
        self.order = order
        self.upload = upload
        self.position = position

    async def run(self, reader: ReadSession) -> dict[str, object]:
        """Import the file, and store the report. Raises Problem, whose errors the report has too."""
        self.upload.file.seek(0)
        self.admit(reader)
        try:
            if reader.is_sqlite:
                report = await self.import_in(StepBatches(self, reader))
                return await self.store(report)
            async with self.work.step() as session:
                self.admit(session)
                report = await self.import_in(StepSavepoints(self, session, reader))
                await self.finish(session, report)
            return report
        except DryRun as end:
            return await self.store(end.preview)
        except Problem as problem:
            if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:  # else the next attempt needs the file
                await self.store(refusal_report(problem))
            raise

    async def import_in(self, batches: "StepBatches | StepSavepoints") -> dict[str, object]:
        return await import_file(self.resource.service, self.resource.schemas, self.upload, self.order, batches)

    async def store(self, report: dict[str, object]) -> dict[str, object]:
        async with self.work.step() as session:
            await self.finish(session, report)
        return report

    async def finish(self, session: Session, report: dict[str, object]) -> None:
        """Store the report, and tell a person who asked by mail; not of a dry run, nor by a key."""
        await TransferService(session).store_report(self.work.id, report)
        caller = caller_of(session)
        if caller.api_key_id is not None or report["dry_run"]:
            return
        counts = {name: str(report[name]) for name in ("created", "updated", "failed")}
        values, place = {"module": self.resource.module, **counts}, f"/console/jobs/{self.work.id}"
        once = f"import-finished/{self.work.id}"
        await tell(
            session, self.work.settings, caller.user_id, text="import-finished", path=place, once=once, values=values
        )

    def admit(self, session: Session | ReadSession) -> None:
        """Let `session` import as the caller who asked. Raises Forbidden."""
        caller, module = caller_of(session), self.resource.module
        if not caller.scopes_of(f"{module}:read"):
            raise permission_denied(f"This needs the permission {module}:read.", f"{module}:read")
        session.context.permission = check_mode(caller, module, self.order.query.mode)

    def tell(self) -> None:
        """Say how far the file was read."""
        self.work.report(self.upload.file.tell(), self.upload.size)


class StepSavepoints(Savepoints):
    """Batches of a job within one of its transactions."""

    def __init__(self, importing: Importing, session: Session, reader: ReadSession) -> None:
        super().__init__(session, reader)
        self.importing = importing

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Batch]:
        async with super().open() as batch:
            yield batch
        self.importing.tell()


class StepBatches:
    """Batches of which each is a transaction of a job, which says with it how far the import came."""

    are_one_transaction = False

    def __init__(self, importing: Importing, reader: ReadSession) -> None:
        self.importing = importing
        self.reader = reader
        self.position = importing.position

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Batch]:
        work = self.importing.work
        async with work.step() as session:
            self.importing.admit(session)
            batch = Batch(session, self.position)
            yield batch
            await TransferRepository(session).change(work.id, position=list(batch.position))
        self.position = batch.position
        self.importing.tell()


def refusal_report(problem: Problem) -> dict[str, object]:
    """The report of a file that was refused, with the errors by line."""
    errors = [{"line": line_of(error["pointer"]), **error} for error in problem.errors or ()]
    done = {name: problem.extension.get(name, 0) for name in ("created", "updated", "unchanged")}
    stopped = problem.extension.get("stopped_at_line")
    failed = len({error["line"] for error in errors}) or 1
    report = {"dry_run": False, **done, "failed": failed, "stopped_at_line": stopped, "lines": [], "errors": errors}
    return report | {REFUSAL: problem.code}


def line_of(pointer: str) -> int:
    """The line that a pointer is about; the first where it is about the whole file."""
    part = pointer.removeprefix("/body/").partition("/")[0]
    return int(part) if part.isdigit() else 1
