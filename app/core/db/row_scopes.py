"""The scopes that an entity declares: the parts of its rows that a grant can be limited to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, bindparam, false, or_

from app.core.db.statements import CALLER


@dataclass(frozen=True)
class RowScope:
    """The rows that name the caller in one of `columns`. `title` is what an administrator reads."""

    name: str
    title: str
    columns: tuple[str, ...]

    def condition(self, rows: FromClause) -> ColumnElement[bool]:
        """True for those of `rows` that are in the scope of the caller, who is a parameter."""
        return or_(*(rows.c[name] == bindparam(CALLER, type_=rows.c[name].type) for name in self.columns))

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

    def include(self, values: Mapping[str, Any], held: frozenset[str], caller: UUID | None) -> bool:
        """The same for the values of a row."""
        return any(scope.includes(values, caller) for scope in self.scopes if scope.name in held)
