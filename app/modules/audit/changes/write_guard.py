"""Refuses statements that write to audited tables outside the unit of work, where no change entry would be written.

It looks at the structure of a statement, once for each shape: bulk ORM statements and Core alike, with what their
common table expressions write. A text, and a string for the driver, has no structure and is refused whole.
"""

from typing import Any

from sqlalchemy import CompoundSelect, Insert, Select
from sqlmodel import SQLModel

from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.unit_of_work.guard import has_text, tables_written_by
from app.modules.audit.changes.redaction_rules import audited_models
from app.modules.audit.models import AuditAccess, AuditChange

LOGS = frozenset({table_of(AuditAccess).name, table_of(AuditChange).name})


class UnauditedWrite(RuntimeError):
    """A statement would change audited rows without a change entry, or the audit log itself."""


def refuse_unaudited_writes(database: Database) -> None:
    """Check what a unit of work of `database` executes. An offending statement raises UnauditedWrite."""
    known = {table.name for table in SQLModel.metadata.tables.values()}
    writable = frozenset(known - audited_models().keys() - LOGS)

    def check(statement: Any) -> None:
        writes = list(tables_written_by(statement))
        if (not writes and not isinstance(statement, (Select, CompoundSelect))) or has_text(statement):
            raise UnauditedWrite("a statement that is a text cannot be checked; build it instead")
        for write, table in writes:
            if table in LOGS and not isinstance(write, Insert):
                raise UnauditedWrite(f"{table}: the audit log can only be added to")
            if table not in writable | LOGS:
                raise UnauditedWrite(f"{table}: this would leave no change entry; change entities instead")

    database.hooks.check_statement = check
