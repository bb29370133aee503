"""Everything about a person, legal holds, and the ledger of erasures."""

from dataclasses import replace
from typing import Any

from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.errors import NotFound
from app.core.resources.service import Service
from app.modules.audit.erasure.erasing import Erased
from app.modules.audit.erasure.models import AuditHold
from app.modules.audit.erasure.repository import (
    MOST_ROWS,
    ErasureRepository,
    PersonChanges,
    PersonReader,
    PersonWriter,
)
from app.modules.audit.erasure.schemas import HoldSet
from app.modules.audit.names.entries import show_changes
from app.modules.audit.schemas import Item


class ErasureService:
    """The ledger."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = ErasureRepository(session)

    async def page(self, query: PageQuery) -> RowPage:
        return await self.rows.page(query)


class PersonService:
    """Reads everything about a person."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def read(self, item: Item, query: PageQuery) -> dict[str, Any]:
        """Everything about the person, with a page of the change entries. Raises NotFound."""
        reader = PersonReader(self.session, item)
        erasure = await ErasureRepository(self.session).find(item)
        if erasure is None and not await reader.is_known():
            raise NotFound(f"There is no {item.words} {item.entity_id}.")
        found, callers, hold = await reader.rows(), await reader.callers(), await reader.find_hold()
        page = await PersonChanges(self.session).page_about(item, found.rows, query)
        return {
            "entity": item.entity,
            "id": item.entity_id,
            "erasure": erasure,
            "hold": None if hold is None else AuditHold(**hold._mapping),
            "rows": {table: [dict(row._mapping) for row in rows] for table, rows in found.rows.items()},
            "callers": callers[:MOST_ROWS],
            "is_complete": found.is_complete and len(callers) <= MOST_ROWS,
            "changes": replace(page, items=await show_changes(self.session, page.items)),
        }


async def set_hold(items: Service[Any], item: Item, data: HoldSet) -> AuditHold:
    """Set or change the legal hold of a person. Raises NotFound, Erased."""
    session = items.rows.writer
    writer = PersonWriter(session, item)
    await writer.lock(items.rows.model)
    if await ErasureRepository(session).find(item):
        raise Erased("The person was erased; there is nothing left to keep.")
    if not await PersonReader(session, item).is_known():
        raise NotFound(f"There is no {item.words} {item.entity_id}.")
    hold = await writer.load_hold()
    if hold is None:
        hold = AuditHold(entity=item.entity, entity_id=item.entity_id, **data.model_dump())
        session.add(hold)
    else:
        hold.reason, hold.until = data.reason, data.until
    await session.flush()
    return hold


async def lift_hold(items: Service[Any], item: Item) -> None:
    """Lift the legal hold of a person. Raises NotFound."""
    session = items.rows.writer
    hold = await PersonWriter(session, item).load_hold()
    if hold is None:
        raise NotFound(f"There is no legal hold of {item.words} {item.entity_id}.")
    session.remove(hold)
    await session.flush()
