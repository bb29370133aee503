"""Migrations see every module's tables without naming one."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, MigrateOperation, MigrationScript
from sqlalchemy import JSON, text
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel

from alembic import context
from app.core.config import Settings, settings
from app.core.db import Database
from app.core.migrations import CreateSearchIndex
from app.core.money import Money
from app.core.search import INFO
from app.core.types import CurrentTransaction, Instant
from app.modules import discover

LOCK_TIMEOUT = "5s"

for _ in discover("models"):
    pass


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write the project's own types into a migration together with their import."""
    if kind == "type" and isinstance(item, Instant):
        autogen.imports.add("from app.core.types import Instant")
        return "Instant()"
    if kind == "type" and isinstance(item, Money):
        autogen.imports.add("from app.core.money import Money")
        return "Money()"
    if kind == "type" and isinstance(item, JSON):
        autogen.imports.add("from app.core.types import JSON_DOCUMENT")
        return "JSON_DOCUMENT"
    if kind == "server_default" and isinstance(getattr(item, "arg", None), CurrentTransaction):
        autogen.imports.add("from app.core.types import CurrentTransaction")
        return "CurrentTransaction()"
    return False


def with_functional_indexes(_context: Any, _revision: Any, directives: list[MigrationScript]) -> None:
    """Add what Alembic leaves out of a migration made on SQLite: indexes over expressions of new tables."""
    for script in directives:
        operations = script.upgrade_ops.ops if script.upgrade_ops else []
        made = {op.index_name for op in walked(operations) if isinstance(op, CreateIndexOp)}
        for operation in [op for op in operations if isinstance(op, CreateTableOp)]:
            table = SQLModel.metadata.tables[operation.table_name]
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                if INFO in index.info:
                    operations.append(CreateSearchIndex(table.name, *index.info[INFO]))
                elif index.name not in made:
                    operations.append(CreateIndexOp.from_index(index))


def is_compared(item: Any, _name: Any, kind: str, _reflected: Any, twin: Any) -> bool:
    """A search index is an expression that PostgreSQL writes in its own words: it is known by its name, which names the
    fields, and exists nowhere else."""
    if kind != "index" or not any(INFO in index.info for index in (item, twin) if index is not None):
        return True
    return twin is None and context.get_bind().dialect.name == "postgresql"


def walked(operations: Sequence[MigrateOperation]) -> Iterator[MigrateOperation]:
    for operation in operations:
        yield operation
        yield from walked(getattr(operation, "ops", ()))


def migrate(connection: Connection) -> None:
    """All revisions in one transaction. On PostgreSQL waiting for a lock, which blocks others, ends after some seconds."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        include_object=is_compared,
        process_revision_directives=with_functional_indexes,
    )
    with context.begin_transaction():
        context.run_migrations()


async def online(chosen: Settings) -> None:
    database = Database(chosen)
    try:
        async with database.engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await database.dispose()


asyncio.run(online(context.config.attributes.get("settings") or settings()))
