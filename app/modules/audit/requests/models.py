"""How far the access log is shipped."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping


class AuditSpool(Bookkeeping, table=True):
    """The position up to which a spool file was shipped. It moves in the transaction that adds the entries."""

    __tablename__ = "audit_spool"
    not_audited = "says how far the access log is shipped"
    append_only = True
    changeable_columns = frozenset({"position", "at"})
    rising_column = "position"
    removable_after = timedelta(days=6)

    id: str = Field(primary_key=True, max_length=64)
    """The name of the file; with `.aborted` behind it, the position says that its aborted entries are shipped."""
    position: int = Field(sa_type=BigInteger)
    """The offset up to which its entries are in the database."""
    at: datetime = Field(sa_type=Instant)
    """When the position last moved, by the clock of the database."""
