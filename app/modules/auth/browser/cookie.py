"""The cookie with the refresh token of a browser (RFC 6265bis). Only the endpoints at its path get it."""

from collections.abc import Iterable, Iterator
from urllib.parse import quote

NAME = "__Secure-attest"
AMBIGUOUS = ""
"""In place of the token where there are several: we set one, and another host of the domain set the others."""


def set_cookie(token: str, path: str, seconds: int) -> str:
    """The header that makes the browser keep `token`, and send it to what is below `path` only."""
    return f"{NAME}={token}; Max-Age={seconds}; Path={quote(path)}; Secure; HttpOnly; SameSite=Strict"


def clear_cookie(path: str) -> str:
    """The header that makes the browser forget the token."""
    return set_cookie("", path, 0)


def read_cookie(headers: Iterable[str]) -> str | None:
    """The token in the `Cookie` headers of a request; None where there is none."""
    found = list(values(headers))
    if len(found) > 1:
        return AMBIGUOUS
    return found[0] if found else None


def values(headers: Iterable[str]) -> Iterator[str]:
    """Every value of the cookie."""
    for header in headers:
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == NAME:
                yield value
