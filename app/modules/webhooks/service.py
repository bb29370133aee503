"""Creates and changes webhooks, and lets them follow the events anew."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.clock import new_id, now
from app.core.config import WebhookSettings
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.person import Person
from app.core.db.session import ReadSession, Session
from app.core.errors import Conflict, Forbidden, invalid
from app.core.jobs import enqueue
from app.core.resources.service import Service
from app.modules.audit import item_modules, sealed_size
from app.modules.webhooks.delivering.kind import Delivery, deliver
from app.modules.webhooks.models import Webhook, WebhookCursor
from app.modules.webhooks.repository import AttemptRepository, CursorWriter, WebhookRepository
from app.modules.webhooks.schemas import AskedTest, NewWebhook, WebhookCreate, WebhookRead, WebhookUpdate
from app.modules.webhooks.signing.secrets import encrypt_secret, new_secret


class BeyondLog(Conflict):
    """Events cannot be sent again from a place that the log has not reached."""

    code = "beyond-log"
    remedy = "Choose a place that the log has: `seq` of the webhook is the last that was looked at."


class WebhookService(Service[Webhook]):
    """Webhooks. What a webhook is sent is what its owner may read, so that only the owner says where to."""

    repository = WebhookRepository
    rows: WebhookRepository

    async def open(self, data: WebhookCreate, settings: WebhookSettings) -> NewWebhook:
        """Create a webhook, which follows the events from now on. Raises Invalid."""
        check_values(data, settings)
        session, secret = self.rows.writer, new_secret()
        row = Webhook(**data.model_dump(), secret=b"")
        row.secret = encrypt_secret(session.keys, row.id, secret)
        await self.rows.add(row)
        size = await sealed_size(session)
        session.add(WebhookCursor(id=row.id, seq=size, run_from=size))
        await session.flush()
        return await self.show_secret(row.id, secret)

    async def revise(self, id: UUID, data: WebhookUpdate, if_match: str | None, settings: WebhookSettings) -> Any:
        """Change a webhook; one that is not the caller's can be turned off only. Raises Forbidden, Invalid."""
        check_values(data, settings)
        row = await self.rows.load(id, if_match)
        if data.changes() != {"enabled": False}:
            self.check_owner(row)
        await self.change(id, data, if_match)
        return await self.rows.get(id)

    async def roll(self, id: UUID, settings: WebhookSettings) -> NewWebhook:
        """Give a webhook a new secret; the old one signs too for some time. Raises NotFound, Forbidden."""
        row, secret = await self.rows.load(id), new_secret()
        self.check_owner(row)
        until = now() + timedelta(hours=settings.roll_hours)
        encrypted = encrypt_secret(self.rows.writer.keys, id, secret)
        await self.rows.change(row, {"old_secret": row.secret, "secret": encrypted, "rolled_until": until})
        return await self.show_secret(row.id, secret)

    async def resume(self, id: UUID) -> Any:
        """Let a webhook go on, from the first event that was not delivered. Raises NotFound, Forbidden."""
        row = await self.rows.load(id)
        if not row.enabled:  # which its owner may have done for good reason
            self.check_owner(row)
        await self.rows.change(row, {"enabled": True, "paused_at": None, "pause_reason": None})
        await CursorWriter(self.rows.writer).begin(id, None)
        return await self.rows.get(id)

    async def replay(self, id: UUID, seq: int) -> Any:
        """Let a webhook follow the events again, from this place. Raises NotFound, BeyondLog."""
        await self.rows.load(id)
        if seq > await sealed_size(self.rows.writer):
            raise BeyondLog(f"The log has no entry {seq}.")
        await CursorWriter(self.rows.writer).begin(id, seq - 1)
        return await self.rows.get(id)

    async def test(self, id: UUID) -> AskedTest:
        """Ask for the delivery of a test. Raises NotFound."""
        await self.rows.load(id)
        event_id = f"test_{new_id()}"
        data = Delivery(webhook_id=id, event_id=event_id, at=now())
        return AskedTest(event_id=event_id, job_id=await enqueue(self.rows.writer, deliver, data))

    async def show_secret(self, id: UUID, secret: str) -> NewWebhook:
        """A webhook with the secret that it has from now on."""
        return NewWebhook(**vars(WebhookRead.model_validate(await self.rows.get(id))), secret=secret)

    def check_owner(self, row: Webhook) -> None:
        """Raise Forbidden unless the caller is the owner."""
        if row.created_by_id != self.rows.session.context.author_id:
            raise Forbidden("Only its owner may do this: a webhook is sent what its owner may read.")


class DeliveryService:
    """The attempts to deliver to webhooks."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.webhooks = WebhookRepository(session)
        self.rows = AttemptRepository(session)

    async def page(self, id: UUID, query: PageQuery) -> RowPage:
        """The attempts to deliver to one webhook. Raises NotFound."""
        await self.webhooks.get(id)
        return await self.rows.page_of(id, query)


def check_values(data: WebhookCreate | WebhookUpdate, settings: WebhookSettings) -> None:
    """Raise Invalid for a URL without TLS, and for events that there are not."""
    if data.url is not None and not data.url.startswith("https://") and not settings.allow_http:
        raise invalid("/body/url", "Events are sent by https only.", "https-required")
    known = item_modules()
    for index, name in enumerate(data.event_types or ()):
        if name != "*" and name.partition(".")[0] not in known:
            detail = f"There are no such events. There are those of: {', '.join(sorted(known))}."
            raise invalid(f"/body/event_types/{index}", detail, "unknown-event-type")
    if data.module is not None and data.module not in known.values():
        raise invalid("/body/module", "There is no such module with events.", "unknown-module")


async def forget(session: Session, person: Person) -> None:
    """Remove the webhooks of a person who is erased."""
    for row in await WebhookRepository(session).load_of(person.id):
        session.remove(row)
