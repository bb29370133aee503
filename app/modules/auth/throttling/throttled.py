"""Lists what is throttled now: accounts, addresses, and accounts from an address."""

from dataclasses import replace

from app.core.clock import now
from app.core.db.pagination import RowPage
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.resources.schemas import Named
from app.modules.auth.models import SignInCounter
from app.modules.auth.repository import ThrottledRepository
from app.modules.auth.schemas import ThrottledQuery, ThrottledRead, ThrottleKind
from app.modules.auth.throttling.throttle import ADDRESS, IDENTIFIER, decay, wait_of


class ThrottledService:
    """Throttled accounts and addresses."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ThrottledRepository(session)

    async def page(self, query: ThrottledQuery) -> RowPage:
        """A page of what is blocked now."""
        page = await self.rows.page_at(now(), query)
        return replace(page, items=[to_read(row) for row in page.items])


def to_read(row: AnyRow) -> ThrottledRead:
    """A counter as clients see it: without the digest of the name, and with failures as they have decayed."""
    counter, at = SignInCounter(**{name: getattr(row, name) for name in SignInCounter.model_fields}), now()
    decay(counter.id, counter, at)
    kind, address = kind_and_address(counter.id)
    return ThrottledRead(
        kind=kind,
        user=None if row.user_id is None else Named(id=row.user_id, name=row.username),
        address=address,
        failures=counter.failures,
        blocked_until=at + wait_of(counter, at),
    )


def kind_and_address(name: str) -> tuple[ThrottleKind, str | None]:
    """What a counter of this name blocks, and for which address."""
    kind, _, rest = name.partition(":")
    if kind == ADDRESS:
        return ThrottleKind.ADDRESS, rest
    if kind != IDENTIFIER:
        return ThrottleKind(kind), None
    address = rest.partition(":")[2]
    return (ThrottleKind.ACCOUNT_AT_ADDRESS, address) if address else (ThrottleKind.ACCOUNT, None)
