"""The indexes of the change log by what a row between two tables links, and the operation `create_link_index`."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import ColumnElement, Index, MetaData, Table, Text, event, literal_column, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import SQLModel

from app.core.db.entity import Entity

INFO = "link_index"
"""In the info of such an index: the log, the table between two others, and its foreign key."""


class ChangedId(FunctionElement[str]):
    """The value of a foreign key in a change entry, after the change or before it."""

    type = Text()
    inherit_cache = True


def changed_id(name: str) -> ChangedId:
    """What a change entry has in the foreign key `name`, in the words of its index."""
    return ChangedId(literal_column(name))


@compiles(ChangedId)
def compile_to_json_extract(element: ChangedId, compiler: SQLCompiler, **options: Any) -> str:
    name = compiler.process(element.clauses, **options)
    return f"coalesce(json_extract(changes, '$.{name}.new'), json_extract(changes, '$.{name}.old'))"


@compiles(ChangedId, "postgresql")
def compile_to_json_path(element: ChangedId, compiler: SQLCompiler, **options: Any) -> str:
    name = compiler.process(element.clauses, **options)
    return f"coalesce(changes #>> '{{{name},new}}'::text[], changes #>> '{{{name},old}}'::text[])"


def link_index(log: Table, table: str, name: str) -> Index:
    """The index of the entries of `table` in `log` by the row that its foreign key `name` refers to."""
    where = text(f"entity = '{table}'")
    columns: tuple[ColumnElement[Any], ...] = (changed_id(name), literal_column("at"), literal_column("id"))
    info = {INFO: (log.name, table, name)}
    index = Index(f"ix_{log.name}_{table}_{name}", *columns, postgresql_where=where, sqlite_where=where, info=info)
    index._set_parent(log)  # noqa: SLF001  # as an Index among the arguments of the table does
    return index


def index_links(log: Table) -> None:
    """Index the change entries in `log` of each table between two others, by what is linked, for both histories.

    It is so for tables that are declared later, too.
    """

    def add_indexes(_mapper: object, model: type[Entity]) -> None:
        for name in (model.part_of, model.links_to) if model.links_to else ():
            link_index(log, str(model.__tablename__), str(name))

    for mapper in SQLModel._sa_registry.mappers:
        if issubclass(mapper.class_, Entity):
            add_indexes(mapper, mapper.class_)
    event.listen(Entity, "after_mapper_constructed", add_indexes, propagate=True)


@Operations.register_operation("create_link_index")
class CreateLinkIndex(MigrateOperation):
    """`op.create_link_index("audit_change", "product_tag", "tag_id")`."""

    def __init__(self, log: str, table: str, name: str) -> None:
        self.log = log
        self.table = table
        self.name = name

    @classmethod
    def create_link_index(cls, operations: Operations, log: str, table: str, name: str) -> Any:
        return operations.invoke(cls(log, table, name))


@Operations.implementation_for(CreateLinkIndex)
def create_link_index(operations: Operations, operation: CreateLinkIndex) -> None:
    index = link_index(Table(operation.log, MetaData()), operation.table, operation.name)
    operations.get_bind().execute(CreateIndex(index))


@renderers.dispatch_for(CreateLinkIndex)
def render_link_index(_context: AutogenContext, operation: CreateLinkIndex) -> str:
    arguments = ", ".join(repr(name) for name in (operation.log, operation.table, operation.name))
    return f"op.create_link_index({arguments})  # type: ignore[attr-defined]  # our own operation"
