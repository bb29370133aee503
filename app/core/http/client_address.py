"""The address and scheme of the client, behind trusted proxies."""

from collections.abc import Iterator
from functools import cache, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from app.core.fields.ip_address import canonical_address

REMEMBERED = 10_000
"""Peers, and canonical addresses, that are parsed once. What a header says is no address yet, and may be long."""
FORWARDED, X_FORWARDED_FOR = "forwarded", "x-forwarded-for"


def client_address(
    scope: Scope, headers: Headers, trusted: tuple[str, ...], header: str = X_FORWARDED_FOR
) -> str | None:
    """The rightmost hop that is not a trusted proxy, in canonical spelling. A hop that is no address ends the walk.

    `header` is the one that the proxies write: X-Forwarded-For, or `Forwarded` (RFC 7239). The other one, which they
    pass through, is the client's own word, and so are both from any other peer.
    """
    address = peer_address(scope)
    if not trusted or address is None or not is_trusted(address, trusted):
        return address
    for hop in hops(headers, header):
        if hop is None:
            return address
        address = hop
        if not is_trusted(address, trusted):
            return address
    return address


def is_https(scope: Scope, headers: Headers, trusted: tuple[str, ...], header: str = X_FORWARDED_FOR) -> bool:
    """Whether the client speaks HTTPS: to this server, or to a trusted proxy that says so."""
    if scope["scheme"] == "https":
        return True
    peer = peer_address(scope)
    if peer is None or not is_trusted(peer, trusted):
        return False
    if header == FORWARDED:
        return parameter(headers.get(FORWARDED, "").rpartition(",")[2], "proto").lower() == "https"
    return headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower() == "https"


def peer_address(scope: Scope) -> str | None:
    client = scope.get("client")
    return canonical_peer(client[0]) if client else None


@lru_cache(REMEMBERED)
def canonical_peer(host: str) -> str | None:
    return canonical_address(host)


def hops(headers: Headers, header: str) -> Iterator[str | None]:
    """The forwarded addresses from the right; None for one that is no address."""
    for text in reversed(",".join(headers.getlist(header)).split(",")):
        if text.strip():
            yield canonical_address(parameter(text, "for") if header == FORWARDED else text)


def parameter(element: str, name: str) -> str:
    """The parameter `name` of an element of `Forwarded`; empty where it has none."""
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""


@lru_cache(REMEMBERED)
def is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    return any(ip_address(address) in network for network in parse_networks(trusted))


@cache
def parse_networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in trusted)
