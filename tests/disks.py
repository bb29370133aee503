"""Disks that run full, for tests: a real file system of a few megabytes, or a limit that everybody may set."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path
from typing import Protocol

import pytest

from app.modules.audit.requests import spool

SIZE = "4m"


class Disk(Protocol):
    """A folder whose disk can be filled."""

    folder: Path

    def fill(self) -> None:
        """Take all the room that is left."""

    def free(self) -> None:
        """Give it back."""


class SmallDisk:
    """A file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self) -> None:
        with self.ballast.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def free(self) -> None:
        self.ballast.unlink()


class RefusingDisk:
    """A folder in which the spool of this process gets no more room while it is full. Needs no rights."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.real: Callable[[int, int, int], None] = spool.allocate
        self.is_full = False
        patch.setattr(spool, "allocate", self.allocate)

    def allocate(self, descriptor: int, offset: int, length: int) -> None:
        if self.is_full:
            raise OSError(ENOSPC, "No space left on device")
        self.real(descriptor, offset, length)

    def fill(self) -> None:
        self.is_full = True

    def free(self) -> None:
        self.is_full = False


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount a file system of a few megabytes. Skips the test where this user may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system of its own: {mounted.stderr.decode().strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
