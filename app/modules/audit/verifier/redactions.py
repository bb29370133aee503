"""Finds redactions that are not those of their version, which entries name."""

from sqlalchemy import select

from app.core.db.entity import table_of
from app.core.db.session import ReadSession
from app.modules.audit.changes.redaction_rules import version_of
from app.modules.audit.models import AuditRedaction
from app.modules.audit.verifier.findings import LogReport

redactions = table_of(AuditRedaction)


async def verify_redactions(session: ReadSession, report: LogReport) -> None:
    """Add the versions whose document is another one than when entries named it."""
    for row in await session.all(select(redactions).order_by(redactions.c.version)):
        if version_of(row.document) != row.version:
            report.add("redaction", f"the redactions of version {row.version} are not those that entries name")
