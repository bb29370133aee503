"""Alembic's environment. It finds the tables of every module by its folder."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, MigrateOperation, MigrationScript, ModifyTableOps
from sqlalchemy import JSON, text
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from alembic import context
from app.core.config import Settings, settings
from app.core.db.append_only import append_only_models, rules_of
from app.core.db.append_only_triggers import MakeAppendOnly
from app.core.db.audited import audited_models
from app.core.db.backstop import MakeBackstop
from app.core.db.column_types import CurrentTransaction, Instant, Money, Words
from app.core.db.connecting import create_engine
from app.core.db.full_text import INFO
from app.core.db.link_indexes import INFO as LINK
from app.core.db.link_migrations import CreateLinkIndex
from app.core.db.migrations import CreateSearchIndex, move_searches_out
from app.core.db.roles import OWNER, grant, is_owned
from app.core.db.unique_migrations import move_unique_out
from app.modules import import_models
from app.modules.audit.changes.redaction_rules import backstop_columns

LOCK_TIMEOUT = "5s"

import_models()


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own types into a migration, together with their import."""
    if kind == "type" and isinstance(item, Instant):
        autogen.imports.add("from app.core.db.column_types import Instant")
        return "Instant()"
    if kind == "type" and isinstance(item, Money):
        autogen.imports.add("from app.core.db.column_types import Money")
        return "Money()"
    if kind == "type" and isinstance(item, Words):
        autogen.imports.add("from app.core.db.column_types import Words")
        return "Words()"
    if kind == "type" and isinstance(item, JSON):
        autogen.imports.add("from app.core.db.column_types import JSON_DOCUMENT")
        return "JSON_DOCUMENT"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), CurrentTransaction):
        autogen.imports.add("from app.core.db.column_types import CurrentTransaction")
        return "CurrentTransaction()"
    return False


def with_indexes_and_triggers(_context: Any, _revision: Any, directives: list[MigrationScript]) -> None:
    """Add what Alembic leaves out for new tables: on SQLite indexes over expressions, and the triggers of logs and audited tables."""
    for script in directives:
        operations = script.upgrade_ops.ops if script.upgrade_ops else []
        add_link_indexes(operations)
        created = {op.index_name for op in walk(operations) if isinstance(op, CreateIndexOp)}
        for changed in [op for op in operations if isinstance(op, ModifyTableOps)]:
            operations += move_unique_out(changed, SQLModel.metadata.tables[changed.table_name])
            operations += move_searches_out(changed, SQLModel.metadata.tables[changed.table_name])
        for operation in [op for op in operations if isinstance(op, CreateTableOp)]:
            table = SQLModel.metadata.tables[operation.table_name]
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                if index.name not in created:
                    operations.append(CreateSearchIndex.of(index) or CreateIndexOp.from_index(index))
            if model := append_only_models().get(table.name):
                operations.append(MakeAppendOnly(table.name, rules_of(model)))
            if audited := audited_models().get(table.name):
                operations.append(MakeBackstop(table.name, *backstop_columns(audited)))


def add_link_indexes(operations: list[MigrateOperation]) -> None:
    """Add the indexes of a log by what new tables link. Alembic would write them for one database only."""
    indexes = [index for table in SQLModel.metadata.tables.values() for index in table.indexes if LINK in index.info]
    names, created = {index.name for index in indexes}, set()
    for operation in list(walk(operations)):
        found = [op for op in getattr(operation, "ops", ()) if isinstance(op, CreateIndexOp) and op.index_name in names]
        created |= {op.index_name for op in found}
        for op in found:
            operation.ops.remove(op)  # type: ignore[attr-defined]  # it has them
    tables = {operation.table_name for operation in operations if isinstance(operation, CreateTableOp)}
    wanted = {index.info[LINK] for index in indexes if index.name in created or index.info[LINK][1] in tables}
    operations += [CreateLinkIndex(*link) for link in sorted(wanted)]


def is_compared(item: Any, _name: Any, kind: str, _reflected: Any, twin: Any) -> bool:
    """Compare a search index by its name only, which has the names of its fields. Only PostgreSQL has one."""
    if kind != "index" or not any(INFO in index.info for index in (item, twin) if index is not None):
        return True
    return twin is None and context.get_bind().dialect.name == "postgresql"


def is_no_partition(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave partitions out of the comparison: they are made by the month, as copies of their table."""
    if kind != "table" or context.get_bind().dialect.name != "postgresql":
        return True
    is_partition = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = :name AND relispartition)"
    return not context.get_bind().scalar(text(is_partition), {"name": name})


def walk(operations: Sequence[MigrateOperation]) -> Iterator[MigrateOperation]:
    """`operations` and those inside of them."""
    for operation in operations:
        yield operation
        yield from walk(getattr(operation, "ops", ()))


def migrate(connection: Connection) -> None:
    """Run all revisions in one transaction. On PostgreSQL a wait for a lock, which would block others, is limited.

    Where the database has its roles, the owner runs them, and the others get their rights in the new tables.
    """
    has_roles = False
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text("SET statement_timeout = 0"))
        has_roles = is_owned(connection)
        if has_roles:
            connection.execute(text(f"SET ROLE {OWNER}"))
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        include_object=is_compared,
        include_name=is_no_partition,
        process_revision_directives=with_indexes_and_triggers,
    )
    with context.begin_transaction():
        context.run_migrations()
        if has_roles:
            grant(connection)


async def online(chosen: Settings) -> None:
    async with create_engine(chosen.without_pooler).connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()


asyncio.run(online(context.config.attributes.get("settings") or settings()))
