"""Makes changes wait, shows them, and decides about them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.context import Principal
from app.core.db.pagination import RowPage
from app.core.db.person import Person
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import Conflict, Forbidden
from app.core.resources.service import reload_one
from app.core.security.encryption import DecryptionFailed
from app.core.security.keys import Keys
from app.modules.approvals.models import Approval, ApprovalState
from app.modules.approvals.repository import ApprovalRepository
from app.modules.approvals.schemas import ApprovalQuery
from app.modules.approvals.waiting.content import Content, Origin
from app.modules.approvals.waiting.needs import APPROVED, Approved
from app.modules.roles import held_by_user


class NotWaiting(Conflict):
    """The change was decided, or its time is over."""

    code = "approval-not-waiting"
    remedy = "Read the approval to see what became of it. If the change is still wanted, ask for it anew."


class Unreadable(Conflict):
    """What is kept of the change cannot be decrypted: it was altered past the application, or the key is another."""

    code = "approval-unreadable"
    remedy = "Reject it, and ask for the change anew. If the key was not replaced, look who changed the row."


class OwnRequest(Forbidden):
    """Who asked for a change cannot approve or reject it."""

    code = "own-approval"
    remedy = "Ask a second person. You can withdraw what you asked for."


class ApprovalService:
    """Changes that wait. Callers without `approvals:read` see their own."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ApprovalRepository(session)

    @property
    def caller(self) -> Principal:
        """Who calls. Raises RuntimeError in a job, which decides nothing."""
        principal = self.rows.session.context.principal
        if principal is None:
            raise RuntimeError("a job has no approvals")
        return principal

    async def page(self, query: ApprovalQuery) -> RowPage:
        sees_all = self.caller.may("approvals:read")
        return await self.rows.page_of(None if sees_all else self.caller.user_id, query)

    async def get(self, id: UUID) -> Any:
        """One change. Raises NotFound, also for what the caller may not see."""
        await self.find(id)
        return await self.rows.get(id)

    async def find(self, id: UUID) -> AnyRow:
        """The row of a change. Raises NotFound, also for what the caller may not see."""
        row = await self.rows.content_of(id)
        if row is None or (row.requester_id != self.caller.user_id and not self.caller.may("approvals:read")):
            raise self.rows.not_found(id)
        return row

    async def read_request(self, id: UUID) -> tuple[AnyRow, Content]:
        """A change that waits, and what is kept of its request. Raises NotFound, NotWaiting, Unreadable."""
        row = await self.find(id)
        if row.state is not ApprovalState.pending or row.expires_at <= now() or row.content is None:
            raise not_waiting(row.state, row.expires_at)
        try:
            return row, Content.decrypt(self.rows.session.keys, row, row.content)
        except DecryptionFailed as error:
            raise Unreadable("The change was altered, or kept under another key; ask for it anew.") from error

    def check_other(self, requester_id: UUID) -> None:
        """Raise OwnRequest if the caller asked for the change, by whatever credential."""
        if requester_id == self.caller.user_id:
            raise OwnRequest("You asked for this change; a second person must decide.")


class DecisionService(ApprovalService):
    """Makes changes wait, and ends that."""

    async def create(self, origin: Origin, needs: list[str], effects: list[dict[str, Any]], hours: int) -> Any:
        """Make a change wait, for so many hours."""
        context, kept = self.rows.session.context, [{**effect} for effect in effects]
        for effect in kept:
            effect.pop("username", None)  # found by the id, as long as there is a name
        row = Approval(
            requester_id=self.caller.user_id,
            method=origin.method,
            path=origin.path,
            reason=context.reason,
            needs=needs,
            effects=kept,
            policy_version=context.policy_version,
            expires_at=now() + timedelta(hours=hours),
        )
        row.content = origin.content.encrypt(self.rows.writer.keys, row)
        return await reload_one(self.rows, await self.rows.add(row))

    async def begin(self, id: UUID) -> Approved:
        """Lock a change that is to be made in this transaction. Raises NotFound, OwnRequest, NotWaiting."""
        row, session = await self.load_of_another(id), self.rows.writer
        held = await held_by_user(session, row.requester_id)
        requester = Principal(row.requester_id, "", held.effective, row.expires_at)
        approved = session.info[APPROVED] = Approved(id, requester)
        return approved

    async def finish(self, id: UUID, state: ApprovalState, problem: str | None = None) -> Any:
        """Record how a change ended. Raises NotFound, NotWaiting."""
        row = await self.load(id)
        decided = {"decided_by_id": self.caller.user_id, "decided_at": now(), "content": None}
        return await reload_one(self.rows, await self.rows.change(row, {"state": state, "problem": problem, **decided}))

    async def reject(self, id: UUID) -> Any:
        """Reject a change. Raises NotFound, OwnRequest, NotWaiting."""
        await self.load_of_another(id)
        return await self.finish(id, ApprovalState.rejected)

    async def withdraw(self, id: UUID) -> Any:
        """Withdraw what the caller asked for. Raises NotFound, Forbidden, NotWaiting."""
        row = await self.find(id)
        if row.requester_id != self.caller.user_id:
            raise Forbidden("Only who asked for a change can withdraw it.")
        return await self.finish(id, ApprovalState.withdrawn)

    async def load(self, id: UUID) -> Approval:
        """Load and lock a change that waits. Raises NotFound, NotWaiting."""
        row = await self.rows.load(id)
        if not row.waits:
            raise not_waiting(row.state, row.expires_at)
        return row

    async def load_of_another(self, id: UUID) -> Approval:
        """The same, of a change for which another user asked. Raises OwnRequest."""
        row = await self.load(id)
        self.check_other(row.requester_id)
        return row


def not_waiting(state: ApprovalState, expires_at: datetime) -> NotWaiting:
    is_over = state is ApprovalState.pending and expires_at <= now()
    return NotWaiting(f"This change does not wait: it is {ApprovalState.expired if is_over else state}.")


async def forget(session: Session, person: Person) -> None:
    """Withdraw what tells of a person who is erased, and drop its content."""
    rows, made = ApprovalRepository(session), session.info.get(APPROVED)
    for row in await rows.load_undecided():
        if (made is None or made.id != row.id) and tells_of(session.keys, row, person):
            state = ApprovalState.withdrawn if row.waits else row.state
            await rows.change(row, {"content": None, "state": state, "decided_at": now()})


def tells_of(keys: Keys, row: Approval, person: Person) -> bool:
    """Whether what is kept of a change tells of a person, or cannot be read."""
    try:
        kept = Content.decrypt(keys, row, row.content or b"")
    except DecryptionFailed:
        return True
    return person.is_in(kept.query.encode() + kept.body)
