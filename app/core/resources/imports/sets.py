"""Sets of linked items in imported files: their members are named, as in an export."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, create_model

from app.core.db.links import MAX_MEMBERS, LinkSet
from app.core.db.row_access import row_access
from app.core.db.session import ReadSession, Session
from app.core.db.uniqueness import UniqueKey, unique_keys
from app.core.errors import invalid
from app.core.fields.text import Name
from app.core.http.file_formats import split_names
from app.core.resources.imports.file_format import ItemSchemas
from app.core.resources.members import check_permission
from app.core.resources.schemas import Patch, Schema

S = TypeVar("S", bound=BaseModel)


def read_names(value: object) -> object:
    """The names in a cell of CSV, or in a list of names or of objects with a name. Null is an empty list."""
    if isinstance(value, str):
        return split_names(value)
    if isinstance(value, list):
        return [item["name"] if isinstance(item, dict) and "name" in item else item for item in value]
    return [] if value is None else value


Names = Annotated[list[Name], BeforeValidator(read_names), Field(max_length=MAX_MEMBERS)]


def named_sets(schema: type[BaseModel], sets: Sequence[LinkSet]) -> tuple[LinkSet, ...]:
    """Those of `sets` whose members files name: a request can set them, and a name says which member it is."""
    return tuple(links for links in sets if links.field in schema.model_fields and links.has_unique_names)


def row_schema(schema: type[S], sets: Sequence[LinkSet]) -> type[S]:
    """The schema of a row: that of a request, with the names of the members of its sets instead of their ids."""
    named = named_sets(schema, sets)
    if not named:
        return schema
    fields: dict[str, Any] = {links.name: (Names, []) for links in named}
    row: type[S] = create_model(f"{schema.__name__}Row", __base__=schema, **fields)
    for links in named:
        del row.model_fields[links.field]
    return row


class ImportedSets:
    """The sets of a resource whose members a file can name."""

    def __init__(self, schemas: ItemSchemas, sets: Sequence[LinkSet]) -> None:
        self.schemas = schemas
        self.sets = named_sets(schemas.create, sets)

    def rows(self) -> ItemSchemas:
        """The schemas of rows."""
        create, update = row_schema(self.schemas.create, self.sets), row_schema(self.schemas.update, self.sets)
        return replace(self.schemas, create=create, update=update)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of a file with sets, by the fields of requests."""
        return {links.field: links.name for links in self.sets}

    def of(self, document: Mapping[str, Any]) -> dict[str, frozenset[UUID]]:
        """The ids of the members that an item with this JSON `document` has, by the fields of requests."""
        return {field: frozenset(UUID(each["id"]) for each in document[name]) for field, name in self.columns.items()}

    async def with_ids(self, session: Session | ReadSession, rows: Sequence[Schema | Patch]) -> list[Any]:
        """`rows` as requests, with the ids of the members that they name.

        Raises Invalid for a name that no visible item has, and for a caller who may not read the members.
        """
        ids: list[dict[str, Any]] = [{} for _ in rows]
        for links in self.sets:
            given = [getattr(row, links.name) if links.name in row.model_fields_set else None for row in rows]
            if changes_any(rows, given):
                check_permission(session, links, links.name)
            known = await read_ids(session, links, {name for names in given for name in names or ()})
            for found, names in zip(ids, given, strict=True):
                if names is not None:
                    found[links.field] = ids_of(links, names, known)
        return [self.to_request(row, found) for row, found in zip(rows, ids, strict=True)] if self.sets else [*rows]

    def to_request(self, row: Schema | Patch, ids: Mapping[str, Any]) -> Schema | Patch:
        """A row as a request has it, with the ids of the members of sets."""
        schema: type[Schema | Patch] = self.schemas.update if isinstance(row, Patch) else self.schemas.create
        values = {name: getattr(row, name) for name in row.model_fields_set & schema.model_fields.keys()} | dict(ids)
        return schema.model_construct(set(values), **values)


def changes_any(rows: Sequence[Schema | Patch], given: Sequence[Sequence[str] | None]) -> bool:
    """Whether the names that rows give fill a set, or clear that of an item that is there."""
    return any(names or isinstance(row, Patch) for row, names in zip(rows, given, strict=True) if names is not None)


async def read_ids(session: Session | ReadSession, links: LinkSet, names: set[str]) -> dict[str, UUID]:
    """The ids of the visible items with these names, by name."""
    if not names:
        return {}
    key = name_key(links)
    folded = {name: key.of(SimpleNamespace(name=name)) for name in names}
    statement = key.select(links.members, [value for value in folded.values() if value]).add_columns(links.members.c.id)
    readable = statement.where(*row_access(session.context).conditions(links.members))
    ids = {tuple(value): found for *value, found in await session.all(readable)}
    return {name: ids[value] for name, value in folded.items() if value in ids}


def name_key(links: LinkSet) -> UniqueKey:
    """What is unique in a name of a member."""
    (key,) = (key for key in unique_keys(links.members) if key.fields == ["name"] and len(key.columns) == 1)
    return key


def ids_of(links: LinkSet, names: Sequence[str], known: Mapping[str, UUID]) -> list[UUID]:
    """The ids of named members. Raises Invalid for names that are not `known`."""
    if unknown := [name for name in names if name not in known]:
        detail = f"There is no {links.words} named {', '.join(f'“{name}”' for name in unknown)}."
        raise invalid(f"/body/{links.name}", detail, "unknown-reference", names=unknown)
    return list(dict.fromkeys(known[name] for name in names))
