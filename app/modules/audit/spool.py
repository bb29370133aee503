"""An append-only file of framed records: what is written here survives the process (kill -9), and ships later.

A frame is length (4 bytes), CRC-32 (4 bytes), payload. The owner holds an exclusive lock on its file; a file without
one belonged to a process that died, and anybody may ship it.
"""

import asyncio
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.core.errors import Unavailable
from app.core.types import new_id

HEADER = struct.Struct(">II")
SUFFIX = ".spool"
UNREADABLE_SUFFIX = ".unreadable"
READ_BYTES = 1024 * 1024


class RecordUnavailable(Unavailable):
    """The record cannot take another row, so the request is refused, or its answer withheld."""

    code = "record-unavailable"


class Spool:
    """One file. `shipped` is the offset up to which its rows are in the database; it counts while `is_known`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.shipped = 0
        self.is_known = False

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def waiting(self) -> int:
        """Bytes that are not in the database yet."""
        return self.size - self.shipped

    @classmethod
    def create(cls, folder: Path) -> "Spool":
        """A new locked file; it gets its name only once it is locked, so nobody takes it for an orphan."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{new_id()}{SUFFIX}"
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(path)
        return cls(path, descriptor)

    @classmethod
    def orphans(cls, folder: Path) -> "Iterator[Spool]":
        """Files whose owner is gone, each locked for us."""
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            yield cls(path, descriptor)

    def append(self, payload: bytes) -> None:
        """Add one record in one write. Raises RecordUnavailable, leaving the file whole, when the disk refuses."""
        frame = HEADER.pack(len(payload), zlib.crc32(payload)) + payload
        try:
            written = os.write(self.descriptor, frame)
        except OSError as error:
            raise RecordUnavailable("The record cannot be written; try again later.") from error
        if written != len(frame):
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.size)
            raise RecordUnavailable("The record cannot be written; try again later.")
        self.size += written

    async def sync(self) -> None:
        """Wait until everything appended is on the disk itself (power loss). Raises RecordUnavailable."""
        descriptor = os.dup(self.descriptor)  # the file may be shipped and closed meanwhile
        try:
            await asyncio.to_thread(os.fdatasync, descriptor)
        except OSError as error:
            raise RecordUnavailable("The record cannot be written; try again later.") from error
        finally:
            os.close(descriptor)

    def read(self, offset: int, limit: int) -> tuple[list[bytes], int]:
        """Up to `limit` whole records from `offset`, and the offset behind them. A torn last record is not a record."""
        data = os.pread(self.descriptor, READ_BYTES, offset)
        records: list[bytes] = []
        position = 0
        while len(records) < limit and position + HEADER.size <= len(data):
            length, checksum = HEADER.unpack_from(data, position)
            payload = data[position + HEADER.size : position + HEADER.size + length]
            if not length or len(payload) != length or zlib.crc32(payload) != checksum:
                break
            records.append(payload)
            position += HEADER.size + length
        return records, offset + position

    def close(self) -> None:
        """Remove a file that was shipped whole; one with bytes that nobody could read is set aside, never deleted."""
        if self.waiting:
            self.path.rename(self.path.with_suffix(UNREADABLE_SUFFIX))
        else:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)

    def leave(self) -> None:
        """Let go of a file that the next process has to ship."""
        os.close(self.descriptor)
