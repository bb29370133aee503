"""Uploaded files: buffered (on disk, over 1 MiB) until they are complete, so that no transaction waits for them."""

import hashlib
import tempfile
from contextlib import AsyncExitStack
from typing import IO, Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import TypeAdapter

from app.core.config import LimitSettings
from app.core.context import RequestContext
from app.core.errors import Malformed, Unavailable
from app.core.http.batches import Batches, Savepoints, run_in_batches
from app.core.http.dependencies import Transactional
from app.core.http.file_formats import FILE_TYPES
from app.core.http.idempotency import IdempotentRequest
from app.core.http.parameters import NO_BODY
from app.core.http.route import Route
from app.core.http.state import State, context_of, database_of, state_of
from app.core.http.transaction import Handler

IN_MEMORY_BYTES = 1024 * 1024


class UploadRoute(Route):
    """A route whose body is a CSV or NDJSON file, with limits of its own. Endpoints get the file by `uploaded_file`."""

    def body_adapter(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        return None, tuple(FILE_TYPES)

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
                request.state.upload, request.state.upload_stack = file, stack
                return await super().respond(request)

    async def read_body(self, request: Request) -> Any:
        """Receive the file, then wait for a slot. The guard runs again, because an upload can take long."""
        digest = hashlib.sha256()
        async for chunk in request.stream():
            request.state.upload.write(chunk)
            digest.update(chunk)
        if request.state.upload.tell() == 0:
            raise Malformed("The file is empty.")
        request.state.upload_digest = digest.digest()
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
        if state.database.is_sqlite:
            return await run_in_batches(request, state, context, handler, idempotent)
        return await super().run_transaction(request, state, context, handler, idempotent)

    async def body_digest(self, request: Request) -> bytes:
        digest: bytes = request.state.upload_digest
        return digest


class FileBatches(Transactional):
    """Injects the batches in which an endpoint of an `UploadRoute` writes."""

    async def __call__(self, request: Request) -> Batches:
        database = database_of(request)
        if database.is_sqlite:
            return request.state.batches  # type: ignore[no-any-return]  # Starlette's state is untyped
        return Savepoints(request.state.session, database.read_session(context_of(request)))


UploadBatches = Annotated[Batches, Depends(FileBatches())]


def uploaded_file(request: Request) -> IO[bytes]:
    """The uploaded file, at its beginning."""
    file: IO[bytes] = request.state.upload
    file.seek(0)
    return file
