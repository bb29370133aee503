"""Sets of linked items in imported files: their members are named, as in an export."""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, create_model

from app.core.db.links import MAX_MEMBERS, LinkSet
from app.core.db.session import ReadSession, Session
from app.core.db.uniqueness import UniqueKey, unique_keys
from app.core.errors import Problem, invalid
from app.core.fields.text import Name
from app.core.http.file_formats import split_names
from app.core.resources.schemas import Schema

Links = dict[LinkSet, list[UUID]]
"""The members that a row names, by set."""


def read_names(value: object) -> object:
    """The names in a cell of CSV, or in a list of names or of objects with a name."""
    if isinstance(value, str):
        return split_names(value)
    if isinstance(value, list):
        return [item["name"] if isinstance(item, dict) and "name" in item else item for item in value]
    return value


Names = Annotated[list[Name], BeforeValidator(read_names), Field(max_length=MAX_MEMBERS)]


def name_key(links: LinkSet) -> UniqueKey | None:
    """What is unique in a name of a member; None where two members may have the same name."""
    keys = (key for key in unique_keys(links.members) if len(key.columns) == 1 and key.alone is None)
    return next((key for key in keys if key.fields == ["name"]), None)


class ImportedSets:
    """The sets of a resource whose members a file can name."""

    def __init__(self, schema: type[Schema], sets: Iterable[LinkSet]) -> None:
        self.schema = schema
        self.keys = {links: key for links in sets if (key := name_key(links)) is not None}

    def row_schema(self) -> type[Schema]:
        """The schema of a row: that of a new item, with the names of the members of its sets."""
        if not self.keys:
            return self.schema
        fields: dict[str, Any] = {links.name: (Names, []) for links in self.keys}
        return create_model(f"{self.schema.__name__}Row", __base__=self.schema, **fields)

    def without_sets(self, row: Schema) -> Schema:
        """`row` as the schema of a new item has it."""
        if not self.keys:
            return row
        names = self.schema.model_fields
        return self.schema.model_construct(row.model_fields_set & set(names), **{n: getattr(row, n) for n in names})

    async def find(self, session: Session | ReadSession, rows: Sequence[Schema]) -> list[Links]:
        """The members that each of `rows` names. Raises Invalid for a name that no visible item has."""
        found: list[Links] = [{} for _ in rows]
        for links, key in self.keys.items():
            named = [getattr(row, links.name) for row in rows]
            known = await read_ids(session, links, key, {name for names in named for name in names})
            for names, members in zip(named, found, strict=True):
                if unknown := [name for name in names if name not in known]:
                    raise not_named(links, unknown)
                members[links] = list(dict.fromkeys(known[name] for name in names))
        return found


async def read_ids(session: Session | ReadSession, links: LinkSet, key: UniqueKey, names: set[str]) -> dict[str, UUID]:
    """The ids of the visible items with these names, by name. Raises Invalid for a caller who may not read them."""
    if not names:
        return {}
    principal = session.context.principal
    if principal is not None and not principal.may(links.read_permission):
        detail = f"To name {links.name} needs the permission {links.read_permission}."
        raise invalid(f"/body/{links.name}", detail, "permission-denied", permission=links.read_permission)
    folded = {name: key.of(SimpleNamespace(name=name)) for name in names}
    statement = key.select(links.members, [value for value in folded.values() if value]).add_columns(links.members.c.id)
    ids = {tuple(value): found for *value, found in await session.all(statement)}
    return {name: ids[value] for name, value in folded.items() if value in ids}


def not_named(links: LinkSet, unknown: Sequence[str]) -> Problem:
    detail = f"There is no {links.words} named {', '.join(f'“{name}”' for name in unknown)}."
    return invalid(f"/body/{links.name}", detail, "unknown-reference", names=list(unknown))


def add_members(session: Session, items: Sequence[Any], found: Sequence[Links]) -> None:
    """Link new `items` with the members that were found for them; the next flush writes it."""
    for item, by_set in zip(items, found, strict=True):
        for links, members in by_set.items():
            session.add_all(links.build(item.id, member) for member in members)
