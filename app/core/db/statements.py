"""The types of statements, and of the rows that they select."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select

AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]
Values = Mapping[str, Any]
"""The values of the named parameters of a select that is used again."""
