"""The headers of a request, indexed once: every check of a request asks for some."""

from typing import cast

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import Scope

INDEXED = "attest.headers"


class IndexedHeaders(Headers):
    """The headers of a request. A name finds its first value without a search."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self.first = dict(reversed(self.raw))

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # a default is text
        value = self.first.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, key: str) -> str:
        try:
            return self.first[key.lower().encode("latin-1")].decode("latin-1")
        except KeyError:
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower().encode("latin-1") in self.first


class IndexedRequest(Request):
    """A request with the headers that the middleware has indexed."""

    @property
    def headers(self) -> Headers:
        return cast("Headers", self.scope[INDEXED])
