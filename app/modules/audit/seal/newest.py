"""The newest checkpoint of each log that a witness cosigned, in files that survive kill -9 and a loss of power.

A file is the SHA-256 of a signed checkpoint, in hexadecimal on a line of its own, and the checkpoint. It is replaced as
a whole: the draft is written and synchronized before it gets the name, and the folder after that.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from app.modules.audit.seal.checkpoint import Checkpoint
from app.modules.audit.seal.note import InvalidNote, Note

SUFFIX, DRAFT_SUFFIX, LOCK_SUFFIX = ".checkpoint", ".new", ".lock"


class CorruptState(Exception):
    """A file with a checkpoint is damaged, or is not where it belongs."""


class NewestCheckpoints:
    """A folder with one file for each log. Raises OSError and CorruptState if the folder or a file is unusable."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            read(path)

    def path(self, origin: str) -> Path:
        return self.folder / f"{sha256(origin.encode()).hexdigest()}{SUFFIX}"

    @contextmanager
    def lock(self, origin: str) -> Iterator[None]:
        """Keep other threads and processes from this log while the block runs."""
        descriptor = os.open(self.path(origin).with_suffix(LOCK_SUFFIX), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def find(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint of a log, if there is one. Raises CorruptState."""
        with suppress(FileNotFoundError):
            return read(self.path(origin))
        return None

    def replace(self, origin: str, note: Note) -> None:
        """Store a signed checkpoint in place of the one before, on the disk itself. The caller has the lock."""
        path = self.path(origin)
        draft = path.with_suffix(DRAFT_SUFFIX)
        content = bytes(note)
        with open(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123  # of an own mode
            file.write(f"{sha256(content).hexdigest()}\n".encode() + content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        synchronize(self.folder)


def read(path: Path) -> Checkpoint:
    checksum, _, content = path.read_bytes().partition(b"\n")
    try:
        if checksum.decode("ascii") != sha256(content).hexdigest():
            raise CorruptState(f"{path} is damaged: its checksum does not fit its content")
        checkpoint = Checkpoint.parse(Note.parse(content).text)
    except (InvalidNote, UnicodeDecodeError) as error:
        raise CorruptState(f"{path} is damaged: it holds no checkpoint") from error
    if path.stem != sha256(checkpoint.origin.encode()).hexdigest():
        raise CorruptState(f"{path} holds a checkpoint of another log, {checkpoint.origin}")
    return checkpoint


def synchronize(folder: Path) -> None:
    """Wait until the names of the files are on the disk itself."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
