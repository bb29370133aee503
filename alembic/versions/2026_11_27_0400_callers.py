"""Entries name their caller, say when they were stored and in which encoding, and what they are about.

Names of people, addresses and user agents move out of the logs into `audit_caller`, from which they can be erased.
"""

import hashlib
import json
import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from alembic import op
from app.core.db.column_types import JSON_DOCUMENT, DatabaseClock, Instant

revision = "a6e1f04b72c9"
down_revision = "e4d27b90c6f3"
branch_labels = None
depends_on = None

LOGS = ("audit_access", "audit_change")
PERSONS = ("user", "api-key")
ENTRY_COLUMNS = (
    ("stored_at", Instant()),
    ("format", sa.SmallInteger()),
    ("caller_id", sa.Uuid()),
    ("reason", sa.String(500)),
)
ACCESS_COLUMNS = (
    ("module", sa.String(64)),
    ("item_id", sa.Uuid()),
    ("subject_id", sa.Uuid()),
    ("bytes_in", sa.BigInteger()),
    ("trace_id", sa.String(32)),
    ("is_replay", sa.Boolean()),
    ("is_dry_run", sa.Boolean()),
)
FLAGS = ("is_replay", "is_dry_run")
REPLACED_INDEXES = (("actor_id", "id"), ("owner_id", "id"))
callers = sa.table(
    "audit_caller",
    sa.column("id", sa.Uuid()),
    sa.column("salt", sa.LargeBinary()),
    sa.column("user_id", sa.Uuid()),
    sa.column("name", sa.String()),
    sa.column("ip", sa.String()),
    sa.column("user_agent", sa.String()),
    sa.column("created_at", Instant()),
)


def upgrade() -> None:
    create_tables()
    for table in LOGS:
        drop_triggers(table)
        added = (*ENTRY_COLUMNS, *(ACCESS_COLUMNS if table == "audit_access" else ()))
        for name, kind in added:
            op.add_column(table, sa.Column(name, kind, nullable=True))
        move_callers(table)
        log = sa.table(table, sa.column("at"), sa.column("stored_at"), sa.column("format"))
        op.execute(sa.update(log).values(stored_at=log.c.at, format=1))
        with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
            batch.alter_column("stored_at", existing_type=Instant(), nullable=False, server_default=DatabaseClock())
            batch.alter_column("format", existing_type=sa.SmallInteger(), nullable=False)
            batch.drop_column("ip")
            batch.drop_column("user_agent")
            for columns in REPLACED_INDEXES:
                batch.drop_index(f"ix_{table}_{'_'.join(columns)}")
        op.make_append_only(table)  # type: ignore[attr-defined]  # our own operation
    finish_access()
    op.create_index("ix_audit_change_actor_id_at_id", "audit_change", ["actor_id", "at", "id"])
    create_partial_index("audit_change", ["owner_id", "at", "id"], "owner_id IS NOT NULL")
    op.add_column("policy_version", sa.Column("caller_id", sa.Uuid(), nullable=True))
    move_callers("policy_version")


def create_tables() -> None:
    op.create_table(
        "audit_caller",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(200), nullable=True),
        sa.Column("ip", sa.String(64), nullable=True),
        sa.Column("user_agent", sa.String(400), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_caller"),
    )
    for column in ("ip", "user_id", "created_at"):
        op.create_index(f"ix_audit_caller_{column}", "audit_caller", [column])
    op.create_table(
        "audit_redaction",
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("document", JSON_DOCUMENT, nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_audit_redaction"),
    )
    op.make_append_only("audit_redaction")  # type: ignore[attr-defined]  # our own operation


def finish_access() -> None:
    """Fill in the flags, and add the indexes by which the access log is asked."""
    table = "audit_access"
    drop_triggers(table)
    log = sa.table(table, *(sa.column(name, sa.Boolean()) for name in FLAGS))
    op.execute(sa.update(log).values(dict.fromkeys(FLAGS, False)))  # the value of a column
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
        for name in FLAGS:
            batch.alter_column(name, existing_type=sa.Boolean(), nullable=False)
    op.make_append_only(table)  # type: ignore[attr-defined]  # our own operation
    for column in ("actor_id", "caller_id"):
        op.create_index(f"ix_{table}_{column}_at_id", table, [column, "at", "id"])
    for column in ("item_id", "owner_id", "subject_id"):
        create_partial_index(table, [column, "at", "id"], f"{column} IS NOT NULL")
    create_partial_index(table, ["error_code", "at", "id"], "status >= 400")
    create_partial_index(table, ["at", "id"], "status >= 500", "crashes")


def create_partial_index(table: str, columns: list[str], condition: str, name: str | None = None) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_{table}_{name or '_'.join(columns)}", table, columns, postgresql_where=where, sqlite_where=where
    )


