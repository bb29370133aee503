"""The scopes that an entity declares: the parts of its rows that a grant can be limited to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, FromClause, and_, bindparam, false, or_

from app.core.db.statements import CALLER


def caller_of(column: ColumnElement[Any]) -> BindParameter[Any]:
    """The id of the caller, to compare a column with."""
    return bindparam(CALLER, type_=column.type)


@dataclass(frozen=True)
class RowScope:
    """The rows that name the caller in one of `columns`. `title` is what an administrator reads."""

    name: str
    title: str
    columns: tuple[str, ...]

    def condition(self, rows: FromClause) -> ColumnElement[bool]:
        """True for those of `rows` that are in the scope of the caller, who is a parameter."""
        return or_(*(rows.c[name] == caller_of(rows.c[name]) for name in self.columns))

    def includes(self, values: Mapping[str, Any], caller: UUID | None) -> bool:
        """Whether a row with these values is in the scope of the caller."""
        return any(values[name] == caller for name in self.columns)


@dataclass(frozen=True)
class RowScopes:
    """The scopes of the rows of a module: `row_scopes` of its entity. Parts and links have those of their owner."""

    module: str
    """The slug of the module, whose permissions have the scopes."""
    scopes: tuple[RowScope, ...]

    @property
    def titles(self) -> dict[str, str]:
        """The title of each scope, by name."""
        return {scope.name: scope.title for scope in self.scopes}

    def condition(self, rows: FromClause, held: frozenset[str]) -> ColumnElement[bool]:
        """True for those of `rows` that are in one of the scopes `held`."""
        return or_(false(), *(scope.condition(rows) for scope in self.scopes if scope.name in held))

    def split(self, rows: FromClause, held: frozenset[str]) -> list[ColumnElement[bool]]:
        """Conditions that together say the same, and that no row has in common. Each is one range of an index."""
        columns = dict.fromkeys(name for scope in self.scopes if scope.name in held for name in scope.columns)
        found: list[ColumnElement[bool]] = []
        others: list[ColumnElement[bool]] = []
        for column in (rows.c[name] for name in columns):
            found.append(and_(column == caller_of(column), *others))
            others.append(column.is_distinct_from(caller_of(column)))
        return found

    def include(self, values: Mapping[str, Any], held: frozenset[str], caller: UUID | None) -> bool:
        """The same for the values of a row."""
        return any(scope.includes(values, caller) for scope in self.scopes if scope.name in held)
