"""Runs migrations from code, and defines the migration operation `create_search_index`."""

import asyncio
from pathlib import Path
from typing import Any, Self

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import CreateIndexOp, ModifyTableOps
from sqlalchemy import Column, Index, MetaData, Table, Text, Uuid
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateIndex

from alembic import command
from app.core.config import Settings
from app.core.db.derived import fill_derived
from app.core.db.full_text import INFO, search_index
from app.core.db.partitions import make_partitions_after_migration

ROOT = Path(__file__).parents[3]


@Operations.register_operation("create_search_index")
class CreateSearchIndex(MigrateOperation):
    """`op.create_search_index("product", "sku", "name")`: writes the words of these fields into `search_words`.

    The index of them is created on PostgreSQL only.
    """

    def __init__(self, table: str, *fields: str) -> None:
        self.table = table
        self.fields = fields

    @classmethod
    def of(cls, index: Index) -> Self | None:
        """The operation for `index`, if that is one of a search."""
        return cls(str(index.table.name), *index.info[INFO]) if INFO in index.info and index.table is not None else None

    @classmethod
    def create_search_index(cls, operations: Operations, table: str, *fields: str) -> Any:
        return operations.invoke(cls(table, *fields))

    def described_table(self) -> Table:
        """The columns that the index needs, with the index."""
        fields = [Column(name, Text()) for name in self.fields]
        return Table(self.table, MetaData(), Column("id", Uuid()), *fields, search_index(self.table, *self.fields))


@Operations.implementation_for(CreateSearchIndex)
def create_search_index(operations: Operations, operation: CreateSearchIndex) -> None:
    described, connection = operation.described_table(), operations.get_bind()
    fill_derived(connection, described)
    if connection.dialect.name == "postgresql":
        for index in described.indexes:
            connection.execute(CreateIndex(index))


def move_searches_out(changed: ModifyTableOps, table: Table) -> list[CreateSearchIndex]:
    """The operations for new search indexes of a table. Takes out what would create them without any words."""
    found = {str(index.name): operation for index in table.indexes if (operation := CreateSearchIndex.of(index))}
    moved = [each for each in changed.ops if isinstance(each, CreateIndexOp) and each.index_name in found]
    changed.ops[:] = [each for each in changed.ops if each not in moved]
    return [found[str(each.index_name)] for each in moved]


@renderers.dispatch_for(CreateSearchIndex)
def render_search_index(_context: AutogenContext, operation: CreateSearchIndex) -> str:
    arguments = ", ".join(repr(name) for name in (operation.table, *operation.fields))
    return f"op.create_search_index({arguments})  # type: ignore[attr-defined]  # our own operation"


def config(settings: Settings | None = None) -> Config:
    """Alembic's configuration. `settings` are passed to `env.py` in memory, so URLs are never written to a file."""
    found = Config(ROOT / "alembic.ini")
    found.set_main_option("script_location", str(ROOT / "alembic"))
    found.attributes["settings"] = settings
    return found


def upgrade(settings: Settings) -> None:
    """Bring the database to the newest revision, and make the partitions of the next months."""
    if settings.is_sqlite:
        file = make_url(settings.database_url.get_secret_value()).database or ""
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(config(settings), "head")
    if not settings.is_sqlite:
        asyncio.run(make_partitions_after_migration(settings))


def check(settings: Settings) -> None:
    """Raise unless the migrated database equals the models."""
    command.check(config(settings))
