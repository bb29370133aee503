"""One-time addresses: made for a session, and taken back once."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.core.errors import Unauthenticated
from app.core.security.encryption import decrypt, encrypt, keyed_hash
from app.core.security.keys import Keys
from app.modules.downloads.repository import DownloadRepository

LIFETIME = timedelta(seconds=60)
TOKEN_BYTES = 32


class BadDownloadAddress(Unauthenticated):
    """The address was used, is too old, or never was."""

    code = "bad-download-address"
    remedy = "Ask for a new address with `POST /downloads`, and use it at once. Each works one time."


class ListAddress(NamedTuple):
    """The list that a one-time address stands for, and the session that asked for it."""

    session_id: UUID
    path: str
    query: str


class DownloadService:
    """Makes one-time addresses."""

    def __init__(self, session: Session) -> None:
        self.rows = DownloadRepository(session)
        self.keys = session.keys

    async def create(self, session_id: UUID, path: str, query: str) -> tuple[str, datetime]:
        """(the token of a new address, when it ends). Only a hash of the token is stored."""
        token, expires_at = secrets.token_urlsafe(TOKEN_BYTES), now() + LIFETIME
        digest = hash_token(self.keys, token)
        address = encrypt(self.keys.responses, orjson.dumps([path, query]), digest)
        await self.rows.add(digest, session_id, address, expires_at)
        return token, expires_at


async def open_address(database: Database, context: RequestContext, token: str, *, uses_up: bool) -> ListAddress:
    """What the address with `token` stands for. Raises BadDownloadAddress.

    `uses_up`: it cannot be used again.
    """
    digest = hash_token(database.keys, token)
    async with database.unit_of_work(context) as session:
        row = await DownloadRepository(session).take(digest, removes=uses_up)
    if row is None or row.expires_at <= now():
        raise BadDownloadAddress("This address works once, and for a minute: ask for a new one.")
    path, query = orjson.loads(decrypt(database.keys.responses, row.address, digest))
    return ListAddress(row.session_id, path, query)


def hash_token(keys: Keys, token: str) -> bytes:
    return keyed_hash(keys.lookup, b"download\n" + token.encode())
