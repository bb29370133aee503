"""Query and response schemas of changes that wait for approval."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.resources.schemas import Named, Read, ResponseSchema
from app.modules.approvals.models import ApprovalState


class ApprovalRead(Read):
    """A change that waits, or waited, until a second person approves it."""

    requester: Named | None
    """The user who asked for the change, or whose key did."""
    method: str
    """The method of the request that makes the change."""
    path: str
    """Its path."""
    reason: str | None
    """Why the requester asked (`Audit-Reason`)."""
    needs: list[str]
    """What of the change needs approval, as the setting names it."""
    effects: list[dict[str, Any]]
    """What users gain and lose by it, when it was asked for."""
    policy_version: int | None
    """The version of the policy that the requester saw."""
    state: ApprovalState
    """Whether it waits, or how it ended."""
    expires_at: datetime
    """When it can be approved no more."""
    decided_by: Named | None
    """Who approved, rejected or withdrew it; of a failed one, who approved it."""
    decided_at: datetime | None
    """When that was."""
    problem: str | None
    """The code of the error because of which an approved change was not made."""


class ApprovalPreview(ResponseSchema):
    """What happens if the caller approves a change now."""

    query: str
    """The query of the request that makes the change."""
    body: Any
    """Its body, with secrets and e-mail addresses masked; null where it has none."""
    dry_run: dict[str, Any] | None
    """The answer to the change as a dry run; null where it would be refused."""
    problem: str | None
    """The code of the error with which it would be refused."""
    detail: str | None
    """The sentence of that error."""


class ApprovalQuery(FieldsQuery, PageQuery):
    """The parameters of a list of changes that wait, or waited."""

    sortable: ClassVar[tuple[str, ...]] = ("created_at",)

    waiting: bool | None = None
    """Only changes that wait (true), or only those that do not (false)."""
    requester_id: UUID | None = None
    """Only changes for which this user asked."""
