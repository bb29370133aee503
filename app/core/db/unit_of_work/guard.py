"""Reads the structure of statements, for the check of those that a unit of work is given."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ClauseElement, UpdateBase
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import TextualSelect


def tables_written_by(statement: Any) -> Iterator[tuple[UpdateBase, str]]:
    """Each insert, update and delete in a statement, with its table; those of common table expressions too."""
    for element in elements_of(statement):
        if isinstance(element, UpdateBase):
            yield element, getattr(element.table, "name", "")


def elements_of(statement: Any) -> Iterator[Any]:
    return visitors.iterate(statement) if isinstance(statement, ClauseElement) else iter(())


def has_text(statement: Any) -> bool:
    """Whether the statement, or a select in it, is a text."""
    return any(isinstance(element, TextualSelect) for element in elements_of(statement))
