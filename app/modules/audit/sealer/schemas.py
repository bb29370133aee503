"""Responses about sealed logs."""

from datetime import datetime

from app.core.resources.schemas import ResponseSchema


class InclusionProof(ResponseSchema):
    """The proof that a checkpoint covers an entry (RFC 9162, 2.1.3)."""

    log: str
    """The log: `changes` or `access`."""
    seq: int
    """The place of the entry, from 1. Its leaf in the tree has the index `seq - 1`."""
    size: int
    """The number of entries that the checkpoint covers."""
    entry: str
    """The canonical bytes of the entry, in UTF-8. The SHA-256 of a zero byte and these is the hash of the leaf."""
    path: list[str]
    """The hashes from the leaf to the root, in base64."""
    checkpoint: str
    """The signed checkpoint."""


class ConsistencyProof(ResponseSchema):
    """The proof that a log at one size is the beginning of the log at another (RFC 9162, 2.1.4)."""

    log: str
    """The log: `changes` or `access`."""
    from_size: int
    """The smaller number of entries."""
    to_size: int
    """The larger number of entries."""
    path: list[str]
    """The hashes of the proof, in base64."""


class WitnessStatus(ResponseSchema):
    """What a witness has cosigned of a log."""

    name: str
    """The name of its key."""
    verifier_key: str
    """The key that verifies its cosignatures (`name+id+key`)."""
    size: int | None
    """The number of entries of the newest checkpoint that it has cosigned; null if it has cosigned none."""
    at: datetime | None
    """When the cosignature arrived."""


class LogStatus(ResponseSchema):
    """How far a log is sealed."""

    log: str
    """The log: `changes` or `access`."""
    size: int
    """The number of sealed entries."""
    oldest_at: datetime | None
    """`at` of the oldest entry that is not in an archive only; null where there is none."""
    epoch: int
    """The number of the epoch, from 0. A database that was restored from a dump begins a new one."""
    checkpoint_at: datetime | None
    """When the newest checkpoint was signed; null before the first one."""
    lag_seconds: float
    """For how long the oldest entry has been stored that is not sealed; 0 where there is none."""
    witnesses: list[WitnessStatus]
    """The witnesses that AUDIT__WITNESSES names, and those that cosigned recently."""
    witnessed_size: int
    """The largest number of entries that a witness is known to have cosigned."""
    is_set_back: bool
    """Whether that is more than the log has: then nothing is sealed until an operator says to go on."""


class ArchiveStatus(ResponseSchema):
    """An archived month of a log."""

    log: str
    """The log: `changes` or `access`."""
    month: str
    """The last month that is in it, such as `2026-01`."""
    count: int
    """The number of entries."""
    first_seq: int
    """The place of the first of them."""
    last_seq: int
    """The place of the last of them."""
    is_dropped: bool
    """Whether they are in the archive only; false on SQLite, and once they were restored."""
    place: str
    """The folder or bucket of its files."""
    at: datetime
    """When it was archived or restored."""


class AuditStatus(ResponseSchema):
    """How far both logs are sealed, and what waits to be a part of them."""

    logs: list[LogStatus]
    """The two logs."""
    unshipped_bytes: int
    """Bytes of access entries on the disk of this host that are not in the database yet, of all processes."""
    unshipped_seconds: float
    """The age of the oldest of these entries; 0 where there is none."""
    archives: list[ArchiveStatus]
    """What was archived, by log and month."""
