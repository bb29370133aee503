"""One factor a user, and codes for the day it is lost."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field

from app.core.model import Entity, column
from app.core.policy import OMIT, SECRET
from app.core.types import Instant


class SecondFactor(Entity, table=True):
    """In force once confirmed. `last_step` is the time step of the last accepted code, so that none is good twice."""

    __tablename__ = "second_factor"

    decides = frozenset({"confirmed_at"})
    invalidates = "user_id"
    acts_on = "user_id"

    user_id: UUID = Field(foreign_key="user.id", unique=True)
    secret: bytes = column(SECRET, sa_type=LargeBinary)
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    last_step: int = column(OMIT, default=0, sa_type=BigInteger)


class RecoveryCode(Entity, table=True):
    """Good once. Only a keyed hash is stored; the code itself has 120 random bits."""

    __tablename__ = "recovery_code"

    acts_on = "user_id"

    user_id: UUID = Field(foreign_key="user.id", index=True)
    code_hash: str = column(SECRET, max_length=64)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
