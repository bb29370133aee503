"""Where tests write their files: in memory where there is room, because most of their time would go to the disk."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # a file system and not a file
ROOM = 3 * 1024**3


def use_memory() -> None:
    """Let this process and those that it starts make their temporary files in memory; TMPDIR is another place."""
    if "TMPDIR" in os.environ or not has_room(MEMORY):
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # it may have been asked for already


def has_room(folder: Path) -> bool:
    """Whether files of a whole run fit into `folder`."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free >= ROOM
