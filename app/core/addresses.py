"""Internet addresses as they are counted."""

from ipaddress import IPv6Address, ip_address

SUBSCRIBER_BITS = 64


def counted_as(ip: str | None) -> str:
    """Whom an address stands for: an IPv6 subscriber has a whole /64 (RFC 6177), and may use a new one every time."""
    try:
        address = ip_address(ip or "")
    except ValueError:
        return str(ip)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> SUBSCRIBER_BITS << SUBSCRIBER_BITS))
    return str(address)
