"""The migration operations `make_unique` and `drop_unique`: the column and the index that `unique_index` declares."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import AddColumnOp, CreateIndexOp, ModifyTableOps
from sqlalchemy import Column, Index, MetaData, String, Table, Uuid, func, inspect, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex

from app.core.db.column_types import Instant
from app.core.db.derived import fill_derived
from app.core.db.entity import unique_index
from app.core.db.folded import Fold, folded_name
from app.core.db.statements import AnySelect
from app.core.db.uniqueness import INFO, UniqueKey
from app.core.fields.folding import fold_text

MOST = 20
"""Rows that a refusal names."""


class NotUnique(RuntimeError):
    """Stored rows have the same value once it is folded: rename or delete all of them but one before the migration."""


@Operations.register_operation("make_unique")
class MakeUnique(MigrateOperation):
    """`op.make_unique("category", "name", "parent_id")`, with the arguments of `unique_index`.

    It folds the rows that are there. Raises NotUnique where that makes two of them the same.
    """

    def __init__(
        self, table: str, field: str, scope: str | None = None, *, alone: str | None = None, fold: Fold = fold_text
    ) -> None:
        self.table = table
        self.field = field
        self.scope = scope
        self.alone = alone
        self.fold = fold

    @classmethod
    def make_unique(cls, operations: Operations, *arguments: Any, **options: Any) -> Any:
        return operations.invoke(cls(*arguments, **options))

    def index(self, table: Table) -> Index:
        """The index of `table`, a part of the table as it will be."""
        index = unique_index(self.table, self.field, self.scope, alone=self.alone, fold=self.fold)
        index._set_parent_with_dispatch(table)  # noqa: SLF001  # as an Index among the arguments of the table does
        return index


@Operations.implementation_for(MakeUnique)
def make_unique(operations: Operations, operation: MakeUnique) -> None:
    bind = operations.get_bind()
    stored = {column["name"]: column["nullable"] for column in inspect(bind).get_columns(operation.table)}
    others = [Column(name, Uuid) for name in (operation.scope, operation.alone) if name]
    field = Column(operation.field, String, nullable=stored[operation.field])
    target = Table(
        operation.table, MetaData(), Column("id", Uuid, primary_key=True), Column("deleted_at", Instant), field, *others
    )
    index = operation.index(target)
    if folded_name(operation.field) not in stored:
        add_folded_column(operations, target, folded_name(operation.field))
    refuse_duplicates(bind, target, index)
    bind.execute(CreateIndex(index))


def add_folded_column(operations: Operations, target: Table, name: str) -> None:
    """Add the column, with its value in every row. SQLite adds none that has no value, and cannot change it later."""
    bind, declared = operations.get_bind(), target.c[name]
    is_sqlite, is_required = bind.dialect.name == "sqlite", not declared.nullable
    default = text("''") if is_sqlite and is_required else None
    added: Column[Any] = Column(name, declared.type, nullable=default is None, server_default=default)
    operations.add_column(target.name, added)
    fill_derived(bind, target)
    if is_required and not is_sqlite:
        operations.alter_column(target.name, name, nullable=False)


def refuse_duplicates(bind: Connection, target: Table, index: Index) -> None:
    """Raise NotUnique with the ids of visible rows that the index would refuse. Their values may be personal."""
    key: UniqueKey = index.info[INFO]
    columns = [target.c[name] for name in key.columns]
    compared = [target.c.deleted_at.is_(None), *(column.is_not(None) for column in columns)]
    if key.alone is not None:
        compared.append(target.c[key.alone].is_(None))
    twice: AnySelect = select(*columns).where(*compared).group_by(*columns).having(func.count() > 1).limit(MOST)
    groups = []
    for values in bind.execute(twice).all():
        same = (column == value for column, value in zip(columns, values, strict=True))
        rows = bind.execute(select(target.c.id).where(*compared, *same).order_by(target.c.id).limit(MOST))
        groups.append(" = ".join(str(row.id) for row in rows))
    if groups:
        raise NotUnique(f"{target.name}.{key.fields[0]} is the same in the rows {'; '.join(groups)}")


@Operations.register_operation("drop_unique")
class DropUnique(MigrateOperation):
    """`op.drop_unique("category", "name")`: the inverse for all indexes of the field, for a downgrade."""

    def __init__(self, table: str, field: str) -> None:
        self.table = table
        self.field = field

    @classmethod
    def drop_unique(cls, operations: Operations, table: str, field: str) -> Any:
        return operations.invoke(cls(table, field))


@Operations.implementation_for(DropUnique)
def drop_unique(operations: Operations, operation: DropUnique) -> None:
    name = folded_name(operation.field)
    for index in inspect(operations.get_bind()).get_indexes(operation.table):
        if name in index["column_names"]:
            operations.drop_index(str(index["name"]), operation.table)
    operations.drop_column(operation.table, name)


def move_unique_out(changed: ModifyTableOps, table: Table) -> list[MakeUnique]:
    """The operations for new unique values of a table that has rows. Takes out what would add an empty column."""
    folded = {each.info[INFO].columns[-1] for each in table.indexes if INFO in each.info}
    added = {each.column.name for each in changed.ops if isinstance(each, AddColumnOp)} & folded
    keys: dict[str, UniqueKey] = {
        str(index.name): index.info[INFO]
        for index in table.indexes
        if INFO in index.info and not added.isdisjoint(index.info[INFO].columns)
    }
    changed.ops[:] = [
        each
        for each in changed.ops
        if not (isinstance(each, AddColumnOp) and each.column.name in added)
        and not (isinstance(each, CreateIndexOp) and each.index_name in keys)
    ]
    return [operation_of(table.name, keys[name]) for name in sorted(keys)]


def operation_of(table: str, key: UniqueKey) -> MakeUnique:
    """The operation that makes what `unique_index` declared."""
    if key.folding is None:
        raise TypeError(f"{table}: {key.columns} is a constraint")
    *scope, _ = key.columns
    return MakeUnique(table, key.folding.source, *scope, alone=key.alone, fold=key.folding.fold)


@renderers.dispatch_for(MakeUnique)
def render_make_unique(context: AutogenContext, operation: MakeUnique) -> str:
    fold = operation.fold
    arguments = [repr(name) for name in (operation.table, operation.field, operation.scope) if name]
    if operation.alone:
        arguments.append(f"alone={operation.alone!r}")
    if fold is not fold_text:
        context.imports.add(f"from {fold.__module__} import {fold.__name__}")
        arguments.append(f"fold={fold.__name__}")
    return f"op.make_unique({', '.join(arguments)})  # type: ignore[attr-defined]  # our own operation"
