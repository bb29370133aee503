"""Responses of the feed."""

from app.core.resources.schemas import ResponseSchema
from app.modules.audit.schemas import ChangeRead


class ChangeFeed(ResponseSchema):
    """Sealed changes, in the order of the log."""

    items: list[ChangeRead]
    """The changes behind `after`, by their place; none where nothing came while the request waited."""
    after: int
    """The place to continue with: the `after` of the next request."""
