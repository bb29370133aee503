"""The types of statements, and of the rows that they select."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Executable, Row, Select

from app.core.context import RequestContext

AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]
Values = Mapping[str, Any]
"""The values of the named parameters of a select that is used again."""
Parameters = Values | Sequence[Values] | None

CALLER = "caller"
"""The parameter of every select for the id of the user who calls."""


def add_caller(values: Values | None, context: RequestContext) -> Values | None:
    """The values of a select, with that of the caller, if there is one. Selects without the parameter leave it out."""
    return values if context.principal is None else {**(values or {}), CALLER: context.author_id}


def values_of_row(row: AnyRow) -> dict[str, Any]:
    """The values of a row by the names of its columns. A copy of `row._mapping` takes twice as long."""
    return dict(zip(row._fields, row, strict=True))


def complete(statement: Executable, parameters: Parameters, context: RequestContext) -> Parameters:
    """The parameters of a statement; those of a select with the caller."""
    if isinstance(statement, Select | CompoundSelect) and not isinstance(parameters, Sequence):
        return add_caller(parameters, context)
    return parameters
