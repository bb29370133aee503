"""Query and response schemas of a timeline."""

from datetime import datetime
from typing import ClassVar, Literal

from app.core.db.pagination import FieldsQuery
from app.core.errors import invalid
from app.core.resources.schemas import ResponseSchema
from app.modules.audit.schemas import AccessRead, ChangeRead, PeriodQuery


class TimelineQuery(FieldsQuery, PeriodQuery):
    """The parameters of a timeline, which has one order only: newest first, then by kind, then by number."""

    sortable: ClassVar[tuple[str, ...]] = ("at",)

    keys: bool = False
    """Also what API keys of this user did."""

    def sort_fields(self) -> list[tuple[str, bool]]:
        """Pairs of (field, descending). Raises Invalid for another order."""
        if self.sort not in (None, self.default_sort):
            raise invalid("/query/sort", "Sort by -at.", "not-sortable")
        return [("at", True), ("kind", True), ("id", True)]


class TimelineEntry(ResponseSchema):
    """One entry of a timeline."""

    at: datetime
    """When the request began, or the change was written, by the clock of the application."""
    kind: Literal["change", "request", "sign-in"]
    """What it is: a change, a request, or an attempt to sign in as this user."""
    id: int
    """The number of the entry in its log."""
    request: AccessRead | None
    """The access entry of a request, or of an attempt to sign in."""
    change: ChangeRead | None
    """The change entry."""