def move_callers(name: str) -> None:
    """Give each entry its caller, and take the names of people out of the entry."""
    log = log_of(name)
    facts = facts_of(log)
    is_known = sa.or_(*(fact.is_not(None) for fact in facts.values()))
    distinct = sa.select(*(fact.label(label) for label, fact in facts.items())).where(is_known).distinct()
    rows = [to_row(dict(row._mapping)) for row in op.get_bind().execute(distinct)]
    for start in range(0, len(rows), 1000):
        op.get_bind().execute(sa.insert(callers), rows[start : start + 1000])
    same = [callers.c[label].is_not_distinct_from(fact) for label, fact in facts.items()]
    found = sa.select(callers.c.id).where(*same).limit(1).scalar_subquery()
    op.get_bind().execute(sa.update(log).values(caller_id=found).where(is_known))
    op.get_bind().execute(sa.update(log).values(actor_name=None).where(log.c.actor_kind.in_(PERSONS)))


def log_of(name: str) -> Any:
    """The columns that say who called."""
    has_client = name in LOGS
    return sa.table(
        name,
        sa.column("actor_kind", sa.String()),
        sa.column("actor_id", sa.Uuid()),
        sa.column("actor_name", sa.String()),
        sa.column("caller_id", sa.Uuid()),
        *([sa.column("owner_id", sa.Uuid()), *map(sa.column, ("ip", "user_agent"))] if has_client else []),
    )


def facts_of(log: Any) -> dict[str, Any]:
    """What an entry of `log` tells of its caller. The owner of a key is known to the logs only."""
    owner = log.c.get("owner_id", sa.null())
    return {
        "user_id": sa.case(
            (log.c.actor_kind.in_(PERSONS), sa.func.coalesce(owner, log.c.actor_id)), else_=sa.cast(None, sa.Uuid())
        ),
        "name": sa.case((log.c.actor_kind.in_(PERSONS), log.c.actor_name), else_=sa.cast(None, sa.String())),
        **{column: log.c[column] for column in ("ip", "user_agent") if column in log.c},
    }


def to_row(facts: dict[str, Any]) -> dict[str, Any]:
    """A new row of `audit_caller`, whose id commits to its values."""
    salt, values = os.urandom(16), {"ip": None, "user_agent": None, **facts}
    told = {name: str(value) for name, value in values.items() if value is not None}
    document = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    id = UUID(bytes=hashlib.sha256(salt + document).digest()[:16])  # noqa: A001
    return {"id": id, "salt": salt, **values, "created_at": datetime.now(UTC)}


def drop_triggers(table: str) -> None:
    """Let the migration change the rows of a log. SQLite drops the triggers together with a table that is made anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {table}_append_only() CASCADE")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")


def downgrade() -> None:
    restore_names("policy_version")
    op.drop_column("policy_version", "caller_id")
    for table in LOGS:
        drop_triggers(table)
        op.add_column(table, sa.Column("ip", sa.String(64), nullable=True))
        op.add_column(table, sa.Column("user_agent", sa.String(400), nullable=True))
        restore_names(table)
        added = (*ENTRY_COLUMNS, *(ACCESS_COLUMNS if table == "audit_access" else ()))
        for index in sorted(added_indexes(table)):
            op.drop_index(index, table)
        with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
            for name, _ in added:
                batch.drop_column(name)
        for columns in REPLACED_INDEXES:
            op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
        op.make_append_only(table)  # type: ignore[attr-defined]  # our own operation
    drop_triggers("audit_redaction")
    op.drop_table("audit_redaction")
    op.drop_table("audit_caller")


def added_indexes(table: str) -> set[str]:
    if table == "audit_change":
        return {f"ix_{table}_{column}_at_id" for column in ("actor_id", "owner_id")}
    columns = ("actor_id", "caller_id", "error_code", "item_id", "owner_id", "subject_id")
    return {f"ix_{table}_crashes", *(f"ix_{table}_{column}_at_id" for column in columns)}


def restore_names(name: str) -> None:
    """Copy what is left of the callers back into their entries."""
    log = log_of(name)
    copied = {"actor_name": "name", **({"ip": "ip", "user_agent": "user_agent"} if name in LOGS else {})}
    for column, source in copied.items():
        known = sa.select(callers.c[source]).where(callers.c.id == log.c.caller_id).scalar_subquery()
        is_kept = [log.c.actor_name.is_(None)] if column == "actor_name" else []
        op.get_bind().execute(sa.update(log).values({column: known}).where(log.c.caller_id.is_not(None), *is_kept))
