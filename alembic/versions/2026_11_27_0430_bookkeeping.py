"""The use of sessions, API keys and second factors in tables of its own: their rows change with an entry only."""

from typing import Any

import sqlalchemy as sa
import sqlmodel.sql.sqltypes

from alembic import op
from app.core.db.column_types import Instant

revision = "f2a6c8e19d40"
down_revision = "a6e1f04b72c9"
branch_labels = None
depends_on = None


def moved_columns() -> dict[str, list[sa.Column[Any]]]:
    """The columns that move, by the table that they leave."""
    generations = ("counter", "base", "confirmed")
    return {
        "auth_session": [
            *[sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in generations],
            sa.Column("used_at", Instant(), nullable=False, server_default="1970-01-01"),
        ],
        "api_key": [
            sa.Column("last_used_at", Instant(), nullable=True),
            sa.Column("last_used_ip", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=True),
        ],
        "second_factor": [sa.Column("last_step", sa.BigInteger(), nullable=False, server_default="0")],
    }


def upgrade() -> None:
    for table, columns in moved_columns().items():
        names = [column.name for column in columns]
        for column in columns:
            column.server_default = None  # the application gives every value
            column.nullable = column.name == "last_used_ip"
        op.create_table(
            f"{table}_use",
            sa.Column("id", sa.Uuid(), nullable=False),
            *columns,
            sa.ForeignKeyConstraint(["id"], [f"{table}.id"], name=op.f(f"fk_{table}_use_id"), ondelete="CASCADE"),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}_use")),
        )
        listed = ", ".join(["id", *names])
        only_used = " WHERE last_used_at IS NOT NULL" if table == "api_key" else ""
        op.execute(f"INSERT INTO {table}_use ({listed}) SELECT {listed} FROM {table}{only_used}")  # nosec B608  # names of ours
        for name in names:
            op.drop_column(table, name)


def downgrade() -> None:
    for table, columns in moved_columns().items():
        for column in columns:
            op.add_column(table, column)
        moved = ", ".join(f"{column.name} = used.{column.name}" for column in columns)
        op.execute(f"UPDATE {table} SET {moved} FROM {table}_use AS used WHERE used.id = {table}.id")  # nosec B608
        op.drop_table(f"{table}_use")
