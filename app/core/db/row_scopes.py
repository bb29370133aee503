"""The scopes that an entity declares: the parts of its rows that a grant can be limited to."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, FromClause, Select, and_, bindparam, false, or_, select, true
from sqlmodel import SQLModel

from app.core.db.statements import CALLER


def caller_of(column: ColumnElement[Any]) -> BindParameter[Any]:
    """The id of the caller, to compare a column with."""
    return bindparam(CALLER, type_=column.type)


@dataclass(frozen=True)
class NamesCaller:
    """Rows whose `column` has the id of the caller."""

    column: str

    def condition(self, rows: FromClause) -> ColumnElement[bool]:
        return rows.c[self.column] == caller_of(rows.c[self.column])


@dataclass(frozen=True)
class RefersToOwn:
    """Rows whose `column` has a value that another table has, under `key`, beside the id of the caller.

    That table is what the rows refer to, such as the brands that the caller created, or one that links users to it.
    """

    column: str
    table: str
    key: str = "id"
    caller: str = "created_by_id"

    def condition(self, rows: FromClause) -> ColumnElement[bool]:
        return rows.c[self.column].in_(self.own_keys())

    def own_keys(self) -> Select[Any]:
        """A select of the values that the caller has. Hidden rows give none."""
        own = SQLModel.metadata.tables[self.table].alias()
        found = select(own.c[self.key]).where(own.c[self.caller] == caller_of(own.c[self.caller]))
        return found.where(own.c.deleted_at.is_(None)) if "deleted_at" in own.c else found

    def among_own(self, value: Any) -> Select[Any]:
        """A select that finds `value` if the caller has it."""
        keys = self.own_keys()
        return keys.where(keys.selected_columns[self.key] == value)


Rule = NamesCaller | RefersToOwn


@dataclass(frozen=True)
class RowScope:
    """The rows that name the caller in one of `columns`, or that refer to what is the caller's.

    `title` is what an administrator reads.
    """

    name: str
    title: str
    columns: tuple[str, ...] = ()
    references: tuple[RefersToOwn, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What puts a row into the scope; one is enough."""
        return (*map(NamesCaller, self.columns), *self.references)


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

    def rules(self, held: frozenset[str]) -> list[Rule]:
        """What puts a row into one of the scopes `held`, each rule once."""
        return list(dict.fromkeys(rule for scope in self.scopes if scope.name in held for rule in scope.rules))

    def condition(self, rows: FromClause, held: frozenset[str]) -> ColumnElement[bool]:
        """True for those of `rows` that are in one of the scopes `held`."""
        return or_(false(), *(rule.condition(rows) for rule in self.rules(held)))

    def split(self, rows: FromClause, held: frozenset[str]) -> list[ColumnElement[bool]]:
        """Conditions that together say the same, and that no row has in common: an index has the rows of each."""
        found: list[ColumnElement[bool]] = []
        others: list[ColumnElement[bool]] = []
        for rule in self.rules(held):
            condition = rule.condition(rows)
            found.append(and_(condition, *others))
            others.append(condition.is_not(true()))
        return found
