"""Which addresses a stranger's name may lead to: those of single hosts on the public internet, and no other."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from app.core.outgoing.calls import ForbiddenAddress, Unreachable

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Finds the addresses of a name."""

UNICAST = IPv6Network("2000::/3")
"""The part of IPv6 whose addresses are given to hosts."""
SPECIAL = [
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
"""Networks of protocols, Teredo and 6to4 among them. Versions of Python differ in what they call global."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of `host`, as the system finds them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def is_public(address: Address) -> bool:
    """Whether an address is that of a single host on the public internet.

    NAT64 (64:ff9b::/96, 64:ff9b:1::/48) and addresses of IPv4 that are written as IPv6 are not in `UNICAST`.
    """
    if isinstance(address, IPv6Address) and address not in UNICAST:
        return False
    is_special = any(address in network for network in SPECIAL) or address.is_multicast or address.is_reserved
    return address.is_global and not is_special


class AddressRules:
    """Finds the address of a stranger, and refuses what is not public and not in the networks that are allowed."""

    def __init__(self, allowed: Iterable[str], find: Resolve = resolve) -> None:
        self.allowed = [ip_network(network) for network in allowed]
        self.find = find

    def is_allowed(self, text: str) -> bool:
        """Whether an address, as the system wrote it, may be called."""
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if getattr(address, "scope_id", None) is not None:
            return False
        return is_public(address) or any(address in network for network in self.allowed)

    async def examine(self, host: str, port: int) -> Sequence[str]:
        """The addresses of `host`, found once. Raises ForbiddenAddress where one is refused, and Unreachable."""
        try:
            found = await self.find(host, port)
        except (OSError, UnicodeError) as error:
            raise Unreachable(host, "the name leads to no address") from error
        if not found:
            raise Unreachable(host, "the name leads to no address")
        if not all(self.is_allowed(text) for text in found):
            raise ForbiddenAddress(host, "the name leads to an address that may not be called")
        return list(dict.fromkeys(found))
