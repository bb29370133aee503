"""One-time addresses."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping


class Download(Bookkeeping, table=True):
    """An address that was not used yet."""

    __tablename__ = "download"
    not_audited = "holds addresses for a minute; the access log has who asked for one, and who used it"

    id: bytes = Field(primary_key=True, sa_type=LargeBinary(32))
    """The keyed hash of the token in the address."""
    session_id: UUID
    """The session that asked for it."""
    address: bytes = Field(sa_type=LargeBinary)
    """The path and query of the list, encrypted: a search may be for a person."""
    expires_at: datetime = Field(sa_type=Instant, index=True)
    """When the address ends."""
