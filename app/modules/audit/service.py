"""Reading the record."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.db import ReadSession, Session
from app.core.errors import NotFound
from app.core.page import PageQuery, Window
from app.core.types import AnyRow
from app.modules.audit.capture import place_of
from app.modules.audit.personal import ERASED, UNREADABLE, unseal
from app.modules.audit.repository import AccessRepository, ChangeRepository


class AccessService:
    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = AccessRepository(session)

    async def page(self, query: PageQuery) -> Window:
        return await self.rows.page(query)


class ChangeService:
    """Change rows with personal data opened for whoever may read the record."""

    def __init__(self, session: ReadSession | Session) -> None:
        self.rows = ChangeRepository(session)

    async def page(self, query: PageQuery) -> Window:
        return await self.opened(await self.rows.page(query))

    async def get(self, id: int) -> Mapping[str, Any]:
        window = await self.opened(Window([await self.rows.get(id)], None, None))
        found: Mapping[str, Any] = window.items[0]
        return found

    async def visible_history(self, entity: str, entity_id: UUID, query: PageQuery) -> Window:
        """For readers of the item, not of the record: nothing of hidden items, nor from where somebody changed it."""
        if await self.rows.is_hidden(entity, entity_id):
            raise NotFound(f"There is no {entity.replace('_', ' ')} {entity_id}.")
        window = await self.history(entity, entity_id, query)
        items = [{**row, "ip": None, "user_agent": None} for row in window.items]
        return Window(items, window.next_cursor, window.total)

    async def history(self, entity: str, entity_id: UUID, query: PageQuery) -> Window:
        """The change rows of one item, hidden or deleted ones too. Raises NotFound where it never was."""
        statement = self.rows.of(entity, entity_id)
        window = await self.rows.window(statement, query, f"history/{entity}/{entity_id}")
        if not window.items and not query.cursor:
            raise NotFound(f"There is no {entity} {entity_id}, and never was.")
        return await self.opened(window)

    async def opened(self, window: Window) -> Window:
        ids = {UUID(side["$key"]) for row in window.items for side in sealed_sides(row.changes)}
        keys = await self.rows.keys(ids) if ids else {}
        return Window([plain(row, keys) for row in window.items], window.next_cursor, window.total)


def sealed_sides(changes: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, str]]:
    return [side for sides in changes.values() for side in sides.values() if is_sealed(side)]


def is_sealed(side: Any) -> bool:
    return isinstance(side, dict) and "$personal" in side


def plain(row: AnyRow, keys: Mapping[UUID, bytes | None]) -> dict[str, Any]:
    """`row` with its personal values opened; `$erased` where the key is gone, `$unreadable` where it does not fit."""
    changes: dict[str, dict[str, Any]] = {}
    for field, sides in row.changes.items():
        changes[field] = {"old": None, "new": None}
        for name, side in sides.items():
            place = place_of(row.entity, row.entity_id, field)
            changes[field][name] = opened(side, place, keys) if is_sealed(side) else side
    return {**row._mapping, "changes": changes}


def opened(side: Mapping[str, str], place: str, keys: Mapping[UUID, bytes | None]) -> Any:
    name = UUID(side["$key"])
    if name not in keys:
        return ERASED
    key = keys[name]
    return UNREADABLE if key is None else unseal(key, place, side)
