"""Idempotency keys: what a route asks of whoever keeps the first answers."""

import hashlib
import hmac
import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Request, Response

from app.core.db import Session, context_of, database_of
from app.core.errors import Conflict, Invalid, Malformed

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")


class StillRunning(Conflict):
    """The first request with this idempotency key has no answer yet."""

    code = "idempotency-key-in-use"


class Reused(Invalid):
    """The idempotency key belongs to another request."""

    code = "idempotency-key-reused"


class BadKey(Malformed):
    """The idempotency key cannot be one, or has no meaning here."""

    code = "bad-idempotency-key"


@dataclass(frozen=True)
class Attempt:
    """A request with a key: `id` names principal, route and key, `fingerprint` address and body.

    Both are keyed digests: a body may hold a password.
    """

    id: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)


@dataclass(frozen=True)
class Stored:
    """An answer as its route made it, before the headers that every answer gets."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)


def stored(response: Response) -> Stored:
    return Stored(response.status_code, list(response.headers.items()), bytes(response.body))


def replayed(answer: Stored) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    response.headers[REPLAYED] = "true"
    return response


class Answers(Protocol):
    """Keeps the first answer to an idempotency key, in the transaction of its effect."""

    def alone(self, attempt: Attempt) -> AbstractAsyncContextManager[None]:
        """Raises StillRunning while another request of this process has the same key."""

    async def recall(self, session: Session, attempt: Attempt) -> Stored | None:
        """The stored answer. Raises StillRunning; Reused where it answered another request."""

    async def store(self, session: Session, attempt: Attempt, answer: Stored) -> None: ...


def key_of(request: Request, *, taken: bool) -> str | None:
    """The key that a client sent with a POST; other methods have no need of one.

    Raises BadKey, also where the client counts on a promise that the route does not make.
    """
    value = request.headers.get(HEADER) if request.method == "POST" else None
    if value is None:
        return None
    if not taken:
        raise BadKey("This endpoint takes no idempotency key.")
    if not KEY.fullmatch(value):
        raise BadKey("An idempotency key has 1 to 255 visible ASCII characters.")
    return value


def attempt_of(request: Request, key: str, body: bytes) -> Attempt:
    """`request` of a signed-in caller, whose body has the SHA-256 `body`."""
    principal, secret = context_of(request).principal, database_of(request).keys.idempotency
    if principal is None:
        raise BadKey("An idempotency key needs a signed-in caller.")
    name = [str(principal.user_id), str(principal.api_key_id), request.scope["route"].name, key]
    address = f"{request.url.path}?{request.url.query}".encode()
    return Attempt(
        hmac.digest(secret, "\n".join(name).encode(), hashlib.sha256),
        hmac.digest(secret, address + b"\n" + body, hashlib.sha256),
    )
