"""Content codings of requests: gzip is decoded while the body comes in, and every other coding is refused."""

import asyncio
import zlib
from collections.abc import Iterator
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from app.core.errors import UnsupportedMediaType

GZIP = frozenset({"gzip", "x-gzip"})
ACCEPTED = "gzip"
GZIP_FORMAT = 16 + zlib.MAX_WBITS
PIECE_BYTES = 64 * 1024
"""What is decoded at a time: a small body may decode to a large one, and its limit is checked after each piece."""


def is_gzipped(headers: Headers) -> bool:
    """Whether the body is in gzip. Raises UnsupportedMediaType for any other coding, and for more than one."""
    if "content-encoding" not in headers:
        return False
    members = headers["content-encoding"].lower().split(",")
    codings = [name for member in members if (name := member.strip()) not in ("", "identity")]
    if codings and not (len(codings) == 1 and codings[0] in GZIP):
        detail = "Send the body as it is, or compressed with gzip (Content-Encoding)."
        raise UnsupportedMediaType(detail, Accept_Encoding=ACCEPTED)
    return bool(codings)


class GzipDecoder:
    """Decodes the body of a request, piece by piece (RFC 1952): one member or several, and nothing behind the last.

    Raises HTTPException for anything else, and for a body that ends early.
    """

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.member = zlib.decompressobj(GZIP_FORMAT)
        self.pieces: Iterator[bytes] = iter(())
        self.is_begun = self.is_last = self.is_ended = False

    async def __call__(self) -> Message:
        """The next message of the decoded body; other messages, and those behind it, as they are."""
        if self.is_ended:
            return await self.receive()
        while (piece := self.next_piece()) is None:
            if self.is_last:
                return self.end()
            message = await self.receive()
            if message["type"] != "http.request":
                return message
            self.is_last = not message.get("more_body", False)
            self.pieces = self.decode(message.get("body", b""))
        await asyncio.sleep(0)  # a small chunk may hold many pieces: other requests are served between them
        return {"type": "http.request", "body": piece, "more_body": True}

    def next_piece(self) -> bytes | None:
        """The next decoded bytes of the chunk at hand, if there are any. Raises HTTPException."""
        try:
            return next(self.pieces, None)
        except zlib.error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "The body is not valid gzip.") from None

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The decoded pieces of `chunk`. Raises zlib.error."""
        while chunk:
            self.is_begun = True
            if self.member.eof:
                self.member = zlib.decompressobj(GZIP_FORMAT)
            if piece := self.member.decompress(chunk, PIECE_BYTES):
                yield piece
            chunk = self.member.unconsumed_tail or self.member.unused_data

    def end(self) -> Message:
        """The message that ends the body. Raises HTTPException where the last member is not complete."""
        if self.is_begun and not self.member.eof:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "The body ends within its gzip data.")
        self.is_ended = True
        return {"type": "http.request", "body": b"", "more_body": False}
