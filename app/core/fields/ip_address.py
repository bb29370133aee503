"""Internet addresses and networks: canonical text, and the key under which an address is rate limited."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.sentences import refusal

IPV6_SUBSCRIBER_BITS = 64
WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](?::\d{1,5})?|(?P<v4>\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?")
"""How proxies write an address with its port: in brackets for IPv6."""


def canonical_address(text: str) -> str | None:
    """The address in `text` in canonical spelling, without port, brackets and zone; None for anything else.

    Text from outside is no address until it is parsed: spellings of one address must not count as many.
    """
    text = text.strip().strip('"')
    match = WITH_PORT.fullmatch(text)
    try:
        address = ip_address((match["v6"] or match["v4"]) if match else text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)  # how a dual-stack socket shows an IPv4 client
    return str(mapped or address)


def rate_limit_key(ip: str | None) -> str:
    """The key under which requests from `ip` are counted: for IPv6 the whole /64 of a subscriber (RFC 6177)."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return str(ip)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> IPV6_SUBSCRIBER_BITS << IPV6_SUBSCRIBER_BITS))
    return str(address)


def is_in_networks(ip: str | None, networks: Iterable[str]) -> bool:
    """Whether `ip` lies in one of `networks`; an IPv4-mapped IPv6 address counts as its IPv4 address."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # a dual-stack socket reports IPv4 clients so
    return any((mapped or address) in ip_network(network) for network in networks)


def spell(text: str) -> str:
    """An address in its canonical spelling, any other text as it is."""
    return canonical_address(text) or text


def canonical_network(text: str) -> str:
    """An address or network in its canonical spelling. Refuses other text."""
    try:
        return str(ip_network(text))
    except ValueError:
        raise refusal("not-a-network", "Use an address, or a network without host bits such as 192.0.2.0/24.") from None


Network = Annotated[str, Field(max_length=64), AfterValidator(canonical_network)]
"""An IP address or network in canonical spelling."""

SoughtAddress = Annotated[str, Field(max_length=64), AfterValidator(spell)]
"""An IP address as a filter. Those that are stored have their canonical spelling; other text is found nowhere."""
