"""The interface that the kernel requires of the module that stores the access log."""

from typing import Any, Protocol


class EntryFile(Protocol):
    """The file that holds an entry until it is in the database."""

    async def sync(self) -> None:
        """Wait until everything appended so far is on the disk itself."""


class AccessLog(Protocol):
    """Stores one entry for each request, in a form that survives a crash of the process."""

    def check_capacity(self) -> None:
        """Raise AuditLogUnavailable while no further entry can be stored."""

    def append(self, entry: dict[str, Any]) -> EntryFile:
        """Store `entry`. Raises AuditLogUnavailable."""

    async def flush(self) -> None:
        """Move every entry that was appended before this call to the database."""
