"""The interface that the kernel requires of the module that stores the access log."""

from typing import Any, Protocol


class EntryPlace(Protocol):
    """The room that one request holds for its entry. What it raises is AuditLogUnavailable."""

    def begin(self, entry: dict[str, Any]) -> None:
        """Store `entry` as aborted, until `append` replaces it."""

    def append(self, entry: dict[str, Any]) -> None:
        """Store `entry`."""

    async def sync(self) -> None:
        """Wait until everything stored so far is on the disk itself."""

    def release(self) -> None:
        """Give back the room that was not used."""


class AccessLog(Protocol):
    """Stores one entry for each request that is not excluded, in a form that survives a crash of the process."""

    def reserve(self) -> EntryPlace:
        """Hold room for one entry, so that it can be stored for certain. Raises AuditLogUnavailable."""

    async def flush(self, *, renew: bool = False) -> None:
        """Move every entry that was appended before this call to the database.

        `renew`: leave the file where they were. It goes once no request holds room in it.
        """
