"""Queries over webhooks, their cursors, and the attempts to deliver to them."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import FromClause, bindparam, case, func, or_, select, update
from sqlmodel import col

from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import ReadRepository, Repository
from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.webhooks.models import Webhook, WebhookAttempt, WebhookCursor
from app.modules.webhooks.schemas import DeliveryRead, WebhookRead

webhooks, cursors, attempts = table_of(Webhook), table_of(WebhookCursor), table_of(WebhookAttempt)


class WebhookRepository(Repository[Webhook]):
    """Webhooks."""

    model = Webhook
    read: type[BaseModel] = WebhookRead
    beside = (cursors,)

    def source(self) -> FromClause:
        return super().source().join(cursors, cursors.c.id == self.table.c.id)

    async def load_of(self, user_id: UUID) -> Sequence[Webhook]:
        """Load and lock the webhooks of a user."""
        mine = select(Webhook).where(col(Webhook.created_by_id) == user_id).order_by(col(Webhook.id))
        return list((await self.writer.execute(mine.with_for_update(key_share=True))).scalars())


class CursorRepository:
    """How far webhooks have followed the events."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.session = session

    async def find_behind(self, size: int) -> Sequence[UUID]:
        """The webhooks that have not looked at all of the log, which has so many changes."""
        follows = (webhooks.c.enabled.is_(True), webhooks.c.paused_at.is_(None), cursors.c.seq < size)
        found = select(webhooks.c.id).join(cursors, cursors.c.id == webhooks.c.id).where(*follows)
        return [row.id for row in await self.session.all(found.order_by(webhooks.c.id))]

    async def get(self, id: UUID) -> AnyRow | None:
        """A webhook with its cursor."""
        names = ("seq", "run", "run_from")
        both = select(webhooks, *(cursors.c[name] for name in names)).join(cursors, cursors.c.id == webhooks.c.id)
        return await self.session.first(both.where(webhooks.c.id == id))


class CursorWriter(CursorRepository):
    """The same, and moves them."""

    session: Session

    async def claim(self, id: UUID) -> bool:
        """Lock the cursor of a webhook; False where another process has it, or it is gone."""
        mine = select(cursors.c.id).where(cursors.c.id == id).with_for_update(skip_locked=True)
        return await self.session.first(mine) is not None

    async def move(self, id: UUID, seq: int) -> None:
        """Note that the log was looked at up to `seq`."""
        await self.session.execute(update(cursors).where(cursors.c.id == id).values(seq=seq))

    async def begin(self, id: UUID, seq: int | None) -> None:
        """Follow anew behind `seq`, or behind the place before the first that was not delivered."""
        first = func.coalesce(cursors.c.failed_from - 1, cursors.c.seq) if seq is None else seq
        values = {"seq": first, "run_from": first, "run": cursors.c.run + 1, "failed_from": None}
        await self.session.execute(update(cursors).where(cursors.c.id == id).values(values))

    async def note_failed(self, id: UUID, seq: int) -> None:
        """Note that the event at a place was not delivered."""
        is_first = or_(cursors.c.failed_from.is_(None), cursors.c.failed_from > seq)
        first = case((is_first, seq), else_=cursors.c.failed_from)
        await self.session.execute(update(cursors).where(cursors.c.id == id).values(failed_from=first))


class AttemptRepository(ReadRepository):
    """The attempts to deliver to a webhook."""

    model = WebhookAttempt
    read: type[BaseModel] = DeliveryRead

    async def page_of(self, webhook_id: UUID, query: PageQuery) -> RowPage:
        """The attempts to deliver to one webhook."""
        mine = self.build_once("of", lambda: self.select().where(attempts.c.webhook_id == bindparam("webhook")))
        return await self.fetch_page(
            self.where(mine, query), query, f"webhooks/{webhook_id}/deliveries", {"webhook": webhook_id}
        )

    async def count(self, webhook_id: UUID, event_id: str, run: int) -> int:
        """How often the event was sent since the webhook began to follow for this time."""
        mine = (attempts.c.webhook_id == webhook_id, attempts.c.event_id == event_id, attempts.c.run == run)
        return int(await self.session.value(select(func.count()).select_from(attempts).where(*mine)))
