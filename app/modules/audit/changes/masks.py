"""What a reader of the change log may not see, because the module of the table does not show it to them either."""

from collections.abc import Collection

from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.field_access import FieldAccess
from app.core.db.field_rules import rules_of

UNKNOWN_TABLE: frozenset[str] = frozenset()


def columns_of(entity: str) -> Collection[str]:
    """The columns that a table has today."""
    return SQLModel.metadata.tables[entity].c.keys()


class Masks:
    """The fields of all tables that a caller may not read."""

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self.by_table: dict[str, frozenset[str]] = {}

    def has(self, entity: str, field: str) -> bool:
        """Whether values of the field are masked: one that the table has no more needs all that its fields need."""
        if entity not in self.by_table:
            is_known = entity in SQLModel.metadata.tables
            self.by_table[entity] = self.access(entity).unreadable if is_known else UNKNOWN_TABLE
        masked = self.by_table[entity]
        return field in masked or (bool(masked) and field not in columns_of(entity))

    def refuse(self, entity: str, field: str) -> None:
        """Raise Forbidden for a field that is masked."""
        masked = self.by_table[entity]
        self.access(entity).check_reading([field] if field in masked else sorted(masked), "/query")

    def access(self, entity: str) -> FieldAccess:
        return FieldAccess(rules_of(SQLModel.metadata.tables[entity]), self.context)
