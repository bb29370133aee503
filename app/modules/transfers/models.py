"""The files of imports and exports by jobs, in parts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field

from app.core.db.column_types import JSON_DOCUMENT, Instant
from app.core.db.entity import Bookkeeping


class Transfer(Bookkeeping, table=True):
    """A file that a job imports, or that it writes."""

    __tablename__ = "transfer"
    not_audited = "holds a file for a day; the job has who asked for it and what came of it"

    id: UUID = Field(primary_key=True, foreign_key="job.id", ondelete="CASCADE")
    """The job."""
    owner_id: UUID
    """The user who asked."""
    is_import: bool
    """Whether the job imports it, or else writes it."""
    path: str = Field(max_length=200)
    """The path of the list, below that of the API."""
    media_type: str = Field(max_length=100)
    """CSV or NDJSON."""
    name: str = Field(max_length=200)
    """What the file is called."""
    size: int = Field(default=0, sa_type=BigInteger)
    """Its bytes."""
    position: list[int] | None = Field(default=None, sa_type=JSON_DOCUMENT)
    """How far an import came that is committed in batches."""
    report: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What an import did, as encrypted JSON."""
    is_ready: bool = False
    """Whether an exported file is complete, and was not fetched."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """When all of it is removed."""


class TransferPart(Bookkeeping, table=True):
    """A part of a file, encrypted."""

    __tablename__ = "transfer_part"
    not_audited = "holds a file for a day; the job has who asked for it and what came of it"

    transfer_id: UUID = Field(primary_key=True, foreign_key="transfer.id", ondelete="CASCADE")
    """The file."""
    number: int = Field(primary_key=True)
    """Its place, from 0."""
    content: bytes = Field(sa_type=LargeBinary)
    """Its bytes, at most a mebibyte of the file, encrypted for its place."""
