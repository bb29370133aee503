"""Second factors, one for each user, their use, and recovery codes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field

from app.core.db.column_types import Instant
from app.core.db.entity import Bookkeeping, Entity
from app.core.db.redaction import SECRET, redacted


class SecondFactor(Entity, table=True):
    """A second factor, active once it is confirmed."""

    __tablename__ = "second_factor"

    affects_access = frozenset({"confirmed_at"})
    access_subject = "user_id"
    target_user_column = "user_id"

    user_id: UUID = Field(foreign_key="user.id", unique=True)
    """The user."""
    secret: bytes = redacted(SECRET, sa_type=LargeBinary)
    """The encrypted secret of the authenticator."""
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    """Since when the factor is active; null before its first code."""


class SecondFactorUse(Bookkeeping, table=True):
    """The last use of a second factor. Each factor has one."""

    __tablename__ = "second_factor_use"
    not_audited = "moves with every code, whose sign-in or step-up is recorded"

    id: UUID = Field(primary_key=True, foreign_key="second_factor.id", ondelete="CASCADE")
    """The second factor."""
    last_step: int = Field(default=0, sa_type=BigInteger)
    """The time step of the last accepted code, so that no code is valid twice."""


class RecoveryCode(Entity, table=True):
    """A recovery code, valid once. Only a keyed hash is stored; the code itself has 120 random bits."""

    __tablename__ = "recovery_code"

    target_user_column = "user_id"

    user_id: UUID = Field(foreign_key="user.id", index=True)
    """The user."""
    code_hash: str = redacted(SECRET, max_length=64)
    """The keyed hash of the code."""
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the code was used; null while it is valid."""
