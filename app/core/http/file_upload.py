"""Uploaded files: buffered (on disk, over 1 MiB) until they are complete, so that no transaction waits for them."""

import tempfile
from contextlib import AsyncExitStack
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import TypeAdapter

from app.core.config import LimitSettings
from app.core.context import RequestContext
from app.core.errors import Malformed, Unavailable, UnsupportedMediaType
from app.core.http.batches import run_in_batches
from app.core.http.dependencies import Transactional
from app.core.http.file_formats import CSV, FILE_TYPES, NDJSON
from app.core.http.form_file import FORM, FormFile
from app.core.http.idempotency import IdempotentRequest
from app.core.http.import_batches import Batches, Savepoints
from app.core.http.later import RESPOND_ASYNC, WAIT, preferences
from app.core.http.parameters import NO_BODY
from app.core.http.request_body import media_type_of
from app.core.http.route import Route
from app.core.http.state import State, context_of, database_of, state_of
from app.core.http.transaction import Handler
from app.core.http.upload import IN_MEMORY_BYTES, Upload, spreadsheet_file

UPLOAD_TYPES = (*FILE_TYPES, FORM)
"""The media types of an upload: the file itself, or a form with the file as its field `file`."""
SUFFIXES = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON}
"""What a file in a form is by the ending of its name: browsers send CSV as application/vnd.ms-excel."""
SPREADSHEET_TYPES = (
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)


class UploadRoute(Route):
    """A route whose body is a CSV or NDJSON file, with limits of its own. Endpoints get the file by `uploaded_file`."""

    def body_adapter(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        return None, (*UPLOAD_TYPES, *SPREADSHEET_TYPES)

    def limit_body(self, context: RequestContext, limits: LimitSettings) -> int:
        """Set and return the largest file, and give its upload more time."""
        context.allow_seconds(limits.import_seconds)
        context.max_body_bytes = limits.import_bytes
        return limits.import_bytes

    async def respond(self, request: Request) -> Response:
        limits = state_of(request).upload_limits
        if limits.files.locked():
            raise Unavailable("Too many files come in at once; try again shortly.")
        async with limits.files, AsyncExitStack() as stack:
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
                request.state.upload = Upload(file, media_type_of(request))
                request.state.upload_stack = stack
                return await super().respond(request)

    async def read_body(self, request: Request) -> Any:
        """Receive the file, then wait for a slot. The guard runs again, because an upload can take long."""
        await receive(request, uploaded_file(request))
        if not runs_later(request):
            await request.state.upload_stack.enter_async_context(state_of(request).upload_limits.imports)
        await context_of(request).reauthorize()
        return NO_BODY

    async def run_transaction(
        self,
        request: Request,
        state: State,
        context: RequestContext,
        handler: Handler,
        idempotent: IdempotentRequest | None,
    ) -> Response:
        """Run `handler` in one transaction, or where there is one writer for everybody, in many."""
        if state.database.is_sqlite and not runs_later(request):
            return await run_in_batches(request, state, context, handler, idempotent)
        return await super().run_transaction(request, state, context, handler, idempotent)

    async def body_digest(self, request: Request) -> bytes:
        return uploaded_file(request).digest.digest()


class FileBatches(Transactional):
    """Injects the batches in which an endpoint of an `UploadRoute` writes."""

    async def __call__(self, request: Request) -> Batches:
        batches: Batches | None = getattr(request.state, "batches", None)
        if batches is None:
            reader = database_of(request).read_session(context_of(request))
            batches = Savepoints(request.state.session, reader)
        return batches


UploadBatches = Annotated[Batches, Depends(FileBatches())]


def uploaded_file(request: Request) -> Upload:
    """The uploaded file."""
    return request.state.upload  # type: ignore[no-any-return]  # Starlette's state is untyped


def runs_later(request: Request) -> bool:
    """Whether a job does with the file what is asked: the client prefers that, or the file is large."""
    wishes = preferences(request)
    is_large = uploaded_file(request).size > state_of(request).settings.limits.import_later_bytes
    return RESPOND_ASYNC in wishes or (is_large and WAIT not in wishes)


async def receive(request: Request, upload: Upload) -> None:
    """Receive the file that is the body, or that is in the form. Raises Malformed, Invalid, UnsupportedMediaType."""
    if upload.kind in SPREADSHEET_TYPES:
        raise spreadsheet_file()
    form = FormFile(request.headers["content-type"], upload.write) if upload.kind == FORM else None
    take = form.feed if form is not None else upload.write
    async for chunk in request.stream():
        take(chunk)
    if form is not None:
        form.finish()
        upload.kind, upload.name = kind_of_part(form), form.file_name or None
    if upload.size == 0:
        raise Malformed("The file is empty.")


def kind_of_part(form: FormFile) -> str:
    """The media type of a file in a form. Raises UnsupportedMediaType."""
    kind = form.kind if form.kind in FILE_TYPES else SUFFIXES.get(PurePath(form.file_name).suffix.lower())
    if kind is None:
        raise UnsupportedMediaType(f"The file in the form is neither {' nor '.join(FILE_TYPES)}, nor named as one.")
    return kind
