"""Idempotency keys: the interface that the kernel requires of the store of first responses. No web framework."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from app.core.db.session import Session
from app.core.errors import Conflict, Invalid, Malformed


class KeyInUse(Conflict):
    """The first request with this idempotency key has no response yet."""

    code = "idempotency-key-in-use"
    remedy = "Wait as many seconds as `Retry-After` says, and send the same request with the same key again."


class KeyReused(Invalid):
    """The idempotency key belongs to another request."""

    code = "idempotency-key-reused"
    remedy = "Make a new key for each new request; keep a key for retries of the same request only."


class BadKey(Malformed):
    """The idempotency key is malformed, or the endpoint accepts none."""

    code = "bad-idempotency-key"
    remedy = "Send 1 to 255 visible ASCII characters, or no `Idempotency-Key` where the endpoint takes none."


@dataclass(frozen=True)
class IdempotentRequest:
    """A request with a key. `id` identifies principal, route and key; `fingerprint` address and body.

    Both are keyed hashes, because a body may hold a password.
    """

    id: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)


@dataclass(frozen=True)
class StoredResponse:
    """A response as its route returned it, before the headers that every response gets.

    The status 102 (Processing) stands for a request that has no response yet, and has committed a part of its effect.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)


class IdempotencyStore(Protocol):
    """Stores the first response to an idempotency key, in the transaction of its effect."""

    def exclusive(self, request: IdempotentRequest) -> AbstractAsyncContextManager[None]:
        """Keep other requests of this process with the same key away. Raises KeyInUse."""

    async def find(self, session: Session, request: IdempotentRequest) -> StoredResponse | None:
        """The stored response. Raises KeyInUse; KeyReused where it belongs to another request."""

    async def store(self, session: Session, request: IdempotentRequest, response: StoredResponse) -> None:
        """Store the first response."""
