"""What is counted at an account, and whether its attempts are blocked."""

from datetime import datetime
from uuid import UUID

from app.core.clock import now
from app.core.db.session import ReadSession, Session
from app.modules.auth.models import SignInCounter
from app.modules.auth.repository import counters_of_user
from app.modules.auth.schemas import FailedAttempts
from app.modules.auth.throttling.throttle import decay
from app.modules.auth.throttling.throttled import kind_and_address


async def failed_attempts(session: ReadSession | Session, user_id: UUID) -> list[FailedAttempts]:
    """The failed attempts at an account that count now."""
    at = now()
    counted = [to_read(row, at) for row in await counters_of_user(session, user_id)]
    return [each for each in counted if each.failures or each.blocked_until]


def to_read(row: SignInCounter, at: datetime) -> FailedAttempts:
    """A counter as it stands at this instant."""
    decay(row.id, row, at)
    blocked_until = row.blocked_until if row.blocked_until is not None and row.blocked_until > at else None
    return FailedAttempts(kind=kind_and_address(row.id)[0], failures=row.failures, blocked_until=blocked_until)
