"""The spool: a file of framed entries, which survives the process (kill -9) and ships later.

A frame is length (4 bytes), CRC-32 (4 bytes), payload. The room behind the last frame is allocated ahead, so that an
entry whose place is reserved cannot find the disk full; it reads as zeros. The owner holds an exclusive lock on its
file; a file without a lock belonged to a process that died, and any other process may ship it.
"""

import asyncio
import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import structlog

from app.core.clock import new_id
from app.core.errors import Unavailable

log = structlog.get_logger(__name__)

HEADER = struct.Struct(">II")
SUFFIX = ".spool"
UNREADABLE_SUFFIX = ".unreadable"
READ_BYTES = 1024 * 1024
CHUNK_BYTES = 1024 * 1024
"""How much is allocated at once: one system call for more than a thousand ordinary entries."""
ENTRY_BYTES = 16 * 1024
"""Largest entry."""
PLACE_BYTES = 2 * (HEADER.size + ENTRY_BYTES)
"""What a request reserves: room for an entry when a streamed response begins, and for the one at its end."""
NO_FALLOCATE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


class AuditLogUnavailable(Unavailable):
    """The audit log cannot take another entry, so the request is refused, or its response withheld."""

    code = "audit-log-unavailable"
    remedy = "Send the request again later, with the same idempotency key. The operator makes room."


class Spool:
    """One file. `shipped` is the offset up to which its entries are in the database; it is valid while `is_known`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = data_end(descriptor)
        self.allocated = self.size
        self.opened_at = monotonic()
        self.reserved = 0
        """Bytes that requests in flight hold, behind `size`."""
        self.unfinished = 0
        """Entries that were begun and are not completed."""
        self.is_full = False
        """Whether the disk had no room when the file was to grow."""
        self.is_broken = False
        """Whether the disk failed to write; then the file takes no further request."""
        self.is_unreadable = False
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
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.rename(path)
        return cls(path, descriptor)

    def reserve(self) -> None:
        """Hold PLACE_BYTES for one request. Raises AuditLogUnavailable when the disk has no room for them."""
        if self.is_broken:
            raise unwritable()
        if self.size + self.reserved + PLACE_BYTES > self.allocated:
            if self.is_full:
                raise disk_full()
            self.grow()
        self.reserved += PLACE_BYTES

    def grow(self) -> None:
        """Allocate room for one more place at least. Raises AuditLogUnavailable."""
        end = max(self.allocated + CHUNK_BYTES, self.size + self.reserved + PLACE_BYTES)
        try:
            allocate(self.descriptor, self.allocated, end - self.allocated)
        except OSError as error:
            if not self.is_full:
                log.error("spool_cannot_grow", spool=self.id, cause=errno.errorcode.get(error.errno or 0))
            self.is_full = True
            raise disk_full() from error
        self.allocated, self.is_full = end, False

    def append(self, payload: bytes) -> int:
        """Add an entry in one write, and return its offset. Raises AuditLogUnavailable when the disk fails."""
        frame = HEADER.pack(len(payload), zlib.crc32(payload)) + payload
        offset = self.size
        try:
            written = os.pwrite(self.descriptor, frame, offset)
        except OSError as error:
            self.is_broken = True
            raise unwritable() from error
        if written != len(frame):
            self.is_broken = True
            raise unwritable()
        self.size += written
        self.allocated = max(self.allocated, self.size)
        return offset

    async def sync(self) -> None:
        """Wait until everything appended is on the disk itself (power loss). Raises AuditLogUnavailable."""
        try:
            descriptor = os.dup(self.descriptor)  # the file may be shipped and closed meanwhile
            try:
                await asyncio.to_thread(os.fdatasync, descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.is_broken = True
            raise unwritable() from error

    def read(self, offset: int, limit: int) -> tuple[list[bytes], int]:
        """Up to `limit` complete entries from `offset`, and the offset after them. A torn last frame is no entry."""
        data = os.pread(self.descriptor, max(0, min(READ_BYTES, self.size - offset)), offset)
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
        self.leave()

    def leave(self) -> None:
        """Release a file that the next process has to ship. Later appends are refused."""
        descriptor, self.descriptor = self.descriptor, -1
        os.close(descriptor)


def orphans(folder: Path) -> Iterator[Spool]:
    """The files whose owner is gone, each locked for this process."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        try:
            found = Spool(path, descriptor)
        except OSError as error:
            log.error("orphan_not_read", spool=path.stem, cause=errno.errorcode.get(error.errno or 0))
            os.close(descriptor)
            continue
        yield found


def data_end(descriptor: int) -> int:
    """The offset behind the last byte that is not zero: what follows is room that was allocated ahead."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - READ_BYTES)
        data = os.pread(descriptor, end - start, start).rstrip(b"\0")
        if data:
            return start + len(data)
        end = start
    return 0


def allocate(descriptor: int, offset: int, length: int) -> None:
    """Take room of the disk for the file. Raises OSError. Without fallocate, zeros are written."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, offset, length)
        except OSError as error:
            if error.errno not in NO_FALLOCATE:
                raise
        else:
            return
    if os.pwrite(descriptor, bytes(length), offset) != length:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def disk_full() -> AuditLogUnavailable:
    return AuditLogUnavailable("The disk of the audit log is full; try again later.", Retry_After="5")


def unwritable() -> AuditLogUnavailable:
    return AuditLogUnavailable("The audit log cannot be written; try again later.")
