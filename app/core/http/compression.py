"""Compression of responses with gzip, for clients that accept it. A route declares by its guard whether it may."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterable, AsyncIterator

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from app.core.http.accept import JSON, accepts_gzip
from app.core.http.etag import compressed_tag
from app.core.http.file_formats import CSV, NDJSON

MEDIA_TYPES = frozenset({JSON, CSV, NDJSON, "text/plain"})
"""Not what is compressed already (Parquet, zip), and not streams of events, which must leave at once."""
MIN_BYTES = 1024
MAX_INLINE_BYTES = 64 * 1024
"""Larger bodies are compressed in a thread, so that other requests are served meanwhile."""
LEVEL = 4
"""More than twice as fast as the default, for a body that is three hundredths larger."""
GZIP_FORMAT = 16 + zlib.MAX_WBITS


def set_header(response: Response, name: bytes, value: bytes) -> None:
    """Set the header `name`, in lower case, of which there is one."""
    response.raw_headers = [*(header for header in response.raw_headers if header[0] != name), (name, value)]


def add_vary(response: Response, *, is_list: bool, is_compressible: bool) -> None:
    """Name the headers of a request that chose this response, or would have chosen another one."""
    names = ["Accept"] if is_list else []
    if is_compressible and is_worth_compressing(response):
        names.append("Accept-Encoding")
    if names:
        response.raw_headers.append((b"vary", ", ".join(names).encode()))


async def finish(request: Request, response: Response, *, is_compressible: bool) -> Response:
    """The response as it is sent: compressed where the client accepts it, and without its body to a HEAD."""
    is_wanted = is_compressible and is_worth_compressing(response)
    if is_wanted and accepts_gzip(request.headers.get("accept-encoding", "")):
        await compress(response)
    return remove_body(response) if request.method == "HEAD" else response


def is_worth_compressing(response: Response) -> bool:
    """Whether `response` is text of some length. How long a stream gets is not known."""
    if response.media_type not in MEDIA_TYPES:
        return False
    return isinstance(response, StreamingResponse) or len(response.body) >= MIN_BYTES


async def compress(response: Response) -> None:
    """Compress `response`; its tag then names the compressed body."""
    headers = response.headers
    if isinstance(response, StreamingResponse):
        response.body_iterator = compress_chunks(response.body_iterator)
    else:
        body = bytes(response.body)
        is_long = len(body) > MAX_INLINE_BYTES
        response.body = await asyncio.to_thread(compress_body, body) if is_long else compress_body(body)
        headers["Content-Length"] = str(len(response.body))
    headers["Content-Encoding"] = "gzip"
    if "etag" in headers:
        headers["ETag"] = compressed_tag(headers["ETag"])


def compress_body(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


async def compress_chunks(chunks: AsyncIterable[str | bytes | memoryview]) -> AsyncIterator[bytes]:
    """The compressed `chunks`. What has come of them can be read before the next one is there."""
    compressor = zlib.compressobj(LEVEL, wbits=GZIP_FORMAT)

    def compress_chunk(chunk: bytes) -> bytes:
        return compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)

    async for chunk in chunks:
        yield await asyncio.to_thread(compress_chunk, chunk.encode() if isinstance(chunk, str) else bytes(chunk))
    yield compressor.flush()


def remove_body(response: Response) -> Response:
    """`response` with the same headers and no body, as HEAD gets it. A stream does not begin."""
    head = Response(status_code=response.status_code, background=response.background)
    head.raw_headers = response.raw_headers
    return head
