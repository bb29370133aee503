"""Signed calls of internal services: HMAC-SHA-256 over the whole call, valid once and for a short time.

    signature = base64url(HMAC-SHA-256(key, lines)), lines joined by \\n:
    method, path, query as sent, SHA-256 of the body in hex, timestamp, nonce, key id

The body is the one before a `Content-Encoding`, so that a call without that header, or with another, is another call.

The headers are `X-Key-Id`, `X-Timestamp` (seconds since 1970), `X-Nonce` (16 to 64 of `A-Za-z0-9_-`) and `X-Signature`.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from app.core.clock import now
from app.core.config import Settings
from app.core.errors import Unauthenticated, Unavailable
from app.core.security import base64url
from app.core.security.encryption import is_equal, keyed_hash

if TYPE_CHECKING:
    from app.core.runtime.redis import SharedRedis

log = structlog.get_logger(__name__)

NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
DIGITS = re.compile(r"[0-9]{1,12}")
MAX_NONCES = 1_000_000
STEP_SECONDS = 3600
"""A clock that steps back by as much makes old calls valid again: their nonces are remembered for that long."""


@dataclass(frozen=True)
class SignedCall:
    """The parts of a call that a signature covers: method, path and query as sent, headers of the signature, and body.

    The body is the decoded one.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def sign(key: bytes, key_id: str, method: str, path: str, query: str, body: bytes, timestamp: str, nonce: str) -> str:
    """The signature of a call. Clients compute the same."""
    lines = [method, path, query, hashlib.sha256(body).hexdigest(), timestamp, nonce, key_id]
    return base64url.encode(keyed_hash(key, "\n".join(lines).encode()))


class BadSignature(Unauthenticated):
    """The call has no valid signature."""

    code = "bad-signature"
    remedy = "Check the key, the clock and what is signed, and sign the call anew."

    def __init__(self) -> None:
        super().__init__("This call is not signed by a service that may make it.", WWW_Authenticate="Signature")


class NonceStore:
    """Remembers used nonces, in this process or in Redis for all of them. Without that Redis no call is admitted."""

    def __init__(self, settings: Settings, redis: "SharedRedis | None" = None) -> None:
        self.kept_seconds = 2 * settings.internal.clock_skew + STEP_SECONDS
        self.used: OrderedDict[str, float] = OrderedDict()
        self.redis = redis
        self.began = now().timestamp()

    async def claim(self, nonce: str) -> bool:
        """False if `nonce` was used before. Raises Unavailable."""
        if self.redis is None:
            return self.claim_locally(nonce)
        from app.core.runtime.redis import RedisUnavailable  # noqa: PLC0415  # see the module: slow to import

        try:
            return await self.redis.claim(f"nonce/{nonce}", self.kept_seconds)
        except RedisUnavailable as error:
            log.error("nonces_unavailable", cause=type(error.__cause__).__name__)
            raise Unavailable("Signed calls cannot be checked now; try again shortly.") from error

    def claim_locally(self, nonce: str) -> bool:
        at = time.monotonic()
        while self.used and next(iter(self.used.values())) < at:
            self.used.popitem(last=False)
        if nonce in self.used:
            return False
        if len(self.used) >= MAX_NONCES:
            raise Unavailable("Too many signed calls; try again shortly.")
        self.used[nonce] = at + self.kept_seconds
        return True

    def may_have_forgotten(self, timestamp: int) -> bool:
        """Whether a call signed at `timestamp` may have come before this process, with its own memory, began."""
        return self.redis is None and timestamp < int(self.began)


class SignatureVerifier:
    """Verifies signed calls against the keys in the settings. While a key is rotated, a service has two."""

    def __init__(self, settings: Settings, redis: "SharedRedis | None" = None) -> None:
        self.keys: Mapping[str, bytes] = {
            name: secret.get_secret_value().encode() for name, secret in settings.internal.keys.items()
        }
        self.clock_skew = settings.internal.clock_skew
        self.nonces = NonceStore(settings, redis)

    async def verify(self, call: SignedCall) -> str:
        """The id of the key that signed `call`. Raises BadSignature, always in the same words; Unavailable."""
        key_id, timestamp = call.headers.get("x-key-id", ""), call.headers.get("x-timestamp", "")
        nonce, presented = call.headers.get("x-nonce", ""), call.headers.get("x-signature", "")
        key = self.keys.get(key_id)
        if key is None or not DIGITS.fullmatch(timestamp) or not NONCE.fullmatch(nonce):
            raise BadSignature
        if abs(now().timestamp() - int(timestamp)) > self.clock_skew or self.nonces.may_have_forgotten(int(timestamp)):
            raise BadSignature
        expected = sign(key, key_id, call.method, call.path, call.query, call.body, timestamp, nonce)
        if not is_equal(expected.encode(), presented.encode()):
            raise BadSignature
        if not await self.nonces.claim(f"{key_id}/{nonce}"):
            raise BadSignature
        return key_id
