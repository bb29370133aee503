"""Stores the redactions of this code, which change entries name by their version."""

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.session import Session
from app.modules.audit.changes.redaction_rules import redaction_document
from app.modules.audit.models import AuditRedaction

redactions_table = table_of(AuditRedaction)


class StoredRedactions:
    """Adds the redactions in the first unit of work of a process, where no process did before."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.is_stored = False

    async def ensure(self, session: Session) -> None:
        """Add them unless they are there. A unit of work that is rolled back leaves it to the next one."""
        if self.is_stored:
            return
        if await session.look(select(redactions_table.c.version).where(redactions_table.c.version == self.version)):
            self.is_stored = True
            return
        insert = (sqlite if session.is_sqlite else postgresql).insert(redactions_table).on_conflict_do_nothing()
        values = {"version": self.version, "document": redaction_document(), "since": now()}
        await session.run(insert.values(values))
