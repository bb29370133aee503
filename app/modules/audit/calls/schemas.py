"""Query and response schemas of a call."""

from typing import ClassVar
from uuid import UUID

from app.core.db.pagination import Page
from app.core.resources.schemas import ResponseSchema
from app.modules.audit.schemas import AccessRead, ChangeRead, HistoryQuery


class CallQuery(HistoryQuery):
    """The parameters of one call: a page of its changes, in the order in which they were made."""

    default_sort: ClassVar[str] = "at"


class CallRead(ResponseSchema):
    """One request, or one piece of work of a job, with what it changed."""

    call_id: UUID
    """The identifier that the server gave it (`Attest-Call-ID`)."""
    request_id: str
    """The request, in the words of its caller (`X-Request-ID`)."""
    actor_kind: str
    """The kind of actor: anonymous, user, api-key, service, system or unknown."""
    actor_id: UUID | None
    """The user or API key."""
    actor_name: str | None
    """The name of the actor at that time; null once the person was erased."""
    owner_id: UUID | None
    """The user for whom the actor acted: the owner of an API key, or who asked for what the actor approved."""
    owner_name: str | None
    """The present name of that user; null once the person was erased."""
    reason: str | None
    """Why the caller made the request, in the caller's words (`Audit-Reason`)."""
    request: AccessRead | None
    """The access entry; null for a job, and for a request whose success leaves none."""
    changes: Page[ChangeRead]
    """The change entries, a page of them."""
