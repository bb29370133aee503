"""What the change log says of one item."""

from dataclasses import replace
from typing import Any

from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import ReadSession, Session
from app.core.errors import NotFound
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.items.causes import fold_versions
from app.modules.audit.items.repository import HistoryRepository
from app.modules.audit.items.schemas import Point
from app.modules.audit.items.states import difference, not_found, read_state
from app.modules.audit.names.entries import name_changes
from app.modules.audit.schemas import Item
from app.modules.audit.sealer.archived import check_nothing_archived


class ItemService:
    """What the change log says of one item."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.session = session
        self.rows = HistoryRepository(session)

    async def check_visible(self, item: Item, *, or_hidden: bool) -> None:
        """Raise NotFound for a hidden item, as its module does, unless hidden ones may be seen."""
        if not await self.rows.is_visible(item, or_hidden=or_hidden):
            raise NotFound(f"There is no {item.words} {item.entity_id}.")

    async def history(self, item: Item, query: PageQuery) -> RowPage:
        """The entries, of a hidden or deleted item too. Raises NotFound if it never existed, Archived."""
        page = await self.rows.page_of(item, query)
        if not page.items and not query.cursor:
            await check_nothing_archived(
                self.session, self.rows.log, f"The history of the {item.words} {item.entity_id}"
            )
            raise not_found(item, was_removed=False, was_ever=False)
        entries = await decrypt(self.session, page.items, item)
        folded = await fold_versions(self.session, item, entries)
        return replace(page, items=await name_changes(self.session, folded))

    async def read(self, item: Item, point: Point) -> dict[str, Any]:
        """The item as it was. Raises NotFound where it did not exist."""
        state = await read_state(self.session, item, point)
        return {**state.values, "id": item.entity_id}

    async def compare(self, item: Item, start: Point, end: Point | None) -> dict[str, Any]:
        """What differs between the item at `start` and at `end`, or now. Raises NotFound where it did not exist."""
        old = await read_state(self.session, item, start)
        new = await read_state(self.session, item, end)
        return {"changes": difference(old, new)}
