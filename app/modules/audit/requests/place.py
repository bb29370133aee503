"""The place of one request in the spool: reserved before the request has an effect, used at its end."""

from typing import Any

import orjson

from app.modules.audit.requests.spool import HEADER, PLACE_BYTES, Spool

ABORTED = "aborted"
"""The error code of an entry whose process died, or whose disk failed, while the response was sent."""
BEGUN, COMPLETES = b'{"begun":', b'{"completes":'
"""How the payload of an entry begins that another one completes later, and of the one that completes it."""
SCAN = 1000


class SpoolPlace:
    """Room for the entry of one request. A streamed response has an entry on disk before its first byte leaves."""

    __slots__ = ("begun_at", "spool")

    def __init__(self, spool: Spool) -> None:
        """Reserve the room in `spool`. Raises AuditLogUnavailable."""
        spool.reserve()
        self.spool = spool
        self.begun_at: int | None = None

    def begin(self, entry: dict[str, Any]) -> None:
        """Store what counts if this process dies before `append`. Raises AuditLogUnavailable."""
        self.begun_at = self.spool.append(encode({"begun": True, **entry, "error_code": ABORTED}))
        self.spool.unfinished += 1

    def append(self, entry: dict[str, Any]) -> None:
        """Store the entry. Raises AuditLogUnavailable."""
        if self.begun_at is None:
            self.spool.append(encode(entry))
            return
        self.spool.append(encode({"completes": self.begun_at, **entry}))
        self.spool.unfinished -= 1

    async def sync(self) -> None:
        """Wait until what was stored is on the disk itself. Raises AuditLogUnavailable."""
        await self.spool.sync()

    def release(self) -> None:
        """Give back the room that was not used."""
        self.spool.reserved -= PLACE_BYTES


def encode(entry: dict[str, Any]) -> bytes:
    """`entry` as JSON. What a client wrote is cut before, so that it fits its place."""
    return orjson.dumps(entry, default=str)


def is_begun(payload: bytes) -> bool:
    """Whether another entry completes this one, so that it is no access entry by itself."""
    return payload.startswith(BEGUN)


def unfinished_entries(spool: Spool) -> list[bytes]:
    """The entries that were begun and never completed."""
    begun: dict[int, bytes] = {}
    offset = 0
    while True:
        entries, end = spool.read(offset, SCAN)
        if not entries:
            return list(begun.values())
        for payload in entries:
            if is_begun(payload):
                begun[offset] = payload
            elif payload.startswith(COMPLETES):
                begun.pop(orjson.loads(payload)["completes"], None)
            offset += HEADER.size + len(payload)
        offset = end
