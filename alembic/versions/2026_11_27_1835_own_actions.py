"""Actions of modules beside the standard ones, and grants for a part of a module's rows."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT

revision = "1f6b20d94ce8"
down_revision = "5a7e0c91d3f4"
branch_labels = None
depends_on = None

NONE = "[]"


def upgrade() -> None:
    for table, name in (("module", "actions"), ("module", "scopes"), ("role_module", "actions")):
        op.add_column(table, sa.Column(name, JSON_DOCUMENT, server_default=NONE, nullable=False))
    scope: sa.Column[str] = sa.Column(
        "scope", sqlmodel.sql.sqltypes.AutoString(length=40), server_default="all", nullable=False
    )
    op.add_column("role_module", scope)
    op.add_to_backstop("module", "actions", "scopes")  # type: ignore[attr-defined]  # our own operation
    op.add_to_backstop("role_module", "actions", "scope")  # type: ignore[attr-defined]  # our own operation


def downgrade() -> None:
    added = (("role_module", "scope"), ("role_module", "actions"), ("module", "scopes"), ("module", "actions"))
    for table, name in added:
        op.drop_column(table, name)
