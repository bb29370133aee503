"""Files that clients send: kept on disk until they are whole, so that no transaction waits for a slow client."""

import asyncio
import hashlib
import tempfile
from typing import IO, Any

from fastapi import Request, Response
from pydantic import TypeAdapter

from app.core.config import LimitSettings
from app.core.context import RequestContext
from app.core.errors import Malformed
from app.core.export import FILE_KINDS
from app.core.routing import Handler, Route

IN_MEMORY_BYTES = 1024 * 1024


class UploadRoute(Route):
    """A route that takes a CSV or NDJSON file as its body, with limits of its own; `uploaded` gives it to endpoints."""

    def body(self) -> tuple[TypeAdapter[Any] | None, tuple[str, ...]]:
        return None, tuple(FILE_KINDS)

    def limit(self, context: RequestContext, options: LimitSettings) -> None:
        context.body_bytes = options.import_bytes
        if context.time_limit is not None:
            context.time_limit.reschedule(asyncio.get_running_loop().time() + options.import_seconds)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def with_file(request: Request) -> Response:
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
                request.state.upload = file
                return await handle(request)

        return with_file

    async def read(self, request: Request, adapter: TypeAdapter[Any] | None) -> Request:
        digest = hashlib.sha256()
        async for chunk in request.stream():
            request.state.upload.write(chunk)
            digest.update(chunk)
        if request.state.upload.tell() == 0:
            raise Malformed("The file is empty.")
        request.state.upload_digest = digest.digest()
        return request

    async def digest(self, request: Request) -> bytes:
        found: bytes = request.state.upload_digest
        return found


def uploaded(request: Request) -> IO[bytes]:
    """The file, at its beginning."""
    file: IO[bytes] = request.state.upload
    file.seek(0)
    return file
