"""Sets of linked rows (many-to-many): the tags of a product, each by a row between the two tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Label,
    ScalarSelect,
    Table,
    Text,
    select,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.core.clock import now
from app.core.db.entity import Entity, table_of
from app.core.db.row_access import RowAccess
from app.core.db.session import Session
from app.core.db.targets import Targets, target_of
from app.core.db.unit_of_work.session import begin

MAX_MEMBERS = 100
"""Members of one set: items of a list show all of theirs."""


class Member(NamedTuple):
    """A linked row, as the other side shows it."""

    id: UUID
    name: str
    version: int


class Members(list[Member]):
    """The members of one set, in the order of their names."""

    @classmethod
    def parse(cls, text: str | None) -> "Members":
        """The members in a JSON array of `[id, name, version]`; none in null."""
        members = [Member(UUID(key), name, version) for key, name, version in orjson.loads(text or "[]")]
        return cls(sorted(members, key=lambda member: (member.name.casefold(), member.id)))

    @property
    def digest(self) -> int:
        """A number that is another one when a member has another version, or another one is in the set."""
        content = b"".join(b"%b%d;" % (member.id.bytes, member.version) for member in self)
        return int.from_bytes(blake2b(content, digest_size=6).digest())


class MembersType(TypeDecorator[Members]):
    """`Members`, read from JSON text."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Members:
        return Members.parse(value)


class JsonRows(FunctionElement[str]):
    """The rows of a group as text: a JSON array with an array of the arguments for each, in no order."""

    type = Text()
    inherit_cache = True


@compiles(JsonRows)
def compile_to_group_array(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(JsonRows, "postgresql")
def compile_to_json_agg(element: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg(json_build_array({compiler.process(element.clauses, **options)}))::text"


@dataclass(frozen=True)
class LinkSet:
    """A set that each row of a table has of rows of another one, which have names.

    `model` is the table between the two: its `part_of` refers to the row that has the set, its `links_to` to a member.
    A hidden member is in no set, and back in its sets once it is restored, unless `model` restricts the reference:
    then it cannot be deleted while it is in a set.
    """

    name: str
    """What the set is called: a field of the Read schema, and the end of the path."""
    model: type[Entity]
    module: str = ""
    """The slug of the module of the members, where it is not the name of the set."""
    has_unique_names: bool = True
    """Whether a name says which member it is: then files name members."""

    @property
    def read_permission(self) -> str:
        """The permission to read the members."""
        return f"{self.module or self.name}:read"

    @property
    def key(self) -> str:
        """What the id of a member is called: `tag_id`. In filters, paths, and (with an s) the bodies of requests."""
        return self.member_key.name

    @property
    def field(self) -> str:
        """The field of a request, or of a past state, with the ids of the members: `tag_ids`."""
        return f"{self.key}s"

    @cached_property
    def owner_key(self) -> "Column[UUID]":
        """The column with the id of the row that has the set."""
        return table_of(self.model).c[str(self.model.part_of)]

    @cached_property
    def member_key(self) -> "Column[UUID]":
        """The column with the id of the member."""
        return table_of(self.model).c[str(self.model.links_to)]

    @cached_property
    def members(self) -> Table:
        """The table of the members."""
        return target_of(self.member_key)

    @property
    def words(self) -> str:
        """What one member is called."""
        return self.members.name.replace("_", " ")

    def names(self, owner: ColumnElement[Any], access: RowAccess) -> ScalarSelect[str]:
        """The visible members of the row with the id `owner`, as the text that `Members` parses."""
        member, link = self.members.alias(), table_of(self.model).alias()
        rows = JsonRows(member.c.id, member.c.name, member.c.version)
        joined = link.join(member, member.c.id == link.c[self.member_key.name])
        found = select(rows).select_from(joined)
        is_visible = (member.c.deleted_at.is_(None), *access.conditions(self.members, member))
        mine = found.where(link.c[self.owner_key.name] == owner, *is_visible)
        return mine.scalar_subquery()

    def column(self, owner: ColumnElement[Any], access: RowAccess) -> Label[Members]:
        """The visible members of the row with the id `owner`, as a column of `Members` with the name of the set."""
        return type_coerce(self.names(owner, access), MembersType()).label(self.name)

    def build(self, owner: UUID, member: UUID) -> Entity:
        """A new link."""
        keys: dict[str, Any] = {self.owner_key.name: owner, self.member_key.name: member}
        return self.model(**keys)


def members_in(sets: Sequence[LinkSet], targets: Targets, owner: UUID) -> dict[str, Members]:
    """The sets of `owner`, by name, as `read_targets` read them."""
    found = {each.name: targets.get((each.name, owner)) for each in sets}
    return {name: Members.parse(None if row is None else row.name) for name, row in found.items()}


def versions_of_sets(sets: Sequence[LinkSet], values: Mapping[str, Any]) -> list[int]:
    """What the entity tag of an item with these values has of its sets: a number of each, unless all are empty."""
    digests = [values[each.name].digest for each in sets]
    return digests if any(values[each.name] for each in sets) else []


def link_new(session: Session, owner: Entity, links: Sequence[Entity]) -> None:
    """Insert links of an `owner` that this transaction inserted, with the next flush."""
    session.add_all(links)
    session.locked.add((type(owner), owner.id))  # its sets are read from now on, those of other new rows are empty


async def change_links(session: Session, owner: Entity, added: Sequence[Entity], removed: Sequence[Entity]) -> None:
    """Insert and delete links of `owner`, with the next flush. Any of them is a new version of it."""
    if added or removed:
        await begin(session)  # what is read of the set from now on must be what this unit has written
        session.add_all(added)
        for link in removed:
            session.remove(link)
        owner.updated_at = now()


async def flush_set(session: Session, owner: Entity) -> None:
    """Write the changes of a set. Any difference is a new version of its owner."""
    if session.has_changes():
        owner.updated_at = now()
    await session.flush()
