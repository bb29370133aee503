"""The two logs that are sealed."""

from enum import StrEnum

from sqlalchemy import Table

from app.core.db.entity import table_of
from app.modules.audit.models import AuditAccess, AuditChange


class Log(StrEnum):
    """A log, by the name that checkpoints and queries use."""

    changes = "changes"
    access = "access"

    @property
    def table(self) -> Table:
        """The table of its entries."""
        return table_of(AuditChange if self is Log.changes else AuditAccess)

    def origin(self, base: str) -> str:
        """Its name in checkpoints, unique among all logs; `base` is AUDIT__ORIGIN."""
        return f"{base}/{self}"
