"""The address of a client behind proxies: parsed, in one spelling, and only from proxies that are trusted."""

import pytest
from pydantic import ValidationError
from starlette.datastructures import Headers

from app.core.config import Settings
from app.core.http.client_address import FORWARDED, X_FORWARDED_FOR, client_address, is_https

SPELLINGS = ["198.51.100.9:4711", "198.51.100.9", " 198.51.100.9 ", "::ffff:198.51.100.9", "[::FFFF:198.51.100.9]:80"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_an_address_is_one_address(spelling: str) -> None:
    """Regression: guesses from changing ports were never throttled, and a key bound to a network was refused."""
    scope = {"type": "http", "client": ("10.1.2.3", 1)}

    assert client_address(scope, Headers({"x-forwarded-for": spelling}), ("10.0.0.0/8",)) == "198.51.100.9"


@pytest.mark.parametrize(
    "junk", ["junk", "1.2.3.4.5", "unknown", "_hidden", "198.51.100.9:port", "'; drop table", "\u0661"]
)
def test_text_that_is_no_address_gives_way_to_the_proxy(junk: str) -> None:
    scope = {"type": "http", "client": ("10.1.2.3", 1)}
    headers = Headers(raw=[(b"x-forwarded-for", f"203.0.113.1, {junk}".encode())])

    assert client_address(scope, headers, ("10.0.0.0/8",)) == "10.1.2.3"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ('for=192.0.2.60;proto=http;by=203.0.113.43, for="198.51.100.17:4711"', "198.51.100.17"),
        ('For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ("proto=https", "10.1.2.3"),
    ],
)
def test_the_standard_forwarded_header_is_understood(forwarded: str, address: str) -> None:
    headers = Headers({"forwarded": forwarded, "x-forwarded-for": "203.0.113.99"})

    scope = {"type": "http", "client": ("10.1.2.3", 1)}
    assert client_address(scope, headers, ("10.0.0.0/8",), FORWARDED) == address


@pytest.mark.parametrize(("header", "address"), [(FORWARDED, "198.51.100.17"), (X_FORWARDED_FOR, "203.0.113.99")])
def test_the_header_that_proxies_do_not_write_is_the_clients_own_word(header: str, address: str) -> None:
    headers = Headers({"forwarded": "for=198.51.100.17", "x-forwarded-for": "203.0.113.99"})

    assert client_address({"type": "http", "client": ("10.1.2.3", 1)}, headers, ("10.0.0.0/8",), header) == address


def test_what_a_stranger_forwards_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("parsed")

    monkeypatch.setattr("app.core.http.client_address.hops", refuse)
    scope = {"type": "http", "client": ("192.0.2.1", 1)}

    assert client_address(scope, Headers({"forwarded": "for=1.1.1.1"}), ("10.0.0.0/8",), FORWARDED) == "192.0.2.1"


@pytest.mark.parametrize(
    ("peer", "proto", "expected"),
    [("10.1.2.3", "https", True), ("10.1.2.3", "http", False), ("192.0.2.1", "https", False)],
)
def test_a_trusted_proxy_tells_whether_the_client_speaks_https(peer: str, proto: str, expected: bool) -> None:
    scope = {"type": "http", "scheme": "http", "client": (peer, 1)}

    assert is_https(scope, Headers({"x-forwarded-proto": proto}), ("10.0.0.0/8",)) is expected
    assert is_https(scope, Headers({"forwarded": f"for=1.1.1.1;Proto={proto}"}), ("10.0.0.0/8",), FORWARDED) is expected


def test_a_proxy_that_is_no_address_is_refused_at_start_by_name() -> None:
    with pytest.raises(ValidationError, match="TRUSTED_PROXIES: 'nonsense'"):
        Settings(_env_file=None, trusted_proxies=("nonsense",))
