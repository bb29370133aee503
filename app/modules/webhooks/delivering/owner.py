"""Reads as the owner of a webhook, with what the owner may do by now."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from app.core.context import Principal, RequestContext
from app.core.db.session import Session
from app.modules.rbac import acting_user

NEEDS = "webhooks:create"


async def find_owner(session: Session, user_id: UUID | None) -> Principal | None:
    """The owner of a webhook; None where that user may not act any more, or not have webhooks."""
    acting = await acting_user(session, user_id) if user_id is not None else None
    return acting.principal if acting is not None and acting.principal.scopes_of(NEEDS) else None


@contextmanager
def read_as(context: RequestContext, owner: Principal) -> Iterator[None]:
    """Let reads in the block show what `owner` may see. It writes as before, as the system."""
    before = context.principal
    context.principal = owner
    try:
        yield
    finally:
        context.principal = before
