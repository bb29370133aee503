"""The guard of endpoints that read a cookie: only pages of this server may call them."""

from fastapi import Request

from app.core.errors import Forbidden
from app.core.http.guards import Public

HEADER, VALUE = "X-Attest-Browser", "1"
"""No form can send it, and a page of another origin only after a preflight, which never allows it."""
SITE, SAME_ORIGIN = "Sec-Fetch-Site", "same-origin"
"""What the browser itself says of the page that calls; no script can set it (Fetch Metadata)."""


class NotSameOrigin(Forbidden):
    """The request does not come from a page of this server, in a browser that says so."""

    code = "not-same-origin"
    remedy = (
        "Call this from a page of the same origin, over HTTPS or on localhost, with the header `X-Attest-Browser: 1`."
        " Programs use the endpoints below `/auth/token`, which need no cookie."
    )


class SameOrigin(Public):
    """Admits requests of pages of this server.

    Both headers are asked for: `SameSite` ignores ports, so that a page of another program on the same host would send
    the cookie.
    """

    async def __call__(self, request: Request) -> str:
        if request.headers.get(SITE) != SAME_ORIGIN or request.headers.get(HEADER) != VALUE:
            raise NotSameOrigin(f"Send {HEADER}: {VALUE} from a page of this server.")
        return "same-origin"
