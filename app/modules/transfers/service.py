"""Stores the files of imports and exports, encrypted, and gives them back."""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import IO, Any
from uuid import UUID

import orjson

from app.core.clock import now
from app.core.context import Principal, RequestContext
from app.core.db.engine import Database
from app.core.db.person import Person
from app.core.db.session import ReadSession, Session
from app.core.errors import Conflict, NotFound
from app.core.jobs import Retry
from app.core.security.encryption import decrypt, encrypt
from app.core.security.keys import Keys
from app.modules.transfers.repository import TransferRepository, count_kept, find_part, find_transfer

LIFETIME = timedelta(hours=24)
PART_BYTES = 1024 * 1024
MOST_FILES = 10
"""Files of one user that are kept at a time: each can be large."""
REPORT = -1
"""The number by which a report is bound to its place."""


def place_of(id: UUID, number: int) -> bytes:
    """What an encrypted part is bound to."""
    return f"transfer\n{id}\n{number}".encode()


class TooManyFiles(Conflict):
    """As many files of this user are kept as may be: those that wait to be imported, or to be fetched."""

    code = "too-many-files"
    remedy = "Wait until your imports are done, and fetch the files of your exports. Each is kept for a day at most."


class TransferService:
    """Files of jobs."""

    def __init__(self, session: Session) -> None:
        self.rows = TransferRepository(session)
        self.keys = session.keys

    async def create(self, id: UUID, owner_id: UUID, **values: Any) -> None:
        """Store what a job imports or exports, without its parts."""
        await self.rows.add(id, owner_id=owner_id, expires_at=now() + LIFETIME, **values)

    async def check_room(self, owner_id: UUID) -> None:
        """Raise TooManyFiles for a user of whom no further file can be kept."""
        if await count_kept(self.rows.session, owner_id) >= MOST_FILES:
            raise TooManyFiles(f"{MOST_FILES} files of yours are kept already.")

    async def store_file(self, id: UUID, file: IO[bytes]) -> None:
        """Store the parts of a file."""
        file.seek(0)
        number = 0
        while content := file.read(PART_BYTES):
            await self.add_part(id, number, content)
            number += 1

    async def add_part(self, id: UUID, number: int, content: bytes) -> None:
        await self.rows.add_part(id, number, encrypt(self.keys.responses, content, place_of(id, number)))

    async def complete(self, id: UUID, size: int, number: int) -> None:
        """Offer a file that has been written. Raises Retry where its parts were dropped meanwhile."""
        await self.rows.change(id, size=size, is_ready=True)  # what drops parts waits for this
        if await self.rows.count_parts(id) != number:
            raise Retry("the parts were dropped")

    async def store_report(self, id: UUID, report: dict[str, Any]) -> None:
        """Store what an import did. Its file is not needed any more."""
        content = encrypt(self.keys.responses, orjson.dumps(report), place_of(id, REPORT))
        await self.rows.change(id, report=content)
        await self.rows.remove_parts(id)


async def read_parts(session: Session | ReadSession, id: UUID) -> AsyncIterator[bytes]:
    """The parts of a file, in their order."""
    number = 0
    while (content := await find_part(session, id, number)) is not None:
        yield decrypt(session.keys.responses, content, place_of(id, number))
        number += 1


def read_report(keys: Keys, row: Any) -> dict[str, Any] | None:
    """What an import did."""
    if row.report is None:
        return None
    report: dict[str, Any] = orjson.loads(decrypt(keys.responses, row.report, place_of(row.id, REPORT)))
    return report


async def get_own(session: ReadSession, caller: Principal, id: UUID) -> Any:
    """The file of a job for which the caller asked. Raises NotFound."""
    row = await find_transfer(session, id)
    if row is None or row.owner_id != caller.user_id or row.expires_at <= now():
        raise NotFound(f"There is no transfer {id}.")
    return row


async def fetch_once(database: Database, context: RequestContext, id: UUID, size: int) -> AsyncIterator[bytes]:
    """A file of this size, which is removed once all of it was taken. Raises NotFound where it was removed before."""
    taken = 0
    async for content in read_parts(database.read_session(context), id):
        await context.reauthorize()
        taken += len(content)
        yield content
    if taken != size:
        raise NotFound("The file was fetched or removed meanwhile.")
    async with database.unit_of_work(context) as session:
        rows = TransferRepository(session)
        await rows.remove_parts(id)
        await rows.change(id, is_ready=False)


async def drop_files(session: Session, ids: Iterable[UUID]) -> None:
    """Drop files that are of no use any more."""
    rows = TransferRepository(session)
    for each in ids:
        await rows.change(each, is_ready=False)
        await rows.remove_parts(each)


async def forget(session: Session, _person: Person) -> None:
    """Drop all files where a person is erased: any may tell of the person, and none is kept for longer than a day."""
    await TransferRepository(session).remove_all()
