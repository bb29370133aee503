"""What a reader of the change log may not see, because the module of the table does not show it to them either."""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import SQLModel

from app.core.context import RequestContext
from app.core.db.field_access import refuse
from app.core.db.field_rules import rules_of
from app.core.db.masks import Mask, mask_of_log
from app.core.db.session import AnySelect, ReadSession, Session
from app.modules.audit.schemas import Item

UNKNOWN_TABLE: frozenset[str] = frozenset()


def columns_of(entity: str) -> Collection[str]:
    """The columns that a table has today."""
    return SQLModel.metadata.tables[entity].c.keys()


class Masks:
    """The fields of all tables that a caller may not read.

    The log tells of every row, so that an action in a scope shows none of them. Of one item, it can be known what the
    caller may not read.
    """

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self.by_table: dict[str, frozenset[str]] = {}

    def has(self, entity: str, field: str) -> bool:
        """Whether values of the field are masked: one that the table has no more needs all that its fields need."""
        if entity not in self.by_table:
            is_known = entity in SQLModel.metadata.tables
            self.by_table[entity] = self.mask(entity).columns if is_known else UNKNOWN_TABLE
        masked = self.by_table[entity]
        return field in masked or (bool(masked) and field not in columns_of(entity))

    def refuse(self, entity: str, field: str) -> None:
        """Raise Forbidden for a field that is masked."""
        masked = self.by_table[entity]
        needed = rules_of(SQLModel.metadata.tables[entity]).needed_to_read([field] if field in masked else masked)
        refuse(self.context, needed, "read", "/query", "for every row")

    def mask(self, entity: str) -> Mask:
        """What the caller may not read of the rows of a table."""
        return mask_of_log(rules_of(SQLModel.metadata.tables[entity]), self.context)


async def masks_for(session: ReadSession | Session, item: Item | None) -> Masks:
    """What the caller may not read of the log; of `item`, what the caller may not read of its row, hidden or not."""
    masks = Masks(session.context)
    if item is not None and (mask := masks.mask(item.entity)).partly:
        table = SQLModel.metadata.tables[item.entity]
        found: AnySelect = select(*mask.flag_columns(table)).where(table.c.id == item.entity_id)
        row = await session.first(found)
        are_shown = [False] * len(mask.partly) if row is None else [bool(is_shown) for is_shown in row]
        masks.by_table[item.entity] = mask.in_row(are_shown)
    return masks
