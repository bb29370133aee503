"""What a caller may not read of the rows of a table: some columns in every row, others outside the scopes of an action.

A column that is readable in some rows only is selected as null in the others. What a select has of each row says which
rows those are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, case, false, null

from app.core.context import EVERYWHERE, POLICIES, RequestContext, scopes_in
from app.core.db.field_rules import NOTHING, FieldRules
from app.core.db.row_access import EVERY_PERMISSION, RowAccess, access_by, condition_of, export_of, scopes_of


class PartlyReadable(NamedTuple):
    """Columns that the caller may read in the rows of some scopes only."""

    permission: str
    columns: frozenset[str]
    scopes: frozenset[str]
    """Those in which the caller holds the permission."""


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """The columns that a caller may not read. There is one of the same: `make_mask` makes it."""

    everywhere: frozenset[str] = NOTHING
    """In every row."""
    partly: tuple[PartlyReadable, ...] = ()
    """In the rows outside some scopes."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns that are masked in some row at least: no question about all rows may depend on them."""
        return self.everywhere.union(*(each.columns for each in self.partly))

    def in_row(self, are_shown: Sequence[bool]) -> frozenset[str]:
        """The columns that are masked in a row. `are_shown` says of each of `partly` whether it has the row."""
        hidden = (each.columns for each, is_shown in zip(self.partly, are_shown, strict=True) if not is_shown)
        return self.everywhere.union(*hidden)

    def conditions(self, table: Table, name: str) -> list[ColumnElement[bool]]:
        """What holds for the rows of `table` in which the column `name` is shown; nothing for all rows."""
        if name in self.everywhere:
            return [false()]
        return [condition_of(table, table, each.scopes) for each in self.partly if name in each.columns]

    def column(self, table: Table, column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
        """`column`, with null in place of what is masked."""
        if name in self.everywhere:
            masked: ColumnElement[Any] = null().label(name)
            return masked
        conditions = self.conditions(table, name)
        return case((and_(*conditions), column)).label(name) if conditions else column

    @property
    def flags(self) -> list[str]:
        """The names of columns of a select, one for each of `partly`: whether the row is in its scopes."""
        return [f"shows_{number}" for number in range(len(self.partly))]

    def flag_columns(self, table: Table) -> list[ColumnElement[Any]]:
        """The columns with the names `flags`."""
        conditions = [condition_of(table, table, each.scopes) for each in self.partly]
        return [condition.label(flag) for flag, condition in zip(self.flags, conditions, strict=True)]


@cache
def make_mask(everywhere: frozenset[str], partly: tuple[PartlyReadable, ...]) -> Mask:
    """The mask of these columns: always the same object, which is quick to find again."""
    return Mask(everywhere, partly)


NO_MASK = make_mask(NOTHING, ())


def mask_of(rules: FieldRules, context: RequestContext) -> Mask:
    """What the caller of a request may not read of the rows that the caller reads."""
    if not rules.read or context.principal is None:
        return NO_MASK
    return mask_by(rules, context.principal.permissions, export_of(context))


def mask_of_log(rules: FieldRules, context: RequestContext) -> Mask:
    """What the caller of a request may not read of all rows, of which the log tells."""
    if not rules.read or context.principal is None:
        return NO_MASK
    return mask_in(rules, context.principal.permissions, access_by(EVERY_PERMISSION))


@lru_cache(POLICIES)
def mask_by(rules: FieldRules, permissions: frozenset[str], export: str | None = None) -> Mask:
    """What permissions do not show of the rows to which they give access, in a file by the permission `export`."""
    return mask_in(rules, permissions, access_by(permissions, export))


def mask_in(rules: FieldRules, permissions: frozenset[str], access: RowAccess) -> Mask:
    """What permissions do not show of the rows that are read with `access`."""
    everywhere, partly = NOTHING, []
    for permission, columns in rules.read.items():
        held = scopes_in(permissions, permission)
        if not held:
            everywhere |= columns
        elif not has_all(rules, held, access):
            partly.append(PartlyReadable(permission, columns, held))
    return make_mask(everywhere, tuple(partly))


def has_all(rules: FieldRules, held: frozenset[str], access: RowAccess) -> bool:
    """Whether the scopes `held` have every row that is read with `access`. Rows without scopes are in each."""
    declared = None if rules.table is None else scopes_of(rules.table)
    if declared is None or held == EVERYWHERE:
        return True
    return any(each and each <= held for each in access.held_in(declared.module))
