"""Queries over changes that wait for approval."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, and_, bindparam, select
from sqlmodel import col

from app.core.clock import now
from app.core.db.entity import table_of
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.repository import Repository
from app.core.db.session import AnyRow, AnySelect
from app.modules.approvals.models import Approval, ApprovalState
from app.modules.approvals.schemas import ApprovalQuery, ApprovalRead

columns = table_of(Approval).c
IS_WAITING = and_(columns.state == ApprovalState.pending, columns.expires_at > bindparam("now"))


class ApprovalRepository(Repository[Approval]):
    """Changes that wait, or waited."""

    model = Approval
    read = ApprovalRead

    def to_reads(self, rows: Sequence[AnyRow]) -> Sequence[Any]:
        return [show_expired(approval) for approval in super().to_reads(rows)]

    async def reload_for_read(self, rows: Sequence[Approval]) -> Sequence[Any]:
        return [show_expired(row) for row in await super().reload_for_read(rows)]

    def where(self, statement: AnySelect, query: PageQuery) -> AnySelect:
        if isinstance(query, ApprovalQuery) and query.waiting is not None:
            condition = bindparam("filter_waiting", type_=Boolean()) == IS_WAITING
            statement = self.build_once((statement, "waiting"), partial(statement.where, condition))
            query = query.model_copy(update={"waiting": None})
        return super().where(statement, query)

    async def page_of(self, requester_id: UUID | None, query: ApprovalQuery) -> RowPage:
        """The changes for which this user asked, or all."""
        statement = self.build_once("all", self.select)
        values: dict[str, Any] = {} if query.waiting is None else {"now": now()}
        if requester_id is not None:
            mine = columns.requester_id == bindparam("requester")
            statement = self.build_once("mine", partial(statement.where, mine))
            values["requester"] = requester_id
        return await self.fetch_page(self.where(statement, query), query, f"approvals/{requester_id}", values)

    async def content_of(self, id: UUID) -> AnyRow | None:
        """What a request needs to be made, of the change with this id."""
        return await self.session.first(select(*columns).where(columns.id == id))

    async def load_undecided(self) -> Sequence[Approval]:
        """Load and lock what was not decided, expired or not."""
        kept = select(Approval).where(col(Approval.content).is_not(None)).order_by(col(Approval.id))
        return list((await self.writer.execute(kept.with_for_update(key_share=True))).scalars())


def show_expired(item: Any) -> Any:
    """`item`, a change as a read shows it, whose state tells whether its time is over."""
    if item.state == ApprovalState.pending and item.expires_at <= now():
        item.state = ApprovalState.expired
    return item
