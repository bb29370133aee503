"""Which rows a caller may read and change: those in the scopes of the caller's permissions.

Every select of rows, and of the names of rows to which others refer, has the condition for it. Without a caller, as in
jobs and commands, it is every row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, FromClause, Table, select
from sqlmodel import SQLModel

from app.core.context import EVERYTHING, EVERYWHERE, POLICIES, RequestContext, scopes_in
from app.core.db.entity import Entity, table_of
from app.core.db.row_scopes import NamesCaller, RowScopes, Rule
from app.core.db.session import AnySelect, ReadSession, Session
from app.core.errors import Forbidden
from app.core.runtime.module_info import EXPORT

EVERY_PERMISSION = frozenset({EVERYTHING})


@cache
def model_of(table: Table) -> type[SQLModel]:
    """The model whose rows a table has."""
    (model,) = (mapper.class_ for mapper in SQLModel._sa_registry.mappers if mapper.local_table is table)
    return cast("type[SQLModel]", model)


@cache
def scoped_modules() -> tuple[str, ...]:
    """The modules that have scopes."""
    models = (mapper.class_ for mapper in SQLModel._sa_registry.mappers)
    return tuple(sorted({declared.module for model in models if (declared := getattr(model, "row_scopes", None))}))


@cache
def owner_key(table: Table) -> "Column[Any] | None":
    """The column with the id of the row whose scopes the rows of `table` have; None where they have their own."""
    name = getattr(model_of(table), "part_of", None)
    return table.c[name] if name is not None and scopes_of(owner_of(table.c[name])) is not None else None


def owner_of(column: "Column[Any]") -> Table:
    """The table of what rows are part of."""
    return next(iter(column.foreign_keys)).column.table


@cache
def scopes_of(table: Table) -> RowScopes | None:
    """The scopes of the rows of a table: those that its entity declares, or those of what the rows are part of."""
    own: RowScopes | None = getattr(model_of(table), "row_scopes", None)
    key = owner_key(table) if own is None else None
    return scopes_of(owner_of(key)) if key is not None else own


def condition_of(table: Table, rows: FromClause, held: frozenset[str]) -> ColumnElement[bool]:
    """True for those of `rows`, which are `table` or an alias of it, that are in one of the scopes `held`."""
    key = owner_key(table)
    if key is None:
        return cast("RowScopes", scopes_of(table)).condition(rows, held)
    owners = owner_of(key).alias()
    return rows.c[key.name].in_(select(owners.c.id).where(condition_of(owner_of(key), owners, held)))


@dataclass(frozen=True, slots=True)
class RowAccess:
    """What a caller may read. Selects of callers with the same access differ in their values only."""

    read: tuple[tuple[str, frozenset[str]], ...]
    """The scopes in which the caller may read, for each module that has scopes."""
    delete: tuple[tuple[str, frozenset[str]], ...]
    """Those in which the caller may delete, and so read what is deleted."""
    export: tuple[tuple[str, frozenset[str]], ...] = ()
    """Those in which the caller may export, for the module whose rows the request asks for as a file."""

    def held_in(self, module: str, *, deleted: bool = False) -> set[frozenset[str]]:
        """Sets of scopes of a module: rows are in one scope of each. None is for all rows.

        Raises KeyError for a module whose scopes were not known yet when this was made.
        """
        held = {dict(each)[module] for each in (self.read, *([self.delete] if deleted else []))}
        return {*held, dict(self.export).get(module, EVERYWHERE)} - {EVERYWHERE}

    def conditions(
        self, table: Table, rows: FromClause | None = None, *, deleted: bool = False
    ) -> Sequence[ColumnElement[bool]]:
        """What holds for the rows of `table`, or of its alias `rows`, that the caller may read; nothing for all."""
        declared = scopes_of(table)
        if declared is None:
            return ()
        chosen, held = table if rows is None else rows, self.held_in(declared.module, deleted=deleted)
        return [condition_of(table, chosen, each) for each in sorted(held, key=sorted)]

    def split(self, table: Table, rows: AnySelect) -> list[AnySelect]:
        """Selects without a common row, which together have those of `rows` that the caller may read."""
        declared = scopes_of(table)
        sets = set() if declared is None else self.held_in(declared.module)
        if declared is None or len(sets) != 1 or owner_key(table) is not None:
            return [rows]
        [held] = sets
        conditions, together = declared.split(table, held), declared.condition(table, held)
        return [replace_condition(rows, together, each) for each in conditions] if len(conditions) > 1 else [rows]


def replace_condition(rows: AnySelect, old: ColumnElement[bool], new: ColumnElement[bool]) -> AnySelect:
    """`rows` with the condition `new` in place of `old`, which follows from it.

    A database would take both for rarer than one, and choose another index.
    """
    found = rows.where(new)
    kept = (each for each in found._where_criteria if not each.compare(old))  # noqa: SLF001  # there is no other way
    found._where_criteria = tuple(kept)  # noqa: SLF001
    return found


@lru_cache(POLICIES)
def access_by(permissions: frozenset[str], export: str | None = None) -> RowAccess:
    """What permissions give access to, in a file by the permission `export`."""
    read, delete = (
        tuple((module, scopes_in(permissions, f"{module}:{action}")) for module in scoped_modules())
        for action in ("read", "delete")
    )
    asked = () if export is None else ((export.partition(":")[0], scopes_in(permissions, export)),)
    return RowAccess(read, delete, asked)


def row_access(context: RequestContext) -> RowAccess:
    """What the caller of a request may read; everything where there is none."""
    if context.principal is None:
        return access_by(EVERY_PERMISSION)
    return access_by(context.principal.permissions, export_of(context))


def export_of(context: RequestContext) -> str | None:
    """The permission by which a request asks for a file; None where it asks for none, or needs none for it."""
    return context.permission if context.permission and context.permission.endswith(f":{EXPORT}") else None


async def may_read(session: Session, row: Entity, *, deleted: bool) -> bool:
    """Whether a loaded row is in the scopes in which the caller may read, and delete where it is deleted."""
    declared = scopes_of(table_of(type(row)))
    if declared is None:
        return True
    is_readable = await is_within(session, row, f"{declared.module}:read")
    return is_readable and (not deleted or await is_within(session, row, f"{declared.module}:delete"))


async def check_acts(session: Session | ReadSession, rows: Sequence[Entity], *, are_new: bool = False) -> None:
    """Raise Forbidden for a row that is not in the scopes of the permission by which the caller acts.

    By a permission of another module, the caller may change what the caller may read.
    """
    permission = session.context.permission or ""
    for row in rows:
        declared = scopes_of(table_of(type(row)))
        if declared is None or declared.module != permission.partition(":")[0]:
            return
        if not await is_within(session, row, permission, is_new=are_new):
            raise Forbidden(f"You hold the permission {permission}, but not for this.")


async def is_within(session: Session | ReadSession, row: Entity, permission: str, *, is_new: bool = False) -> bool:
    """Whether a row is in the scopes in which the caller holds `permission`. New rows are created by the caller."""
    context = session.context
    held = context.scopes_of(permission)
    if held == EVERYWHERE:
        return True
    values = {**row.__dict__, "created_by_id": context.author_id} if is_new else row.__dict__
    if row.row_scopes is not None:
        return await is_included(session, row.row_scopes.rules(held), values)
    key = owner_key(table_of(type(row)))
    if key is None or not isinstance(session, Session):
        return False
    owner = await session.load(model_of(owner_of(key)), values[key.name])
    return isinstance(owner, Entity) and await is_within(session, owner, permission)


async def is_included(session: Session | ReadSession, rules: Sequence[Rule], values: Mapping[str, Any]) -> bool:
    """Whether one of `rules` puts a row with these values into a scope of the caller."""
    read = session.look if isinstance(session, Session) else session.all
    for rule in rules:
        value = values[rule.column]
        if isinstance(rule, NamesCaller):
            if value == session.context.author_id:
                return True
        elif value is not None and await read(rule.among_own(value)):
            return True
    return False
