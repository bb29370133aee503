"""What an auditor asks and receives."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.core.page import PageQuery
from app.core.schema import Moment

Status = Annotated[int, Field(ge=100, le=599)]


class HistoryQuery(PageQuery):
    """Newest first, by cursor only: these tables are too long to skip or count."""

    sortable: ClassVar[tuple[str, ...]] = ("at", "id")
    default_sort: ClassVar[str] = "-at"

    offset: int = Field(0, ge=0, le=0, description="Not offered here; use the cursor.")
    total: bool = Field(
        False,
        description="Not offered here; counting would read the whole record.",
        json_schema_extra={"const": False},
    )

    @field_validator("total")
    @classmethod
    def not_counted(cls, total: bool) -> bool:  # a validator
        if total:
            raise ValueError("the record is not counted")
        return total


class RecordQuery(HistoryQuery):
    actor_id: UUID | None = None
    owner_id: UUID | None = None
    request_id: str | None = Field(None, max_length=64)
    at_gte: Moment | None = None
    at_lt: Moment | None = None


class AccessQuery(RecordQuery):
    method: str | None = Field(None, max_length=16)
    path: str | None = Field(None, max_length=400, description="The beginning of the path.")
    status: list[Status] = Field(default_factory=list, max_length=50)
    status_gte: Status | None = None
    ip: str | None = Field(None, max_length=64)


class ChangeQuery(RecordQuery):
    entity: str | None = Field(None, max_length=64)
    entity_id: str | None = Field(None, max_length=64)
    action: Literal["create", "update", "delete"] | None = None
    field: str | None = Field(None, max_length=64, pattern=r"^\w+$", description="A field that changed.")


class RecordRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    request_id: str
    actor_kind: str
    actor_id: UUID | None
    actor_name: str | None
    owner_id: UUID | None
    ip: str | None
    user_agent: str | None


class AccessRead(RecordRead):
    auth_method: str | None
    session_id: UUID | None
    method: str
    path: str
    route: str | None
    query: str | None
    decision: str | None
    status: int
    duration_ms: float
    bytes_out: int
    error_code: str | None


class ChangeRead(RecordRead):
    action: str
    entity: str
    entity_id: str
    changes: dict[str, Any]
    policy_version: str
