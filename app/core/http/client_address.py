"""The address and scheme of the client, behind trusted proxies."""

import re
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from app.core.fields.ip_address import canonical_address

FORWARDED_FOR = re.compile(r'(?:^|;)\s*for=("?)([^;"]*)\1\s*(?:;|$)', re.IGNORECASE)


def client_address(scope: Scope, headers: Headers, trusted: tuple[str, ...]) -> str | None:
    """The rightmost hop that is not a trusted proxy, in canonical spelling.

    `Forwarded` (RFC 7239) and X-Forwarded-For of any other peer are ignored. A hop that is no address ends the walk.
    """
    client = scope.get("client")
    address = canonical_address(client[0]) if client else None
    if not trusted or address is None:
        return address
    for hop in hops(headers):
        if not is_trusted(address, trusted):
            return address
        if hop is None:
            return address
        address = hop
    return address


def is_https(scope: Scope, headers: Headers, trusted: tuple[str, ...]) -> bool:
    """Whether the client speaks HTTPS: to this server, or to a trusted proxy that says so."""
    if scope["scheme"] == "https":
        return True
    client = scope.get("client")
    peer = canonical_address(client[0]) if client else None
    if peer is None or not is_trusted(peer, trusted):
        return False
    return headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower() == "https"


def hops(headers: Headers) -> Iterator[str | None]:
    """The forwarded addresses from the right; None for one that is no address."""
    forwarded = headers.getlist("forwarded")
    if forwarded:
        elements = [FORWARDED_FOR.search(element) for element in ",".join(forwarded).split(",")]
        texts = [match[2] if match else "" for match in elements]
    else:
        texts = ",".join(headers.getlist("x-forwarded-for")).split(",")
    for text in reversed([text for text in texts if text.strip()]):
        yield canonical_address(text)


def is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    return any(ip_address(address) in network for network in parse_networks(trusted))


@cache
def parse_networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in trusted)
