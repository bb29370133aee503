"""Events: sealed changes of items, as one who reads their modules may see them, who need not read the audit log.

It is what the history of an item shows: of rows in the scopes of the caller, with the fields that the caller may read.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select
from sqlmodel import SQLModel

from app.core.db.redaction import Redaction
from app.core.db.row_access import row_access
from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.modules.audit.changes.personal_data import MASKED
from app.modules.audit.changes.reading import decrypt
from app.modules.audit.feed.repository import FeedRepository
from app.modules.audit.models import ITEMS
from app.modules.audit.repository import audited_modules, last_place

PAST = {"create": "created", "update": "updated", "delete": "deleted", "restore": "restored"}
"""What an event calls an action of the change log."""


@dataclass(frozen=True)
class EventHead:
    """What may be told of a change of an item to all who learn that it changed."""

    seq: int
    """Its place in the log."""
    change_id: int
    """The number of its entry."""
    at: datetime
    module: str
    entity: str
    item_id: UUID
    action: str
    """created, updated, deleted or restored."""
    actor_kind: str
    actor_id: UUID | None
    call_id: UUID | None

    @property
    def type(self) -> str:
        """What happened, such as `task.created`."""
        return f"{self.entity}.{self.action}"


@dataclass(frozen=True)
class Event(EventHead):
    """A change of an item. It has no values if the item was deleted, and the reader may not see deleted ones."""

    changes: Mapping[str, Mapping[str, Any]]
    """The changed fields that the reader may see, before and after. Secrets are not among them."""
    request_id: str


@dataclass(frozen=True)
class Outline(EventHead):
    """A change of an item without its values, for readers of whom it is not known what they may see."""

    fields: tuple[str, ...]
    """The names of the changed fields. Secrets are not among them."""


class EventRepository(FeedRepository):
    """The sealed changes, and which items of theirs the caller may read."""

    def visible(self, statement: AnySelect) -> AnySelect:
        """`statement` as it is: what the caller may read is found out for each item."""
        return statement

    async def size(self) -> int:
        """How many changes are sealed."""
        return int(await self.session.value(select(last_place(self.log))))

    async def stored_at(self, ids: Collection[int]) -> datetime | None:
        """When the first of these entries was stored; None where the database has none of them."""
        stored = select(self.table.c.stored_at).where(self.table.c.id.in_(ids)).order_by(self.table.c.id).limit(1)
        at: datetime | None = await self.session.value(stored) if ids else None
        return at

    async def find_readable(self, entity: str, ids: Collection[UUID]) -> dict[UUID, bool]:
        """Those of the items that the caller may read, each with whether that includes its values.

        It cannot be told in which scopes an item was that is gone: only callers who read all items are told of it.
        """
        table, access, context = (
            SQLModel.metadata.tables[entity],
            row_access(self.session.context),
            self.session.context,
        )
        module, modules = ITEMS[entity], audited_modules(self.session)
        if modules is None or module in modules:
            return dict.fromkeys(ids, True)
        if not context.scopes_of(f"{module}:read"):
            return {}
        conditions = access.conditions(table)
        gone = dict.fromkeys(ids, False) if not conditions else {}
        hidden, chosen = table.c.get("deleted_at"), table.c.id.in_(ids)
        columns = [table.c.id] if hidden is None else [table.c.id, hidden]
        rows = await self.session.all(select(*columns).where(chosen, *conditions))
        readable = {row.id: hidden is None or row.deleted_at is None for row in rows}
        if context.scopes_of(f"{module}:delete") and not all(readable.values()):
            rows = await self.session.all(select(table.c.id).where(chosen, *access.conditions(table, deleted=True)))
            readable |= {row.id: True for row in rows}
        return gone | readable


class EventService:
    """Events, for a caller who need not read the audit log."""

    def __init__(self, session: ReadSession | Session) -> None:
        if session.context.principal is None:
            raise RuntimeError("events need a caller, whose permissions decide what they show")
        self.session = session
        self.rows = EventRepository(session)

    async def read(self, seq: int, limit: int) -> tuple[list[Event], int]:
        """The events among so many changes behind a place, and the last place that was looked at. Raises AheadOfLog."""
        rows, last = await self.rows.find_after(seq, limit)
        return await self.show([row for row in rows if row.entity in ITEMS]), last

    async def show(self, rows: Sequence[AnyRow]) -> list[Event]:
        """Those of `rows` that the caller may read, as the caller may see them."""
        ids: dict[str, set[UUID]] = defaultdict(set)
        for row in rows:
            ids[row.entity].add(UUID(row.entity_id))
        readable = {entity: await self.rows.find_readable(entity, wanted) for entity, wanted in ids.items()}
        entries = await decrypt(self.session, rows)
        found = [(entry, readable[entry["entity"]].get(UUID(entry["entity_id"]))) for entry in entries]
        return [to_event(entry, has_values=has_values) for entry, has_values in found if has_values is not None]


async def read_outlines(session: ReadSession | Session, seq: int, limit: int) -> tuple[list[Outline], int]:
    """The outlines among so many changes behind a place, and the last place that was looked at. Raises AheadOfLog."""
    rows, last = await EventRepository(session).find_after(seq, limit)
    return [to_outline({**row._mapping}) for row in rows if row.entity in ITEMS], last


def to_event(entry: Mapping[str, Any], *, has_values: bool) -> Event:
    """The event of an entry."""
    table = SQLModel.metadata.tables[entry["entity"]]
    shown = {name: sides for name, sides in entry["changes"].items() if has_values and is_shown(table, name, sides)}
    return Event(**head_of(entry), changes=shown, request_id=entry["request_id"])


def to_outline(entry: Mapping[str, Any]) -> Outline:
    """The outline of an entry, which may be as it is stored."""
    table = SQLModel.metadata.tables[entry["entity"]]
    return Outline(**head_of(entry), fields=tuple(name for name in entry["changes"] if is_told(table, name)))


def head_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the head of an event."""
    same = ("seq", "at", "entity", "actor_kind", "actor_id", "call_id")
    item = {"module": ITEMS[entry["entity"]], "item_id": UUID(entry["entity_id"]), "action": PAST[entry["action"]]}
    return {"change_id": entry["id"], **item, **{name: entry[name] for name in same}}


def is_shown(table: Table, name: str, sides: Mapping[str, Any]) -> bool:
    """Whether an event has a field: one that may be told of, and is not masked."""
    return MASKED not in sides.values() and is_told(table, name)


def is_told(table: Table, name: str) -> bool:
    """Whether events tell that a field changed: one that the table has today, and no secret."""
    if name not in table.c:
        return False
    declared: Redaction | None = table.c[name].info.get("redaction")
    return declared is None or declared.treatment != "secret"


def item_modules() -> Mapping[str, str]:
    """The tables whose changes are events, each with its module."""
    return ITEMS


async def stored_behind(session: ReadSession | Session, seq: int) -> datetime | None:
    """When the entry was stored that is the next one behind a place; None where there is none. Raises AheadOfLog."""
    rows = EventRepository(session)
    return await rows.stored_at(await rows.ids_after(seq, 1))


async def sealed_size(session: ReadSession | Session) -> int:
    """How many changes are sealed."""
    return await EventRepository(session).size()
