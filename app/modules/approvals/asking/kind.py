"""The job that tells by mail who may approve a change that one waits."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select

from app.core.db.entity import table_of
from app.core.db.session import AnyRow, Session
from app.core.jobs import Work, job
from app.modules.approvals.models import Approval
from app.modules.mail import Mailer, in_words, letter_to
from app.modules.rbac import ExplainService, WhoCanQuery
from app.modules.users import User

PERMISSION = "approvals:update"
MOST_ASKED = 100
users = table_of(User)


class Asked(BaseModel):
    """The change that waits."""

    approval_id: UUID


class Told(BaseModel):
    """How many were told of it."""

    users: int


@job("approvals.ask", Asked, as_system=True)
async def ask_approvers(work: Work, data: Asked) -> Told:
    """Tell those who may approve a change that it waits, but who asked for it."""
    session, mailer = work.session, Mailer(work.settings)
    change = await session.load(Approval, data.approval_id)
    if change is None or not change.waits:
        return Told(users=0)
    readers = [row for row in await find_approvers(session) if row.id != change.requester_id]
    requester = await session.value(select(users.c.username).where(users.c.id == change.requester_id))
    values = {"requester": str(requester), "until": in_words(change.expires_at), "needs": ", ".join(change.needs)}
    url = mailer.page(f"/console/approvals/{change.id}")
    for reader in readers:
        letter = letter_to(reader, "approval-wanted", **values).model_copy(update={"url": url})
        valid = letter.model_copy(update={"valid_until": change.expires_at})
        await mailer.send(session, valid, once=f"approval/{change.id}/{reader.id}")
    return Told(users=len(readers))


async def find_approvers(session: Session) -> Sequence[AnyRow]:
    """The people who may approve changes, as the policy is now."""
    query = WhoCanQuery(permission=PERMISSION, limit=MOST_ASKED)
    held = {each.user_id for each in (await ExplainService(session).who_can(query)).items if each.allowed}
    columns = (users.c.id, users.c.username, users.c.email, users.c.first_name, users.c.language)
    return await session.all(select(*columns).where(users.c.id.in_(held), users.c.is_active, ~users.c.is_service))
