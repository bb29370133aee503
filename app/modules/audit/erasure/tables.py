"""Where data of a person is stored: found in the declarations of the models, so that no module has to be named."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, get_origin
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, select
from sqlmodel import SQLModel

from app.core.db.derived import own_columns
from app.core.db.entity import Bookkeeping, Entity, table_of
from app.core.db.redaction import LOOKS_SECRET, Redaction
from app.core.db.targets import target_of
from app.modules.audit.changes.redaction_rules import redactions

PLACEHOLDER = "erased"
"""What a text that cannot be null becomes."""


class PersonTable(NamedTuple):
    """A table with rows about people of one kind."""

    model: type[Any]
    subject: "Column[UUID]"
    """The column with the id of the person; of the row that this one belongs to, where that has another table."""

    def is_about(self, person_id: UUID) -> ColumnElement[bool]:
        """True for the rows about this person."""
        table = table_of(self.model)
        if self.subject.table is table:
            return self.subject == person_id
        return table.c.id.in_(select(self.subject.table.c.id).where(self.subject == person_id))

    @property
    def personal_columns(self) -> "list[Column[Any]]":
        """The columns that an erasure empties. What is derived from them follows."""
        if not issubclass(self.model, Entity):
            return []
        declared = redactions(self.model)
        return [column for column in own_columns(table_of(self.model)) if declared[column.name].treatment == "personal"]


@cache
def tables_of(entity: str) -> tuple[PersonTable, ...]:
    """The tables with rows about the people who have rows in `entity`."""
    person = SQLModel.metadata.tables[entity]
    models = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]
    own = {table_of(model): PersonTable(model, column) for model in models for column in subjects(model, person)}
    parts = [
        PersonTable(model, own[parent].subject)
        for model in models
        if issubclass(model, Bookkeeping) and (parent := parent_of(table_of(model))) in own
    ]
    return tuple(sorted([*own.values(), *parts], key=lambda each: table_of(each.model).name))


def subjects(model: type[SQLModel], person: Table) -> "Iterator[Column[UUID]]":
    """The column of `model` with the id of the person, if that person may have a row in the table `person`."""
    for name in subject_names(model):
        column = table_of(model).c[name]
        if column.foreign_keys:
            is_subject = target_of(column) is person
        else:
            is_subject = column.table is person or not column.primary_key
        if is_subject:
            yield column


def subject_names(model: type[SQLModel]) -> set[str]:
    """The names of the columns that say which person a row is about."""
    if issubclass(model, Bookkeeping):
        return {"user_id"} if model.names_caller and "user_id" in model.model_fields else set()
    if not issubclass(model, Entity):
        return set()
    declared = {rule.subject for rule in redactions(model).values() if rule.treatment == "personal"}
    return {name for name in (*declared, model.target_user_column) if name}


def parent_of(table: Table) -> Table | None:
    """The table of the rows that rows of `table` belong to, of which they have the ids."""
    key = table.c.get("id")
    return target_of(key) if key is not None and key.foreign_keys else None


def is_secret(column: "Column[Any]") -> bool:
    """Whether a column is never shown."""
    declared: Redaction | None = column.info.get("redaction")
    return declared.treatment == "secret" if declared else LOOKS_SECRET.search(column.name) is not None


def neutral_value(model: type[Entity], column: "Column[Any]", row_id: UUID) -> Any:
    """What a personal column holds once it is empty. Raises TypeError for one that cannot be."""
    if column.nullable:
        return None
    kind = model.model_fields[column.name].annotation
    if kind is str:
        is_unique = any(column.name in index.info.get("fields", ()) for index in column.table.indexes if index.unique)
        return f"{PLACEHOLDER}-{row_id.hex}" if is_unique else PLACEHOLDER
    if get_origin(kind) is list:
        return []
    raise TypeError(f"{column.table.name}.{column.name} is personal and has no neutral value: let it be null")
