"""Indexes of the lists of all API keys and sessions, by what they are sorted and filtered by."""

from alembic import op

revision = "b3f0c7a9126d"
down_revision = "3cba87175696"
branch_labels = None
depends_on = None

INDEXES = {
    "api_key": ("created_at", "updated_at", "name", "expires_at", "revoked_at"),
    "auth_session": ("created_at", "expires_at"),
}


def upgrade() -> None:
    for table, columns in INDEXES.items():
        for column in columns:
            op.create_index(f"ix_{table}_{column}_id", table, [column, "id"])
    op.drop_index("ix_auth_session_expires_at", "auth_session")


def downgrade() -> None:
    op.create_index("ix_auth_session_expires_at", "auth_session", ["expires_at"])
    for table, columns in INDEXES.items():
        for column in columns:
            op.drop_index(f"ix_{table}_{column}_id", table)
