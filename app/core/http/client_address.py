"""The address of the client, behind trusted proxies."""

from starlette.datastructures import Headers
from starlette.types import Scope


def client_address(scope: Scope, headers: Headers, trusted: tuple[str, ...]) -> str | None:
    """The rightmost hop that is not a trusted proxy. X-Forwarded-For of any other peer is ignored."""
    client = scope.get("client")
    address: str | None = client[0] if client else None
    forwarded = ",".join(headers.getlist("x-forwarded-for"))
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while address in trusted and hops:
        address = hops.pop()
    return address[:64] if address else None
