"""What the kernel asks of the module that keeps the access log."""

from typing import Any, Protocol


class EntryFile(Protocol):
    """The file that holds an entry until it is in the database."""

    async def sync(self) -> None:
        """Wait until everything appended so far is on the disk itself."""


class AccessLog(Protocol):
    """Keeps one entry for each request, through a crash of the process."""

    def check_capacity(self) -> None:
        """Raise AuditLogUnavailable while no further entry can be kept."""

    def append(self, entry: dict[str, Any]) -> EntryFile:
        """Keep `entry`. Raises AuditLogUnavailable."""

    async def flush(self) -> None:
        """Move every entry that was appended before this call to the database."""
