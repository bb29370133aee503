"""What the sealer stores: how far each log is sealed, the order of its entries, its tree and its checkpoints."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger
from sqlmodel import Field

from app.core.db.column_types import BIG_ID, Instant
from app.core.db.entity import LEAST_RETENTION, Bookkeeping
from app.modules.audit.models import AUDITOR, SEALER

LOG_LENGTH = 8
"""Room for the name of a log: `changes` or `access`."""


class AuditSeal(Bookkeeping, table=True):
    """How far a log is sealed. It moves in the transaction that seals."""

    __tablename__ = "audit_seal"
    not_audited = "says how far the audit log is sealed"
    written_by, read_by = SEALER, AUDITOR

    log: str = Field(primary_key=True, max_length=LOG_LENGTH)
    """The log."""
    epoch: int = 0
    """The number of the epoch, from 0. A database that was restored from a dump begins a new one."""
    cluster: str | None = Field(default=None, max_length=32)
    """The identifier of the database system whose transactions the snapshots count."""
    tree: bytes = Field(sa_type=LargeBinary)
    """The size of the tree and its peaks."""
    sealed_snapshot: str | None = None
    """All that is visible in this snapshot is sealed; null while an epoch begins."""
    target_snapshot: str | None = None
    """The snapshot up to which is being sealed; null where nothing of it is left over."""
    target_id: int | None = Field(default=None, sa_type=BigInteger)
    """While an epoch begins: the highest number of an entry when it began."""
    after_id: int = Field(default=0, sa_type=BigInteger)
    """The number of the last entry that was sealed on the way to the target."""
    key_id: str | None = Field(default=None, max_length=8)
    """The key that signed the newest checkpoint."""
    checkpoint_at: datetime | None = Field(default=None, sa_type=Instant)
    """When that was, by the clock of the sealer."""
    witnessed_size: int = Field(default=0, sa_type=BigInteger)
    """More entries than the log had, which a witness has cosigned: the log was set back."""
    accepted_size: int = Field(default=0, sa_type=BigInteger)
    """Up to what such size an operator has said to go on."""


class AuditTile(Bookkeeping, table=True):
    """A part of the tree of a log: up to 16 neighbouring nodes (`seal/tiles.py`)."""

    __tablename__ = "audit_tile"
    not_audited = "is the tree of the audit log"
    written_by, read_by = SEALER, AUDITOR

    log: str = Field(primary_key=True, max_length=LOG_LENGTH)
    """The log."""
    level: int = Field(primary_key=True, sa_type=SmallInteger)
    """The level of the nodes."""
    number: int = Field(primary_key=True, sa_type=BigInteger)
    """The position of the first node, divided by 16."""
    nodes: bytes = Field(sa_type=LargeBinary)
    """The hashes of the nodes that are complete."""


class AuditCheckpoint(Bookkeeping, table=True):
    """A signed checkpoint of a log."""

    __tablename__ = "audit_checkpoint"
    not_audited = "is the seal of the audit log"
    written_by, read_by = SEALER, AUDITOR
    append_only = True
    removable_after = LEAST_RETENTION
    __table_args__ = (
        Index("ix_audit_checkpoint_at", "at"),
        Index("ix_audit_checkpoint_log_size_id", "log", "size", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIG_ID)
    """The number of the checkpoint."""
    log: str = Field(max_length=LOG_LENGTH)
    """The log."""
    size: int = Field(sa_type=BigInteger)
    """How many entries it covers."""
    at: datetime = Field(sa_type=Instant)
    """When it was made, by the clock of the sealer."""
    note: str
    """The signed note, without cosignatures."""


class AuditSealKey(Bookkeeping, table=True):
    """A public key of the sealer."""

    __tablename__ = "audit_seal_key"
    not_audited = "is the seal of the audit log"
    written_by, read_by = SEALER, AUDITOR
    append_only = True

    log: str = Field(primary_key=True, max_length=LOG_LENGTH)
    """The log whose checkpoints it verifies."""
    id: str = Field(primary_key=True, max_length=8)
    """Its identifier in signatures."""
    key: str
    """The verifier key, `name+id+key`."""
    at: datetime = Field(sa_type=Instant)
    """When it signed for the first time."""


class AuditCosignature(Bookkeeping, table=True):
    """A cosignature of a checkpoint by a witness."""

    __tablename__ = "audit_cosignature"
    not_audited = "is the seal of the audit log"
    written_by, read_by = SEALER, AUDITOR
    append_only = True
    removable_after = LEAST_RETENTION

    checkpoint_id: int = Field(primary_key=True, sa_type=BigInteger)
    """The number of the checkpoint."""
    witness: str = Field(primary_key=True)
    """The verifier key of the witness."""
    signature: str
    """The line of the note."""
    at: datetime = Field(sa_type=Instant)
    """When it arrived."""
