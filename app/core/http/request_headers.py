"""The headers of a request, indexed once: every check of a request asks for some."""

from collections.abc import Iterable
from typing import cast

from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Scope

INDEXED = "attest.headers"


class IndexedHeaders(Headers):
    """The headers of a request. A name finds its value without a search.

    The value of a header that comes in several lines is all of them, joined by commas (RFC 9110, 5.3): a list stays
    the list that it is, and of a header that is no list (`Authorization`) none of two values holds.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self.values_by_name = dict(self.raw)
        if len(self.values_by_name) != len(self.raw):
            self.values_by_name = join_lines(self.raw)

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # a default is text
        value = self.values_by_name.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, key: str) -> str:
        try:
            return self.values_by_name[key.lower().encode("latin-1")].decode("latin-1")
        except KeyError:
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower().encode("latin-1") in self.values_by_name


def join_lines(lines: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The value of each header, those of several lines joined."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in lines:
        values.setdefault(name, []).append(value)
    return {name: b", ".join(parts) for name, parts in values.items()}


class IndexedRequest(Request):
    """A request with the headers that the middleware has indexed, whose body is read without a generator."""

    @property
    def headers(self) -> Headers:
        return cast("Headers", self.scope[INDEXED])

    async def body(self) -> bytes:
        """The whole body. Raises ClientDisconnect."""
        if hasattr(self, "_body"):
            return self._body
        if self._stream_consumed:
            raise RuntimeError("the body was read as a stream")
        chunks, is_last = [], False
        while not is_last:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                self._is_disconnected = True
                raise ClientDisconnect
            chunks.append(message.get("body", b""))
            is_last = not message.get("more_body", False)
        self._stream_consumed = True
        self._body = b"".join(chunks)
        return self._body
