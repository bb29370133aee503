"""Keeping the first answer to an idempotency key in the transaction of its effect."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.context import RequestContext
from app.core.db import Database, Session
from app.core.idempotency import Attempt, Reused, StillRunning, Stored
from app.core.types import now
from app.modules.idempotency.repository import AnswerRepository

NONCE_BYTES = 12
WAIT = "The first request with this idempotency key is still running; ask again shortly."


def reused() -> Reused:
    detail = "This idempotency key answered another request; use a new one."
    return Reused(detail, errors=[{"pointer": "/header/Idempotency-Key", "detail": detail, "code": Reused.code}])


class StoredAnswers:
    """Implements `core.idempotency.Answers`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.cipher = AESGCM(database.keys.answers)
        self.lifetime = timedelta(hours=database.settings.limits.idempotency_hours)
        self.running: set[bytes] = set()

    @asynccontextmanager
    async def alone(self, attempt: Attempt) -> AsyncIterator[None]:
        if attempt.id in self.running:
            raise StillRunning(WAIT, Retry_After="1")
        self.running.add(attempt.id)
        try:
            yield
        finally:
            self.running.discard(attempt.id)

    async def recall(self, session: Session, attempt: Attempt) -> Stored | None:
        rows = AnswerRepository(session)
        if not await rows.lock(attempt.id):
            raise StillRunning(WAIT, Retry_After="1")
        row = await rows.find(attempt.id, now() - self.lifetime)
        if row is None:
            return None
        if row.fingerprint != attempt.fingerprint:
            raise reused()
        return self.opened(attempt, row.answer)

    async def store(self, session: Session, attempt: Attempt, answer: Stored) -> None:
        await AnswerRepository(session).add(attempt.id, attempt.fingerprint, self.sealed(attempt, answer))

    def sealed(self, attempt: Attempt, answer: Stored) -> bytes:
        head = orjson.dumps([answer.status, answer.headers])
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, head + b"\n" + answer.body, attempt.id)

    def opened(self, attempt: Attempt, sealed: bytes) -> Stored:
        head, _, body = self.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], attempt.id).partition(b"\n")
        status, headers = orjson.loads(head)
        return Stored(status, headers, body)

    async def prune(self) -> bool:
        """Forget answers that are too old to be asked for."""
        async with self.database.unit_of_work(RequestContext.of_job("prune-idempotency-keys")) as session:
            await AnswerRepository(session).remove_before(now() - self.lifetime)
        return False
