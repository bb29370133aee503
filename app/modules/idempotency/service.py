"""Stores the first response to an idempotency key, in the transaction of its effect."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import orjson

from app.core.clock import now
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import AnyRow, Session
from app.core.field_errors import field_error
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
        return decrypt_answer(self.key, request.id, row.answer)

    async def store(self, session: Session, request: IdempotentRequest, response: StoredResponse) -> None:
        """Store the first response."""
        answer = encrypt_answer(self.key, request.id, response)
        await ResponseRepository(session).add(request.id, request.fingerprint, answer)


def encrypt_answer(key: bytes, id: bytes, response: StoredResponse) -> bytes:
    """The response to the request `id`, encrypted."""
    head = orjson.dumps([response.status, response.headers])
    return encrypt(key, head + b"\n" + response.body, id)


def decrypt_answer(key: bytes, id: bytes, ciphertext: bytes) -> StoredResponse:
    head, _, body = decrypt(key, ciphertext, id).partition(b"\n")
    status, headers = orjson.loads(head)
    return StoredResponse(status, headers, body)


async def forget_answers(session: Session, person: Person) -> None:
    """Empty the stored answers that tell of a person who is erased. A retry gets the status, and has no effect."""
    rows, key, last = ResponseRepository(session), session.keys.responses, b""
    while found := await rows.batch(last):
        last = found[-1].id
        for row, status in await asyncio.to_thread(find_marked, key, found, person):
            await rows.replace(row.id, encrypt_answer(key, row.id, StoredResponse(status, [], b"")))


def find_marked(key: bytes, rows: Sequence[AnyRow], person: Person) -> list[tuple[AnyRow, int]]:
    """The rows of answers that tell of a person, each with its status."""
    answers = ((row, decrypt_answer(key, row.id, row.answer)) for row in rows)
    return [(row, answer.status) for row, answer in answers if person.is_in(answer.body)]


def reused_key() -> KeyReused:
    detail = "This idempotency key belongs to another request; use a new one."
    return KeyReused(detail, errors=[field_error("/header/Idempotency-Key", detail, KeyReused.code)])
