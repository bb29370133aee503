"""Query and response schemas of the caller's own changes."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.core.db.pagination import FieldsQuery
from app.core.resources.schemas import ResponseSchema
from app.modules.audit.schemas import PeriodQuery


class OwnChangeQuery(FieldsQuery, PeriodQuery):
    """The parameters of the list of one's own changes."""

    sortable: ClassVar[tuple[str, ...]] = ("at",)


class OwnChangeRead(ResponseSchema):
    """That the caller changed an item, without the values: the history of the item has those."""

    id: int
    """The number of the entry in the change log."""
    at: datetime
    """When the change was written, by the clock of the application."""
    action: str
    """create, update, delete (the row was hidden, or removed) or restore (it was brought back)."""
    entity: str
    """The table of the changed row."""
    entity_id: str
    """The id of the changed row."""
    item_name: str | None
    """The present name of the changed row; null where it has none, is gone, or the caller may not read it."""
    call_id: UUID | None
    """The request, as the server numbered it (`Attest-Call-ID`)."""
