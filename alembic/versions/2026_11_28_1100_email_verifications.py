"""Verifications of the addresses of users."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import Instant

revision = "d83b60c5e217"
down_revision = "c41f7d2a9b06"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "email_verification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("address_hash", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_email_verification_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_verification")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_email_verification_token_hash")),
        sa.UniqueConstraint("user_id", name=op.f("uq_email_verification_user_id")),
    )
    op.make_backstop(  # type: ignore[attr-defined]  # our own operation
        "email_verification",
        "id",
        "created_at",
        "updated_at",
        "version",
        "user_id",
        "asked_at",
        "expires_at",
        "verified_at",
        "-created_by_id",
        "-updated_by_id",
    )


def downgrade() -> None:
    op.drop_table("email_verification")
