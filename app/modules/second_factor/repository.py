"""Factor queries."""

from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from app.core.repository import Repository, table_of
from app.core.types import AnyRow
from app.modules.second_factor.models import RecoveryCode, SecondFactor


class SecondFactorRepository(Repository[SecondFactor]):
    model = SecondFactor

    async def of_user(self, user_id: UUID) -> SecondFactor | None:
        """The user's factor, confirmed or not, locked: of two uses of one code one waits for the other."""
        statement = select(SecondFactor).where(col(SecondFactor.user_id) == user_id).with_for_update(key_share=True)
        return (await self.writer.execute(statement)).scalar_one_or_none()

    async def state(self, user_id: UUID) -> AnyRow | None:
        """confirmed_at of the user's factor."""
        statement = select(self.table.c.confirmed_at).where(self.table.c.user_id == user_id)
        return await self.session.first(statement)


class RecoveryCodeRepository(Repository[RecoveryCode]):
    model = RecoveryCode

    async def unused(self, user_id: UUID, code_hash: str) -> RecoveryCode | None:
        mine = select(RecoveryCode).where(col(RecoveryCode.user_id) == user_id, col(RecoveryCode.used_at).is_(None))
        found = await self.writer.execute(
            mine.where(col(RecoveryCode.code_hash) == code_hash).with_for_update(key_share=True)
        )
        return found.scalar_one_or_none()

    async def of_user(self, user_id: UUID) -> list[RecoveryCode]:
        statement = select(RecoveryCode).where(col(RecoveryCode.user_id) == user_id)
        return list((await self.writer.execute(statement)).scalars())

    async def left(self, user_id: UUID) -> int:
        table = table_of(RecoveryCode)
        counted = select(func.count()).where(table.c.user_id == user_id, table.c.used_at.is_(None))
        return int(await self.session.value(counted))
