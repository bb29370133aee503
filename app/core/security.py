"""Passwords and tokens: the only file that imports passlib or jose."""

import asyncio
import hashlib
import json
import re
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from jose import jwt
from jose.backends.cryptography_backend import CryptographyECKey
from jose.exceptions import JOSEError
from passlib.context import CryptContext

from app.core.config import AuthSettings
from app.core.errors import Malformed, Unauthenticated, Unavailable
from app.core.strict_json import unique
from app.core.types import new_id, now

T = TypeVar("T")

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # RFC 9068
MAX_TOKEN_LENGTH = 4096
SIGNATURE_BYTES = 64
MAX_PASSWORD_LENGTH = 1024
"""After normalisation, which can make a text eighteen times as long; argon2's wrapper refuses more than 4096."""
CLOCK_SKEW = 30
PART = re.compile(r"[A-Za-z0-9_-]+")
CLAIMS = {"iss", "aud", "sub", "iat", "exp", "jti", "sid", "gen"}

contexts = CryptContext(
    schemes=["argon2"], argon2__type="ID", argon2__time_cost=2, argon2__memory_cost=19456, argon2__parallelism=1
)


def normalised(password: str) -> str:
    """NFKC, so that a password typed on another keyboard is the same password (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def is_text(text: str) -> bool:
    """Whether UTF-8 can say it; half a surrogate pair is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Hasher:
    """Password hashing in one thread with a bounded queue, so that a login flood cannot starve other requests."""

    def __init__(self, queue: int) -> None:
        self.threads = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self.free = queue
        self.dummy = contexts.hash("a password that nobody has")

    async def hash(self, password: str) -> str:
        return str(await self.run(contexts.hash, normalised(password)))

    async def verify(self, password: str, known: str | None) -> tuple[bool, str | None]:
        """(whether it matches, a new hash if the parameters rose).

        An unknown user costs what a wrong password does, and so does a text that nobody can have as a password.
        """
        text = normalised(password)
        if len(text) > MAX_PASSWORD_LENGTH or not is_text(text):
            text, known = "", None
        matches, renewed = await self.run(contexts.verify_and_update, text, known or self.dummy)
        return (bool(matches) and bool(known), renewed)

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """`work` in the hashing thread. Raises Unavailable when too much waits."""
        if self.free <= 0:
            raise Unavailable("Too many sign-ins at once; try again shortly.")
        self.free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)
        finally:
            self.free += 1

    def close(self) -> None:
        self.threads.shutdown(wait=True)


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified content of an access token; `generation` counts the refreshes of its session."""

    user_id: UUID
    session_id: UUID
    generation: int
    expires_at: datetime


class Tokens:
    """Access tokens: ES256 JWTs (RFC 9068) behind a check that is stricter than the library's."""

    def __init__(self, settings: AuthSettings, pems: tuple[str, ...], cache_size: int = 10_000) -> None:
        self.settings = settings
        ring = [self.key(pem) for pem in pems]
        self.signer_id, self.signer = ring[0][0], CryptographyECKey(pems[0], ALGORITHM)
        self.ring = dict(ring)
        self.cache: OrderedDict[bytes, Claims] = OrderedDict()
        self.cache_size = cache_size

    @staticmethod
    def key(pem: str) -> tuple[str, CryptographyECKey]:
        """(key id, public key): the id is derived from the public key, so a ring needs no names."""
        private = serialization.load_pem_private_key(pem.encode(), password=None)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:16], CryptographyECKey(public.decode(), ALGORITHM)

    def issue(self, user_id: UUID, session_id: UUID, generation: int) -> str:
        at = int(now().timestamp())
        claims = {
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "gen": generation,
            "jti": str(new_id()),
            "iat": at,
            "exp": at + self.settings.access_ttl,
        }
        return str(jwt.encode(claims, self.signer, ALGORITHM, {"typ": TOKEN_TYPE, "kid": self.signer_id}))

    def decode(self, token: str) -> Claims:
        """The claims of a token that is ours, whole and current. Raises Unauthenticated, always in the same words."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self.cache.get(digest)
        if claims is None:
            try:
                claims = self.verified(token)
            except (ValueError, KeyError, TypeError, RecursionError, JOSEError, Malformed) as error:
                raise refused() from error
            self.cache[digest] = claims
            if len(self.cache) > self.cache_size:
                self.cache.popitem(last=False)
        if claims.expires_at <= now():
            self.cache.pop(digest, None)
            raise refused()
        return claims

    def verified(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise ValueError("not a token")
        header, payload, signature = (canonical(part) for part in token.split("."))
        head = json.loads(header, object_pairs_hook=unique)
        if set(head) != {"alg", "typ", "kid"} or head["alg"] != ALGORITHM or head["typ"] != TOKEN_TYPE:
            raise ValueError("header")
        if len(signature) != SIGNATURE_BYTES:
            raise ValueError("signature")
        key = self.ring[head["kid"]]
        required = {f"require_{name}": True for name in CLAIMS - {"sid", "gen"}}
        claims = jwt.decode(
            token, key, [ALGORITHM], required, audience=self.settings.audience, issuer=self.settings.issuer
        )
        return self.typed(json.loads(payload, object_pairs_hook=unique), claims)

    def typed(self, raw: dict[str, Any], claims: dict[str, Any]) -> Claims:
        """Refuse what the library lets through: other claims, string times, a lifetime or an issue time of its own."""
        issued, expires = raw["iat"], raw["exp"]
        if not all(isinstance(raw[name], str) for name in ("sub", "sid", "jti")):
            raise ValueError("names")
        if set(raw) != CLAIMS or raw != claims or not isinstance(raw["aud"], str):
            raise ValueError("claims")
        if any(type(raw[name]) is not int for name in ("iat", "exp", "gen")) or not 0 <= raw["gen"] < 2**63:
            raise ValueError("numbers")
        if not 0 < expires - issued <= self.settings.access_ttl or issued > now().timestamp() + CLOCK_SKEW:
            raise ValueError("lifetime")
        return Claims(UUID(raw["sub"]), UUID(raw["sid"]), raw["gen"], datetime.fromtimestamp(expires, UTC))


def canonical(part: str) -> bytes:
    """Decode one base64url part, refusing every spelling but the canonical one (unused bits, padding, white space)."""
    if not PART.fullmatch(part):
        raise ValueError("base64url")
    raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise ValueError("base64url")
    return raw


def refused() -> Unauthenticated:
    return Unauthenticated("The access token is not valid.", WWW_Authenticate='Bearer error="invalid_token"')
