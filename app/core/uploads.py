"""Files that clients send: kept (on disk, over 1 MiB) until they are whole, so that no transaction waits for them."""

import asyncio
import hashlib
import tempfile
from contextlib import AsyncExitStack
from typing import IO, Any

from fastapi import Request, Response
from pydantic import TypeAdapter

from app.core.config import LimitSettings, Settings
from app.core.context import RequestContext
from app.core.db import context_of
from app.core.errors import Malformed, Unavailable
from app.core.export import FILE_KINDS
from app.core.routing import Handler, Route

IN_MEMORY_BYTES = 1024 * 1024
FILES_AT_ONCE, TURNS_AT_ONCE = 8, 2


class Imports:
    """How many files a process takes in, and how many it works on: an import holds a database connection all the time.

    On SQLite it is the only one that writes.
    """

    def __init__(self, settings: Settings) -> None:
        self.files = asyncio.Semaphore(FILES_AT_ONCE)
        self.turns = asyncio.Semaphore(1 if settings.is_sqlite else TURNS_AT_ONCE)


class UploadRoute(Route):
    """A route that takes a CSV or NDJSON file as its body, with limits of its own; endpoints get it by `uploaded`."""

    def body(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        return None, tuple(FILE_KINDS)

    def limit(self, context: RequestContext, options: LimitSettings) -> None:
        context.max_body_bytes = options.import_bytes
        if context.time_limit is not None:
            context.time_limit.reschedule(asyncio.get_running_loop().time() + options.import_seconds)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def with_file(request: Request) -> Response:
            imports: Imports = request.app.state.imports
            if imports.files.locked():
                raise Unavailable("Too many files come in at once; try again shortly.")
            async with imports.files, AsyncExitStack() as stack:
                with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
                    request.state.upload, request.state.while_imported = file, stack
                    return await handle(request)

        return with_file

    async def read(self, request: Request, adapter: TypeAdapter[Any] | None) -> Request:
        """Take in the file, then wait for a turn; the caller is judged again, for an upload can take long."""
        digest = hashlib.sha256()
        async for chunk in request.stream():
            request.state.upload.write(chunk)
            digest.update(chunk)
        if request.state.upload.tell() == 0:
            raise Malformed("The file is empty.")
        request.state.upload_digest = digest.digest()
        await request.state.while_imported.enter_async_context(request.app.state.imports.turns)
        judge_again = context_of(request).judge_again
        if judge_again is not None:
            await judge_again()
        return request

    async def digest(self, request: Request) -> bytes:
        found: bytes = request.state.upload_digest
        return found


def uploaded(request: Request) -> IO[bytes]:
    """The file, at its beginning."""
    file: IO[bytes] = request.state.upload
    file.seek(0)
    return file
