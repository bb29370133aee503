"""Access tokens: ES256 JSON Web Tokens (RFC 9068). The only file that imports jose."""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from jose import jwt
from jose.backends.cryptography_backend import CryptographyECKey
from jose.exceptions import JOSEError

from app.core.clock import is_recent, new_id, now
from app.core.config import AuthSettings
from app.core.errors import Malformed, Unauthenticated
from app.core.security import base64url
from app.core.strict_json import build_object

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # RFC 9068
MAX_TOKEN_LENGTH = 4096
SIGNATURE_BYTES = 64
CLAIMS = {"iss", "aud", "sub", "iat", "exp", "jti", "sid", "gen"}


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The verified claims of an access token. `generation` counts the refreshes of its session."""

    user_id: UUID
    session_id: UUID
    generation: int
    issued_at: datetime
    expires_at: datetime
    session_name: str
    """`session_id` as text."""


class AccessTokens:
    """Issues and verifies access tokens, more strictly than the library does."""

    def __init__(self, settings: AuthSettings, pems: tuple[str, ...], cache_size: int = 10_000) -> None:
        self.settings = settings
        self.lifetime = timedelta(seconds=settings.access_ttl)
        ring = [self.load_public_key(pem) for pem in pems]
        self.signer_id, self.signer = ring[0][0], CryptographyECKey(pems[0], ALGORITHM)
        self.ring = dict(ring)
        self.cache: OrderedDict[bytes, AccessClaims] = OrderedDict()
        self.cache_size = cache_size

    @staticmethod
    def load_public_key(pem: str) -> tuple[str, CryptographyECKey]:
        """(key id, public key). The id is derived from the public key, so a list of keys needs no names."""
        private = serialization.load_pem_private_key(pem.encode(), password=None)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:16], CryptographyECKey(public.decode(), ALGORITHM)

    def issue(self, user_id: UUID, session_id: UUID, generation: int) -> str:
        """A new access token of a session."""
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

    def decode(self, token: str) -> AccessClaims:
        """The claims of a valid, current token. Raises Unauthenticated, always in the same words."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self.cache.get(digest)
        if claims is None:
            try:
                claims = self.verify(token)
            except (ValueError, OverflowError, KeyError, TypeError, RecursionError, JOSEError, Malformed) as error:
                raise invalid_token() from error
            self.cache[digest] = claims
            if len(self.cache) > self.cache_size:
                self.cache.popitem(last=False)
        at = now()
        if claims.expires_at <= at or not is_recent(claims.issued_at, self.lifetime, at):
            self.cache.pop(digest, None)
            raise invalid_token()
        return claims

    def verify(self, token: str) -> AccessClaims:
        """Check form, header, signature and claims. Raises ValueError, KeyError, TypeError, JOSEError, Malformed."""
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise ValueError("not a token")
        header, payload, signature = (base64url.decode(part) for part in token.split("."))
        head = json.loads(header, object_pairs_hook=build_object)
        if set(head) != {"alg", "typ", "kid"} or head["alg"] != ALGORITHM or head["typ"] != TOKEN_TYPE:
            raise ValueError("header")
        if len(signature) != SIGNATURE_BYTES:
            raise ValueError("signature")
        key = self.ring[head["kid"]]
        required = {f"require_{name}": True for name in CLAIMS - {"sid", "gen"}}
        claims = jwt.decode(
            token, key, [ALGORITHM], required, audience=self.settings.audience, issuer=self.settings.issuer
        )
        return self.parse_claims(json.loads(payload, object_pairs_hook=build_object), claims)

    def parse_claims(self, raw: dict[str, Any], claims: dict[str, Any]) -> AccessClaims:
        """The claims in their types. Refuses what the library accepts: other claims, text as times, long lifetimes."""
        issued, expires = raw["iat"], raw["exp"]
        if not all(isinstance(raw[name], str) for name in ("sub", "sid", "jti")):
            raise ValueError("names")
        if set(raw) != CLAIMS or raw != claims or not isinstance(raw["aud"], str):
            raise ValueError("claims")
        if any(type(raw[name]) is not int for name in ("iat", "exp", "gen")) or not 0 <= raw["gen"] < 2**63:
            raise ValueError("numbers")
        if not 0 < expires - issued <= self.settings.access_ttl:
            raise ValueError("lifetime")
        times = (datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC))
        session_id = UUID(raw["sid"])
        return AccessClaims(UUID(raw["sub"]), session_id, raw["gen"], *times, str(session_id))


def invalid_token() -> Unauthenticated:
    return Unauthenticated("The access token is not valid.", WWW_Authenticate='Bearer error="invalid_token"')
