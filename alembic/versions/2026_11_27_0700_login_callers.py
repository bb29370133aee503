"""The login log names its callers as the audit log does: addresses and user agents move to where they can be erased."""

import hashlib
import json
import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import Instant

revision = "e83a5d1c47b0"
down_revision = "d7b40c92e61f"
branch_labels = None
depends_on = None

TABLE = "login_attempt"
MOVED = {"ip": 64, "user_agent": 400}
FACTS = ("user_id", "name", *MOVED)
users = sa.table("user", sa.column("id", sa.Uuid()), sa.column("username", sa.String()))
attempts = sa.table(
    TABLE,
    sa.column("user_id", sa.Uuid()),
    sa.column("is_successful", sa.Boolean()),
    sa.column("caller_id", sa.Uuid()),
    *(sa.column(name, sa.String()) for name in MOVED),
)
callers = sa.table(
    "audit_caller",
    sa.column("id", sa.Uuid()),
    sa.column("salt", sa.LargeBinary()),
    sa.column("user_id", sa.Uuid()),
    *(sa.column(name, sa.String()) for name in ("name", *MOVED)),
    sa.column("created_at", Instant()),
)


def upgrade() -> None:
    op.drop_append_only(TABLE)  # type: ignore[attr-defined]  # our own operation
    op.add_column(TABLE, sa.Column("caller_id", sa.Uuid(), nullable=True))
    move_callers()
    for name in MOVED:
        op.drop_column(TABLE, name)
    op.make_append_only(TABLE, removable_after_days=29)  # type: ignore[attr-defined]  # our own operation


def move_callers() -> None:
    """Give each attempt its caller. One that succeeded has the name of the user."""
    username = sa.select(users.c.username).where(users.c.id == attempts.c.user_id).scalar_subquery()
    name = sa.case((attempts.c.is_successful, username), else_=sa.cast(None, sa.String()))
    is_known = sa.or_(*(attempts.c[fact].is_not(None) for fact in MOVED))
    facts = sa.select(attempts.c.user_id, name.label("name"), attempts.c.is_successful, *(attempts.c[m] for m in MOVED))
    for row in op.get_bind().execute(facts.where(is_known).distinct()).all():
        caller = to_row({fact: row._mapping[fact] for fact in FACTS})
        same = [attempts.c[fact].is_not_distinct_from(row._mapping[fact]) for fact in ("user_id", *MOVED)]
        op.get_bind().execute(sa.insert(callers), caller)
        of_caller = sa.update(attempts).where(*same, attempts.c.is_successful == row.is_successful)
        op.get_bind().execute(of_caller.values(caller_id=caller["id"]))


def to_row(facts: dict[str, Any]) -> dict[str, Any]:
    """A new row of `audit_caller`, whose id commits to its values."""
    salt, told = os.urandom(16), {name: str(value) for name, value in facts.items() if value is not None}
    document = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    id = UUID(bytes=hashlib.sha256(salt + document).digest()[:16])  # noqa: A001
    return {"id": id, "salt": salt, **facts, "created_at": datetime.now(UTC)}


def downgrade() -> None:
    op.drop_append_only(TABLE)  # type: ignore[attr-defined]  # our own operation
    for name, length in MOVED.items():
        op.add_column(TABLE, sa.Column(name, sa.String(length), nullable=True))
        known = sa.select(callers.c[name]).where(callers.c.id == attempts.c.caller_id).scalar_subquery()
        op.get_bind().execute(sa.update(attempts).values({name: known}))
    op.drop_column(TABLE, "caller_id")
    op.make_append_only(TABLE, removable_after_days=29)  # type: ignore[attr-defined]  # our own operation
