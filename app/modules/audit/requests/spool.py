"""The spool: an append-only file of framed entries, which survives the process (kill -9) and ships later.

A frame is length (4 bytes), CRC-32 (4 bytes), payload. The owner holds an exclusive lock on its file; a file without
a lock belonged to a process that died, and any other process may ship it.
"""

import asyncio
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.core.clock import new_id
from app.core.errors import Unavailable

HEADER = struct.Struct(">II")
SUFFIX = ".spool"
UNREADABLE_SUFFIX = ".unreadable"
READ_BYTES = 1024 * 1024


class AuditLogUnavailable(Unavailable):
    """The audit log cannot take another entry, so the request is refused, or its response withheld."""

    code = "audit-log-unavailable"


class Spool:
    """One file. `shipped` is the offset up to which its entries are in the database; it is valid while `is_known`."""

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
    def unshipped_bytes(self) -> int:
        """Bytes that are not in the database yet."""
        return self.size - self.shipped

    @classmethod
    def create(cls, folder: Path) -> "Spool":
        """Create a locked file. It gets its name only once it is locked, so that no process takes it for an orphan."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{new_id()}{SUFFIX}"
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(path)
        return cls(path, descriptor)

    @classmethod
    def orphans(cls, folder: Path) -> "Iterator[Spool]":
        """The files whose owner is gone, each locked for this process."""
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
        """Add an entry in one write. Raises AuditLogUnavailable, with the file intact, when the disk refuses."""
        frame = HEADER.pack(len(payload), zlib.crc32(payload)) + payload
        try:
            written = os.write(self.descriptor, frame)
        except OSError as error:
            raise AuditLogUnavailable("The audit log cannot be written; try again later.") from error
        if written != len(frame):
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.size)
            raise AuditLogUnavailable("The audit log cannot be written; try again later.")
        self.size += written

    async def sync(self) -> None:
        """Wait until everything appended is on the disk itself (power loss). Raises AuditLogUnavailable."""
        descriptor = os.dup(self.descriptor)  # the file may be shipped and closed meanwhile
        try:
            await asyncio.to_thread(os.fdatasync, descriptor)
        except OSError as error:
            raise AuditLogUnavailable("The audit log cannot be written; try again later.") from error
        finally:
            os.close(descriptor)

    def read(self, offset: int, limit: int) -> tuple[list[bytes], int]:
        """Up to `limit` complete entries from `offset`, and the offset after them. A torn last frame is no entry."""
        data = os.pread(self.descriptor, READ_BYTES, offset)
        entries: list[bytes] = []
        position = 0
        while len(entries) < limit and position + HEADER.size <= len(data):
            length, checksum = HEADER.unpack_from(data, position)
            payload = data[position + HEADER.size : position + HEADER.size + length]
            if not length or len(payload) != length or zlib.crc32(payload) != checksum:
                break
            entries.append(payload)
            position += HEADER.size + length
        return entries, offset + position

    def close(self) -> None:
        """Remove a file that was shipped completely. One with unreadable bytes is renamed, never deleted."""
        if self.unshipped_bytes:
            self.path.rename(self.path.with_suffix(UNREADABLE_SUFFIX))
        else:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)

    def leave(self) -> None:
        """Release a file that the next process has to ship."""
        os.close(self.descriptor)
