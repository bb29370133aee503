"""Stores the first response to an idempotency key, in the transaction of its effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import orjson

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.http.idempotency import IdempotentRequest, KeyInUse, KeyReused, StoredResponse
from app.core.security.encryption import decrypt, encrypt
from app.modules.idempotency.repository import ResponseRepository

WAIT = "The first request with this idempotency key is still running; try again shortly."


class ResponseStore:
    """Implements `core.http.idempotency.IdempotencyStore`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.key = database.keys.responses
        self.lifetime = timedelta(hours=database.settings.limits.idempotency_hours)
        self.running: set[bytes] = set()

    @asynccontextmanager
    async def exclusive(self, request: IdempotentRequest) -> AsyncIterator[None]:
        """Keep other requests of this process with the same key away. Raises KeyInUse."""
        if request.id in self.running:
            raise KeyInUse(WAIT, Retry_After="1")
        self.running.add(request.id)
        try:
            yield
        finally:
            self.running.discard(request.id)

    async def find(self, session: Session, request: IdempotentRequest) -> StoredResponse | None:
        """The stored response. Raises KeyInUse, KeyReused."""
        rows = ResponseRepository(session)
        if not await rows.try_lock(request.id):
            raise KeyInUse(WAIT, Retry_After="1")
        row = await rows.find(request.id, now() - self.lifetime)
        if row is None:
            return None
        if row.fingerprint != request.fingerprint:
            raise reused_key()
        return self.decrypt(request, row.answer)

    async def store(self, session: Session, request: IdempotentRequest, response: StoredResponse) -> None:
        """Store the first response."""
        await ResponseRepository(session).add(request.id, request.fingerprint, self.encrypt(request, response))

    def encrypt(self, request: IdempotentRequest, response: StoredResponse) -> bytes:
        head = orjson.dumps([response.status, response.headers])
        return encrypt(self.key, head + b"\n" + response.body, request.id)

    def decrypt(self, request: IdempotentRequest, ciphertext: bytes) -> StoredResponse:
        head, _, body = decrypt(self.key, ciphertext, request.id).partition(b"\n")
        status, headers = orjson.loads(head)
        return StoredResponse(status, headers, body)


def reused_key() -> KeyReused:
    detail = "This idempotency key belongs to another request; use a new one."
    return KeyReused(detail, errors=[{"pointer": "/header/Idempotency-Key", "detail": detail, "code": KeyReused.code}])
