"""Checks the statements that a unit of work is given, by their structure and once for each shape."""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any
from weakref import WeakSet

from sqlalchemy import UpdateBase
from sqlalchemy.engine import Compiled, Connection, ExecutionContext
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import TextualSelect

OWN_WRITE = MappingProxyType({"written_by_unit_of_work": True})
"""The execution option of statements that the unit of work writes itself."""
Check = Callable[[Any], None]
"""Raises for a statement that is not allowed. None is a string for the driver."""


class StatementGuard:
    """Watches the connections that write."""

    def __init__(self) -> None:
        self.check: Check = allow
        self.passed: WeakSet[Compiled] = WeakSet()

    def before_cursor_execute(
        self,
        _connection: Connection,
        _cursor: object,
        _statement: str,
        _parameters: object,
        context: ExecutionContext | None,
        _many: bool,
    ) -> None:
        if context is not None and context.execution_options.get("written_by_unit_of_work"):
            return
        compiled = context.compiled if context is not None else None
        if compiled is None:
            self.check(None)
        elif compiled not in self.passed:
            self.check(compiled.statement)
            self.passed.add(compiled)


def allow(_statement: Any) -> None:
    """Allow everything: nothing is audited yet."""


def tables_written_by(statement: Any) -> Iterator[tuple[UpdateBase, str]]:
    """Each insert, update and delete in a statement, with its table; those of common table expressions too."""
    for element in elements_of(statement):
        if isinstance(element, UpdateBase):
            yield element, getattr(element.table, "name", "")


def elements_of(statement: Any) -> Iterator[Any]:
    return iter(()) if statement is None else visitors.iterate(statement)


def has_text(statement: Any) -> bool:
    """Whether the statement, or a select in it, is a text."""
    return any(isinstance(element, TextualSelect) for element in elements_of(statement))
