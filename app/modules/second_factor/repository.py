"""Queries over second factors and recovery codes."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from app.core.db.entity import table_of
from app.core.db.repository import Repository
from app.modules.second_factor.models import RecoveryCode, SecondFactor, SecondFactorUse

OF_USER = (
    select(SecondFactor, SecondFactorUse)
    .join(SecondFactorUse, col(SecondFactorUse.id) == col(SecondFactor.id))
    .where(col(SecondFactor.user_id) == bindparam("user_id"))
    .with_for_update(key_share=True)
)
"""The factor of a user and its use, both locked."""


class LockedFactor(NamedTuple):
    """A second factor and its use, both locked."""

    row: SecondFactor
    use: SecondFactorUse


class SecondFactorRepository(Repository[SecondFactor]):
    """Second factors."""

    model = SecondFactor

    async def of_user(self, user_id: UUID) -> LockedFactor | None:
        """Load and lock the user's factor, active or not, and its use: of two uses of one code one waits."""
        found = await self.writer.first(OF_USER, {"user_id": user_id})
        return None if found is None else LockedFactor(*found)

    async def confirmed_at(self, user_id: UUID) -> datetime | None:
        """Since when the user's factor is active; None where there is none."""
        columns = self.table.c
        statement = self.build_once(
            "confirmed at", lambda: select(columns.confirmed_at).where(columns.user_id == bindparam("user_id"))
        )
        found: datetime | None = await self.session.value(statement, {"user_id": user_id})
        return found

    async def find_enrolled(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Those of the users who have an active factor."""
        columns = self.table.c
        statement = select(columns.user_id).where(columns.user_id.in_(user_ids), columns.confirmed_at.is_not(None))
        return {row.user_id for row in await self.session.all(statement)}


class RecoveryCodeRepository(Repository[RecoveryCode]):
    """Recovery codes."""

    model = RecoveryCode

    async def load_unused(self, user_id: UUID, code_hash: str) -> RecoveryCode | None:
        """Load and lock an unused code of the user."""
        mine = select(RecoveryCode).where(col(RecoveryCode.user_id) == user_id, col(RecoveryCode.used_at).is_(None))
        result = await self.writer.execute(
            mine.where(col(RecoveryCode.code_hash) == code_hash).with_for_update(key_share=True)
        )
        return result.scalar_one_or_none()

    async def of_user(self, user_id: UUID) -> list[RecoveryCode]:
        statement = select(RecoveryCode).where(col(RecoveryCode.user_id) == user_id)
        return list((await self.writer.execute(statement)).scalars())

    async def count_unused(self, user_id: UUID) -> int:
        """The number of unused codes."""
        table = table_of(RecoveryCode)
        count = select(func.count()).where(table.c.user_id == user_id, table.c.used_at.is_(None))
        return int(await self.session.value(count))
