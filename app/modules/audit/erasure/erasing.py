"""Erases a person: what tells of them is removed in one transaction, and what stays proves that it happened."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from app.core.clock import now
from app.core.db.entity import Entity, SoftDelete, table_of
from app.core.db.person import Person
from app.core.db.session import AnyRow, Session
from app.core.db.unit_of_work.change import Change
from app.core.errors import Conflict, NotFound
from app.core.resources.service import Service
from app.modules.audit.erasure.models import AuditErasure
from app.modules.audit.erasure.repository import ErasureRepository, PersonReader, PersonWriter, find_erased
from app.modules.audit.erasure.tables import neutral_value
from app.modules.audit.schemas import Item

PERSON_TABLES: set[str] = set()
"""The tables whose rows stand for persons."""


class UnderLegalHold(Conflict):
    """The data of this person must be kept."""

    code = "legal-hold"
    remedy = "Ask those who set the legal hold; it must be lifted first."


class Erased(Conflict):
    """The person of this item was erased."""

    code = "erased"
    remedy = "Nothing brings the data back. Create a new item, if there is reason to."


async def erase(items: Service[Any], id: UUID) -> AnyRow:
    """Erase the person of an item. Returns the row of the ledger, that of the first time for one who was erased.

    Rows are emptied first: their entries are still encrypted under the keys that are destroyed after them.
    Raises NotFound, UnderLegalHold, and what the service raises.
    """
    session, item = items.rows.writer, Item(items.rows.table.name, id)
    writer, ledger = PersonWriter(session, item), ErasureRepository(session)
    await writer.lock(items.rows.model)
    known = await ledger.find(item)
    if known is not None:
        return known
    await check_may_erase(writer)
    callers = await writer.callers()
    person = await empty_rows(writer, callers)
    for forget in session.hooks.erase:
        await forget(session, person)
    await session.flush()
    keys = await writer.destroy_keys()
    await writer.remove_callers()
    await add_to_ledger(session, item, keys=keys, callers=len(callers))
    return await ledger.get_of(item)


async def check_may_erase(writer: PersonWriter) -> None:
    """Raise NotFound for an unknown person, UnderLegalHold while the data must be kept."""
    if not await PersonReader(writer.session, writer.item).is_known():
        raise NotFound(f"There is no {writer.item.words} {writer.item.entity_id}.")
    hold = await writer.load_hold()
    if hold is not None and hold.holds:
        raise UnderLegalHold("A legal hold keeps the data of this person. Lift it first.")


async def empty_rows(writer: PersonWriter, callers: Sequence[AnyRow]) -> Person:
    """Empty the personal columns of every row, and hide the person's own. Returns what was known of the person."""
    words = {text for caller in callers for text in (caller.name, caller.ip, caller.user_agent) if text}
    for table in writer.tables:
        columns = table.personal_columns
        for row in await writer.load_rows(table) if columns else ():
            words |= {text for column in columns if isinstance(text := getattr(row, column.name), str)}
            empty(row, columns)
            own: SQLModel = row
            if table_of(table.model).name == writer.item.entity and isinstance(own, SoftDelete):
                own.deleted_at = own.deleted_at or now()
    await writer.session.flush()
    addresses = frozenset(caller.ip for caller in callers if caller.ip)
    return Person(writer.item.entity, writer.item.entity_id, addresses, frozenset(words))


def empty(row: Entity, columns: Sequence[Any]) -> None:
    """Give personal columns of a row their neutral values."""
    for column in columns:
        setattr(row, column.name, neutral_value(type(row), column, row.id))


async def add_to_ledger(session: Session, item: Item, *, keys: int, callers: int) -> None:
    """Add an erasure by the caller of this session."""
    context = session.context
    row = AuditErasure(
        call_id=context.call_id,
        actor_kind=context.actor.kind,
        actor_id=context.actor.id,
        actor_name=context.actor.logged_name,
        reason=context.reason or "",
        entity=item.entity,
        entity_id=item.entity_id,
        keys=keys,
        callers=callers,
    )
    session.add(row)
    await session.flush()


async def refuse_restoring(session: Session, changes: Sequence[Change]) -> None:
    """Raise Erased for a change that makes an item visible again whose person was erased."""
    updates = [each for each in changes if each.action == "update" and each.table.name in PERSON_TABLES]
    shown = {
        change.before["id"]
        for change in updates
        if "deleted_at" in change.fields and change.row.__dict__["deleted_at"] is None
    }
    if shown and await find_erased(session, shown):
        raise Erased("The person was erased; the item cannot be made visible again.")
