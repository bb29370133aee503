"""Trees: tables whose rows refer to a parent in the same table."""

from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Column, select

from app.core.db.statements import AnySelect


@cache
def parent_column(column: "Column[Any]") -> "Column[Any] | None":
    """The column with the parent, in the table to which the foreign key `column` refers; None where that is no tree."""
    if len(column.foreign_keys) != 1:
        return None
    (foreign,) = column.foreign_keys
    target = foreign.column.table
    parents = [each for each in target.c if any(key.column.table is target for key in each.foreign_keys)]
    return parents[0] if len(parents) == 1 else None


def select_subtree(parent: "Column[Any]", roots: BindParameter[Any]) -> AnySelect:
    """The ids of `roots`, a list, and of all rows below them. A row is read once, also in a cycle."""
    tree = parent.table.c
    below = select(tree.id).where(tree.id.in_(roots)).cte("below", recursive=True)
    return select(below.union(select(tree.id).join(below, parent == below.c.id)).c.id)
