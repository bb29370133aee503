"""Access tokens: only our own are accepted, with exactly our header and claims, and before they expire."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from jose import jwt
from jose.backends.cryptography_backend import CryptographyECKey

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.errors import Unauthenticated
from app.core.security.access_tokens import ALGORITHM, TOKEN_TYPE, AccessTokens
from app.core.security.keys import new_signing_key

PEM = new_signing_key()
tokens = AccessTokens(AuthSettings(), (PEM,))
Twist = Callable[[dict[str, Any], dict[str, Any]], Any]


def encode(data: object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(head: object, claims: object) -> str:
    """A token of any shape, signed by our key."""
    content = f"{encode(head)}.{encode(claims)}"
    signature = CryptographyECKey(PEM, ALGORITHM).sign(content.encode())  # type: ignore[no-untyped-call]  # no stub
    return f"{content}.{encode(signature)}"


def parts() -> tuple[dict[str, Any], dict[str, Any]]:
    at = int(time.time())
    head = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": tokens.signer_id}
    claims = {
        "iss": "attest",
        "aud": "attest-api",
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "gen": 0,
        "jti": str(uuid4()),
        "iat": at,
        "exp": at + 900,
    }
    return head, claims


HEADS: dict[str, Any] = {
    "other typ": {"typ": "JWT"},
    "no typ": {"typ": None},
    "unknown kid": {"kid": "0" * 16},
    "list kid": {"kid": ["a"]},
    "crit": {"crit": ["exp"]},
    "jwk": {"jwk": {"kty": "EC"}},
    "other alg": {"alg": "HS256"},
    "no alg": {"alg": "none"},
    "lower alg": {"alg": "es256"},
}
CLAIMS: dict[str, Any] = {
    "other issuer": {"iss": "evil"},
    "other audience": {"aud": "other"},
    "list audience": {"aud": ["attest-api"]},
    "string exp": {"exp": "9999999999"},
    "float exp": {"exp": time.time() + 100.5},
    "bool iat": {"iat": True},
    "expired": {"exp": int(time.time()) - 1},
    "long life": {"exp": int(time.time()) + 901_000},
    "future iat": {"iat": int(time.time()) + 90_000, "exp": int(time.time()) + 90_300},
    "no life": {"exp": int(time.time()) - 10, "iat": int(time.time()) - 10},
    "other sub": {"sub": "admin"},
    "null sid": {"sid": None},
    "extra": {"is_superuser": True},
    "not before": {"nbf": 0},
}


def test_a_good_token_is_good() -> None:
    head, claims = parts()

    assert str(tokens.decode(signed(head, claims)).user_id) == claims["sub"]


@pytest.mark.parametrize("change", HEADS.values(), ids=list(HEADS))
def test_a_header_is_exactly_ours(change: dict[str, Any]) -> None:
    head, claims = parts()

    with pytest.raises(Unauthenticated):
        tokens.decode(signed({**head, **change}, claims))


@pytest.mark.parametrize("change", CLAIMS.values(), ids=list(CLAIMS))
def test_claims_are_exactly_ours(change: dict[str, Any]) -> None:
    head, claims = parts()

    with pytest.raises(Unauthenticated):
        tokens.decode(signed(head, {**claims, **change}))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
def test_no_claim_may_be_missing(name: str) -> None:
    head, claims = parts()
    del claims[name]

    with pytest.raises(Unauthenticated):
        tokens.decode(signed(head, claims))


def test_duplicate_members_are_refused() -> None:
    head, claims = parts()
    twice = json.dumps(claims)[:-1].encode() + b', "sub": "' + str(uuid4()).encode() + b'"}'

    with pytest.raises(Unauthenticated):
        tokens.decode(signed(head, twice))
    with pytest.raises(Unauthenticated):
        tokens.decode(signed(json.dumps(head)[:-1].encode() + b', "alg": "ES256"}', claims))


def test_other_spellings_and_other_signatures_are_refused() -> None:
    head, claims = parts()
    good = signed(head, claims)
    first, second, third = good.split(".")
    hmac = jwt.encode(claims, "x" * 40, "HS256", {"typ": TOKEN_TYPE, "kid": tokens.signer_id})
    stranger = AccessTokens(AuthSettings(), (new_signing_key(),)).issue(uuid4(), uuid4(), 0)
    bad = [
        "",
        ".",
        "..",
        "a.b.c",
        f"{first}.{second}.",
        f"{first}.{second}",
        f"{good}.x",
        f" {good}",
        f"{good}=",
        f"{good}\n",
        good.replace("-", "+").replace("_", "/") + "A",
        f"{first}.{second}.{'A' * 86}",
        f"{first}.{second}.{third[:-4]}",
        f"{first}.{encode([1])}.{third}",
        f"{encode(b'[]')}.{second}.{third}",
        f"{encode(bytes([255]))}.{second}.{third}",
        hmac,
        stranger,
        "\u00e9" * 10,
        "\ud800",
        "x" * 5000,
    ]

    for token in bad:
        with pytest.raises(Unauthenticated) as refusal:
            tokens.decode(token)
        assert refusal.value.detail == "The access token is not valid."


def test_a_rolled_key_still_verifies() -> None:
    old = tokens.issue(uuid4(), uuid4(), 0)
    rolled = AccessTokens(AuthSettings(), (new_signing_key(), PEM))

    assert rolled.decode(old)
    assert rolled.signer_id != tokens.signer_id


def test_a_cached_token_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.issue(uuid4(), uuid4(), 0)
    tokens.decode(token)
    later = now() + timedelta(seconds=901)
    monkeypatch.setattr("app.core.security.access_tokens.now", lambda: later)

    with pytest.raises(Unauthenticated):
        tokens.decode(token)


def test_the_cache_is_bounded() -> None:
    small = AccessTokens(AuthSettings(), (PEM,), cache_size=3)

    for _ in range(5):
        small.decode(small.issue(uuid4(), uuid4(), 0))

    assert len(small.cache) == 3
