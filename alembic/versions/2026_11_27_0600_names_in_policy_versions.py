"""Policy versions hold no names of users and no reasons of assignments: names are found by the id."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT

revision = "c15e7f0a93d2"
down_revision = "a6d1f83b205e"
branch_labels = None
depends_on = None

TABLE = "policy_version"
versions = sa.table(
    TABLE, sa.column("id", sa.BigInteger()), sa.column("changes", JSON_DOCUMENT), sa.column("effects", JSON_DOCUMENT)
)


def upgrade() -> None:
    op.drop_append_only(TABLE)  # type: ignore[attr-defined]  # our own operation
    connection = op.get_bind()
    for id in connection.execute(sa.select(versions.c.id)).scalars().all():  # noqa: A001
        row = connection.execute(sa.select(versions).where(versions.c.id == id)).one()
        without = {"changes": list(map(without_reason, row.changes)), "effects": list(map(without_name, row.effects))}
        connection.execute(sa.update(versions).where(versions.c.id == id).values(without))
    op.make_append_only(TABLE, removable_after_days=29)  # type: ignore[attr-defined]  # our own operation


def without_name(effect: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in effect.items() if key != "username"}


def without_reason(change: dict[str, Any]) -> dict[str, Any]:
    if change["entity"] != "user_role":
        return change
    sides = {side: change[side] and {k: v for k, v in change[side].items() if k != "reason"} for side in ("old", "new")}
    return {**change, **sides}


def downgrade() -> None:
    """Leave them as they are: the older application reads what is there."""
