"""Signed calls of internal services: HMAC-SHA-256 over everything that a call says, good once and for a short while.

    signature = base64url(HMAC-SHA-256(key, lines)), lines joined by \\n:
    method, path, query as sent, SHA-256 of the body in hex, timestamp, nonce, key id

The headers are `X-Key-Id`, `X-Timestamp` (seconds since 1970), `X-Nonce` (16 to 64 of `A-Za-z0-9_-`) and `X-Signature`.
"""

import hashlib
import hmac
import re
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request

from app.core.config import Settings
from app.core.errors import Unauthenticated, Unavailable

log = structlog.get_logger(__name__)

NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
DIGITS = re.compile(r"[0-9]{1,12}")
REMEMBERED = 1_000_000
REDIS_SECONDS = 1.0


def sign(key: bytes, key_id: str, method: str, path: str, query: str, body: bytes, timestamp: str, nonce: str) -> str:
    """The signature of a call; a client of any language makes the same."""
    lines = [method, path, query, hashlib.sha256(body).hexdigest(), timestamp, nonce, key_id]
    mac = hmac.digest(key, "\n".join(lines).encode(), hashlib.sha256)
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


class BadSignature(Unauthenticated):
    """The call is not signed, or not so that it may be believed."""

    code = "bad-signature"

    def __init__(self) -> None:
        super().__init__("This call is not signed by a service that may make it.", WWW_Authenticate="Signature")


class Nonces:
    """Remembers what was used, in this process or in Redis for all of them. Without an answer nothing is believed."""

    def __init__(self, settings: Settings) -> None:
        self.kept = 2 * settings.internal.clock_skew
        self.used: OrderedDict[str, float] = OrderedDict()
        self.redis: Redis | None = None
        self.began = time.time()
        if settings.redis_url is not None:
            url = settings.redis_url.get_secret_value()
            self.redis = Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)

    async def take(self, name: str) -> bool:
        """False if `name` was taken before. Raises Unavailable."""
        if self.redis is None:
            return self.take_here(name)
        try:
            return bool(await self.redis.set(f"nonce/{name}", 1, nx=True, ex=self.kept))
        except (RedisError, OSError) as error:
            log.error("nonces_unavailable", cause=type(error).__name__)
            raise Unavailable("Signed calls cannot be checked now; try again shortly.") from error

    def take_here(self, name: str) -> bool:
        at = time.monotonic()
        while self.used and next(iter(self.used.values())) < at:
            self.used.popitem(last=False)
        if name in self.used:
            return False
        if len(self.used) >= REMEMBERED:
            raise Unavailable("Too many signed calls; try again shortly.")
        self.used[name] = at + self.kept
        return True

    def may_have_forgotten(self, timestamp: int) -> bool:
        """A process that remembers for itself knows nothing of what was signed before it began."""
        return self.redis is None and timestamp < int(self.began)

    async def close(self) -> None:
        if self.redis is not None:
            await self.redis.aclose()


class Signatures:
    """Verifies signed calls against the keys in the settings; while one is rolled there are two of a service."""

    def __init__(self, settings: Settings) -> None:
        self.keys: Mapping[str, bytes] = {
            name: secret.get_secret_value().encode() for name, secret in settings.internal.keys.items()
        }
        self.clock_skew = settings.internal.clock_skew
        self.nonces = Nonces(settings)

    async def verify(self, request: Request) -> str:
        """The id of the key that signed `request`. Raises BadSignature, always in the same words; Unavailable."""
        headers = request.headers
        key_id, timestamp = headers.get("x-key-id", ""), headers.get("x-timestamp", "")
        nonce, presented = headers.get("x-nonce", ""), headers.get("x-signature", "")
        key = self.keys.get(key_id)
        if key is None or not DIGITS.fullmatch(timestamp) or not NONCE.fullmatch(nonce):
            raise BadSignature
        if abs(time.time() - int(timestamp)) > self.clock_skew or self.nonces.may_have_forgotten(int(timestamp)):
            raise BadSignature
        path = request.scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        expected = sign(key, key_id, request.method, path, query, await request.body(), timestamp, nonce)
        if not hmac.compare_digest(expected.encode(), presented.encode()):
            raise BadSignature
        if not await self.nonces.take(f"{key_id}/{nonce}"):
            raise BadSignature
        return key_id
