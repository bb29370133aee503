"""References that a read shows by name: the field `brand` of a Read schema is what the column `brand_id` refers to."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Table, and_

from app.core.context import RequestContext
from app.core.db.field_rules import MASKED
from app.core.db.links import LinkSet, members_in, versions_of_sets
from app.core.db.masks import NO_MASK, Mask
from app.core.db.row_access import RowAccess, is_within
from app.core.db.session import AnyRow, Session
from app.core.db.targets import Targets, name_column, read_targets, target_of

AUTHORS = ("created_by", "updated_by")
"""References that every entity has. What they refer to is no part of the version of an item."""


@cache
def references_of(table: Table) -> Mapping[str, Table]:
    """The references of a table, each with the table that it refers to; those to authors have no foreign key."""
    authors = {f"{name}_id" for name in AUTHORS}
    return {each.name: target_of(each) for each in table.columns if each.foreign_keys or each.name in authors}


REFERENCE = ("id", "name")
"""What a read shows of the target of a reference."""


class ReadItem:
    """An item in the shape of its Read schema: its attributes are the fields, in their order.

    A reference that is shown by name is None, or a dict of `REFERENCE`.
    """

    __slots__ = ("__dict__", "embedded_versions")

    def __init__(self, fields: dict[str, Any], embedded_versions: Sequence[int]) -> None:
        self.__dict__ = fields
        self.embedded_versions = embedded_versions
        """Those of the targets and the sets."""


class Places(NamedTuple):
    """Where a row has what a read shows."""

    fields: Sequence[int]
    """Those of the fields, in their order; of a reference, that of the id of its target."""
    names: Sequence[tuple[int, int]]
    """Of each reference, its number among the fields, and the place of the name of its target."""
    versions: Sequence[int]
    flags: Sequence[int]


class NamedReferences:
    """The references and the sets of a table that one Read schema shows by name, without what `mask` hides."""

    def __init__(self, table: Table, read: type[BaseModel], sets: Sequence[LinkSet], mask: Mask = NO_MASK) -> None:
        self.table = table
        self.sets = sets
        self.mask = mask
        self.has_rules = MASKED in read.model_fields
        self.names = tuple(name for name in read.model_fields if name not in table.c and f"{name}_id" in table.c)
        apart = {*self.names, *(each.name for each in sets), MASKED}
        self.own = tuple(name for name in read.model_fields if name not in apart)
        self.hidden = tuple(f"{name}_id" for name in self.names if f"{name}_id" not in self.own)
        """References of which the read shows the object only."""
        self.embedded = tuple(name for name in self.names if name not in AUTHORS)
        self.is_flat = not (self.names or sets or self.has_rules)
        """Whether the Read schema has nothing but columns."""
        self.targets = {name: target_of(table.c[f"{name}_id"]).alias(name) for name in self.names}
        self.fields = tuple(read.model_fields)
        self.flags = mask.flags
        names, versions = (f"{name}_name" for name in self.names), (f"{name}_version" for name in self.embedded)
        self.column_names = (*self.own, *self.hidden, *(each.name for each in sets), *names, *versions, *self.flags)
        """Those of `columns`, in their order."""
        self.usual = self.places_in(self.column_names)
        self.masked_fields = MaskedFields(table, read, mask)
        self.always_masked = self.masked_fields.of(mask.everywhere)
        self.known_columns: object = None
        """The columns of the last rows: those of one statement share them, and finding their places takes longer."""
        self.known_places = self.usual

    def columns(self, column: Callable[[str], ColumnElement[Any]], access: RowAccess) -> list[ColumnElement[Any]]:
        """The own columns of a read, the sets, the references, the names of their targets, and the versions of some."""
        own = [self.mask.column(self.table, column(name), name) for name in (*self.own, *self.hidden)]
        names = [
            name_column(target_of(self.table.c[f"{name}_id"]), target).label(f"{name}_name")
            for name, target in self.targets.items()
        ]
        versions = [self.targets[name].c.version.label(f"{name}_version") for name in self.embedded]
        sets = (each.column(self.table.c.id, access) for each in self.sets)
        return [*own, *sets, *names, *versions, *self.mask.flag_columns(self.table)]

    def join(self, access: RowAccess) -> FromClause:
        """The table, joined with the targets that the caller may read, where the reference to them is shown."""
        joined: FromClause = self.table
        for name, target in self.targets.items():
            reference = self.table.c[f"{name}_id"]
            readable = access.conditions(target_of(reference), target)
            shown = self.mask.conditions(self.table, reference.name)
            joined = joined.outerjoin(target, and_(target.c.id == reference, *readable, *shown))
        return joined

    def show(self, rows: Sequence[AnyRow]) -> Sequence[Any]:
        """Rows of one select of these columns in the shape of the Read schema."""
        if self.is_flat or not rows:
            return rows
        columns = rows[0]._key_to_index  # noqa: SLF001  # as writing a response does
        if columns is not self.known_columns:
            self.known_columns, self.known_places = columns, self.places_in(rows[0]._fields)
        return self.shape(rows, self.known_places)

    def places_in(self, columns: Sequence[str]) -> Places:
        """The places of what a read shows among `columns`."""
        at = {name: place for place, name in enumerate(columns)}
        fields = [at[f"{name}_id" if name in self.names else name] if name != MASKED else 0 for name in self.fields]
        names = [(self.fields.index(name), at[f"{name}_name"]) for name in self.names]
        versions = [at[f"{name}_version"] for name in self.embedded]
        return Places(fields, names, versions, [at[flag] for flag in self.flags])

    def shape(self, rows: Sequence[Sequence[Any]], places: Places) -> Sequence[ReadItem]:
        """Rows with each reference as an object, or null where the caller may not read its target.

        They are shaped by columns, which takes two thirds of the time of a list.
        """
        columns = list(zip(*rows, strict=True))
        values: list[Sequence[Any]] = [columns[place] for place in places.fields]
        for number, place in places.names:
            targets = zip(values[number], columns[place], strict=True)
            values[number] = [None if name is None else {"id": key, "name": name} for key, name in targets]
        names = self.fields
        shown = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
        if self.sets or self.has_rules or any(any(columns[place]) for place in places.versions):
            find = self.find_embedded_versions
            return [ReadItem(fields, find(fields, row, places)) for fields, row in zip(shown, rows, strict=True)]
        return [ReadItem(fields, ()) for fields in shown]

    def find_embedded_versions(self, fields: dict[str, Any], row: Sequence[Any], places: Places) -> list[int]:
        """What the entity tag of an item has of its targets, its sets and its mask; the mask is shown, too."""
        versions = [row[place] or 0 for place in places.versions]
        embedded = versions if any(versions) else []
        if self.sets:
            embedded += versions_of_sets(self.sets, fields)
        if self.has_rules:
            are_shown = tuple([bool(row[place]) for place in places.flags])
            fields[MASKED], mask_version = self.masked_fields.in_row(are_shown) if self.flags else self.always_masked
            embedded += mask_version
        return embedded

    async def read_all(self, session: Session, rows: Sequence[Any]) -> Sequence[Any]:
        """Entities as a read shows them. Targets that the session has not read are read in one select."""
        if self.is_flat:
            return rows
        author = session.context.author_id
        wanted = {f"{name}_id": {getattr(row, f"{name}_id") for row in rows} - {None} for name in self.names}
        for name in set(AUTHORS).intersection(self.names):
            wanted[f"{name}_id"].discard(author)
        stored = {row.id for row in rows if (type(row), row.id) in session.locked}
        wanted |= {each.name: stored for each in self.sets}  # the sets of an item that this unit inserted are empty
        wanted = {name: ids for name, ids in wanted.items() if ids}
        targets = await read_targets(session, self.table, wanted, self.sets) if wanted else {}
        partly = self.mask.partly
        flags = [[await is_within(session, row, each.permission) for each in partly] for row in rows if partly]
        pairs = zip(rows, flags or repeat(()), strict=False)
        found = [self.values_of(row, targets, session.context, are_shown) for row, are_shown in pairs]
        return self.shape([[values[name] for name in self.column_names] for values in found], self.usual)

    def values_of(
        self, row: Any, targets: Targets, context: RequestContext, are_shown: Sequence[bool] = ()
    ) -> dict[str, Any]:
        """The values of an entity and of its targets, as a row of `columns` has them; null for other tables."""
        masked = self.mask.in_row(are_shown) if are_shown else self.mask.everywhere
        stored = row.__dict__  # reading attributes of an entity takes SQLAlchemy's descriptors
        found: dict[str, Any] = {
            name: None if name in masked else stored.get(name) for name in (*self.own, *self.hidden)
        }
        found.update(zip(self.flags, are_shown, strict=True))
        found |= members_in(self.sets, targets, row.id)
        for name in self.names:
            target_id: UUID | None = found[f"{name}_id"]
            target = targets.get((f"{name}_id", target_id)) if target_id is not None else None
            found[f"{name}_name"] = target and target.name
            if name in self.embedded:
                found[f"{name}_version"] = target and target.version
            elif target is None and context.principal is not None and target_id == context.author_id:
                found[f"{name}_name"] = context.principal.username
        return found


class MaskedFields:
    """The fields of a Read schema that are masked in each of some rows, with what the entity tag has of them."""

    def __init__(self, table: Table, read: type[BaseModel], mask: Mask) -> None:
        self.mask = mask
        self.flags = mask.flags
        self.columns = {name: name if name in table.c else f"{name}_id" for name in read.model_fields}
        """The column that each field shows: a reference that is shown by name, that with its id."""
        self.known: dict[tuple[bool, ...], tuple[list[str], list[int]]] = {}

    def in_row(self, are_shown: tuple[bool, ...]) -> tuple[list[str], list[int]]:
        """The names, by the flags of a row."""
        if are_shown not in self.known:
            self.known[are_shown] = self.of(self.mask.in_row(are_shown))
        return self.known[are_shown]

    def of(self, masked: frozenset[str]) -> tuple[list[str], list[int]]:
        """The names of the fields that show `masked` columns."""
        names = [name for name, column in self.columns.items() if column in masked]
        return names, digest_of(names)


@cache
def named_references(
    table: Table, read: type[BaseModel], sets: tuple[LinkSet, ...] = (), mask: Mask = NO_MASK
) -> NamedReferences:
    return NamedReferences(table, read, sets, mask)


def digest_of(names: Sequence[str]) -> list[int]:
    """What an entity tag has of the fields that are masked: a number for these, none where none is."""
    return [int.from_bytes(blake2b(",".join(names).encode(), digest_size=6).digest())] if names else []
