"""The address of a client behind proxies: only trusted proxies are believed."""

import pytest
from starlette.datastructures import Headers

from app.core.http.client_address import client_address


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", ("10.0.0.1",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", ("10.0.0.1", "10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", "", ("10.0.0.1",), "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(peer: str, forwarded: str, trusted: tuple[str, ...], address: str) -> None:
    headers = Headers({"x-forwarded-for": forwarded} if forwarded else {})

    assert client_address({"type": "http", "client": (peer, 1)}, headers, trusted) == address


def test_a_proxy_may_add_a_line_of_its_own() -> None:
    """The header line of the client comes first, that of our proxy last."""
    headers = Headers(raw=[(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"203.0.113.9")])

    assert client_address({"type": "http", "client": ("10.0.0.1", 1)}, headers, ("10.0.0.1",)) == "203.0.113.9"
