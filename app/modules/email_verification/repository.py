"""Queries over verifications of addresses."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.db.repository import Repository
from app.core.db.session import AnyRow
from app.modules.email_verification.models import EmailVerification


class EmailVerificationRepository(Repository[EmailVerification]):
    """Verifications of addresses."""

    model = EmailVerification

    async def of_user(self, user_id: UUID) -> AnyRow | None:
        """The last verification of a user."""
        columns = self.table.c
        return await self.session.first(select(*columns).where(columns.user_id == user_id))

    async def load_of(self, user_id: UUID) -> EmailVerification | None:
        """Load and lock the last verification of a user."""
        return await self.load_where(col(EmailVerification.user_id) == user_id)

    async def load_by_token(self, token_hash: str) -> EmailVerification | None:
        """Load and lock the verification with this token."""
        return await self.load_where(col(EmailVerification.token_hash) == token_hash)

    async def load_where(self, condition: object) -> EmailVerification | None:
        wanted = select(EmailVerification).where(condition).with_for_update(key_share=True)  # type: ignore[arg-type]  # a condition of SQLAlchemy
        return (await self.writer.execute(wanted)).scalar_one_or_none()
