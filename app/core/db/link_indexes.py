"""The indexes of the change log by what a row between two tables links."""

from typing import Any

from sqlalchemy import ColumnElement, Index, Table, Text, event, literal_column, text
from sqlalchemy.ext.compiler import compiles
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
