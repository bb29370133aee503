"""Leaves the joins that show names to the end of a list: they add columns to the rows of a page, and choose none."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from sqlalchemy import Alias, Column, ColumnElement, FromClause, Join, Subquery, select
from sqlalchemy.sql.visitors import iterate, replacement_traverse

from app.core.db.session import AnySelect


@dataclass(frozen=True)
class NameJoins:
    """The joins of a select with tables beside its rows."""

    columns: Sequence[ColumnElement[Any]]
    """All that the select has, in its order."""
    joins: Sequence[Join]
    """The innermost first."""

    @classmethod
    def apart(cls, statement: AnySelect, sorted_by: Sequence[ColumnElement[Any]]) -> tuple[AnySelect, Self | None]:
        """`statement` without the outermost of its joins, those that only show names; and these, if there are any.

        A join by a column that `statement` does not show as it is, because it is masked, stays.
        """
        [source] = statement.get_final_froms()
        criteria = statement._where_criteria  # noqa: SLF001  # each apart, as `split` looks for one of them
        chosen_by = {each for part in (*criteria, *sorted_by) for each in tables(part)}
        shown, joins = set(statement.selected_columns), list[Join]()
        while isinstance(source, Join) and shows_names(source, shown) and source.right not in chosen_by:
            joins.insert(0, source)
            source = source.left
        if not joins:
            return statement, None
        found = cls(list(statement.selected_columns), joins)
        rows = select(*(each for each in found.columns if found.is_of_rows(each))).select_from(source)
        return rows.where(*criteria), found

    def add_to(self, page: Subquery) -> AnySelect:
        """The rows of `page`, a subquery of the select without the joins, with all columns."""
        source: FromClause = page
        for each in self.joins:
            source = source.outerjoin(each.right, self.refer_to(page, cast("ColumnElement[bool]", each.onclause)))
        shown = (page.c[str(each.key)] if self.is_of_rows(each) else each for each in self.columns)
        return select(*shown).select_from(source)

    def refer_to(self, page: Subquery, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """The condition of a join, about the rows of `page`."""
        known = {each for each in self.columns if self.is_of_rows(each)}

        def replace(element: ColumnElement[bool], **_: Any) -> ColumnElement[bool] | None:
            return page.c[str(element.key)] if isinstance(element, Column) and element in known else None

        return replacement_traverse(condition, {}, replace)

    def is_of_rows(self, column: ColumnElement[Any]) -> bool:
        """Whether a column does not come from what is joined."""
        return tables(column).isdisjoint(each.right for each in self.joins)


def shows_names(join: Join, shown: Collection[ColumnElement[Any]]) -> bool:
    """Whether a join, by columns that are `shown`, adds columns to rows and no row: an outer one, by an id."""
    if not join.isouter or not isinstance(join.right, Alias):
        return False
    columns = {each for each in iterate(join.onclause) if isinstance(each, Column)}
    return join.right.c.get("id") in columns and columns.intersection(join.left.c).issubset(shown)


def tables(part: ColumnElement[Any]) -> set[FromClause]:
    """The tables whose columns an expression has."""
    return {each.table for each in iterate(part) if isinstance(each, Column)}
