"""Request and response schemas of assignments."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from app.core.fields.read_only import Repeated
from app.core.fields.text import compose_text
from app.core.fields.time import Moment
from app.core.resources.schemas import Named, ResponseSchema, Schema, example
from app.core.sentences import refusal

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
    BeforeValidator(compose_text),
]


class Terms(Schema):
    """The terms of an assignment."""

    valid_from: Moment | None = None
    """When the assignment begins; null: at once."""
    valid_until: Moment | None = None
    """When the assignment ends; null: never."""
    reason: Reason | None = None
    """Why the user has the role."""

    @model_validator(mode="after")
    def begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise refusal("ends-before-it-begins", "valid_until must be after valid_from.")
        return self

    def values(self) -> dict[str, Any]:
        """The terms, by the names of their columns."""
        return {name: getattr(self, name) for name in Terms.model_fields}


class Assignment(Terms):
    """A role for a user, with its terms."""

    role_id: UUID
    """The role."""
    role: Repeated = None
    """The role as a response shows it. It is accepted, so that what was read can be sent back, and changes nothing."""


class Assignments(Schema):
    """All roles of one user: as plain ids, or with the terms of each."""

    role_ids: list[UUID] | None = Field(None, max_length=100)
    """The roles, without terms."""
    assignments: list[Assignment] | None = Field(None, max_length=100)
    """The roles with their terms, each once."""
    reason: Reason | None = None
    """The reason of every new or changed assignment that has none of its own."""

    @model_validator(mode="after")
    def has_one_list(self) -> Self:
        if (self.role_ids is None) == (self.assignments is None):
            raise refusal("one-list", "Send either role_ids or assignments.")
        ids = [item.role_id for item in self.assignments or []]
        if len(set(ids)) != len(ids):
            raise refusal("listed-twice", "List each role once.")
        return self

    def place_of(self, role_id: UUID) -> str:
        """The pointer to a role that is listed."""
        if self.role_ids is not None:
            return f"/role_ids/{self.role_ids.index(role_id)}"
        return f"/assignments/{[item.role_id for item in self.assignments or ()].index(role_id)}/role_id"

    def with_terms(self) -> list[Assignment]:
        """Every assignment with its terms."""
        if self.assignments is None:
            return [Assignment(role_id=role, reason=self.reason) for role in dict.fromkeys(self.role_ids or [])]
        return [item.model_copy(update={"reason": item.reason or self.reason}) for item in self.assignments]


class AssignedRole(Named):
    """The role of an assignment."""

    description: str | None
    """What the role is for."""
    icon: str
    """The icon in lists."""
    is_active: bool
    """Whether the role grants anything."""


class AssignmentRead(ResponseSchema):
    """A role of a user, with the terms of its assignment."""

    role_id: UUID
    """The role."""
    role: AssignedRole
    """What the role is called, and whether it is active."""
    valid_from: datetime | None
    """When the assignment begins; null: it has begun."""
    valid_until: datetime | None
    """When the assignment ends; null: never."""
    reason: str | None
    """Why the user has the role."""


class AssignmentsRead(ResponseSchema):
    """The roles of a user, in their order. Sent back in a PUT, it changes nothing."""

    assignments: list[AssignmentRead]
    """The roles, with the terms of each."""


class RoleHolder(ResponseSchema):
    """A user who has the role."""

    id: UUID
    """The user."""
    username: str
    """The user name."""
    is_active: bool
    """Whether the user is active."""
    valid_from: datetime | None
    """When the assignment begins; null: it has begun."""
    valid_until: datetime | None
    """When the assignment ends; null: never."""
    reason: str | None
    """Why the user has the role."""


class HolderChange(Terms):
    """Who gets a role, on which terms, and who loses it. Other users are as they were."""

    model_config = example(assign=["01890000-0000-7000-8000-000000000001"], reason="Stocktaking")

    assign: list[UUID] = Field([], max_length=100)
    """The users who have the role from now on, on these terms, whatever terms they had."""
    unassign: list[UUID] = Field([], max_length=100)
    """The users who no longer have it."""

    @model_validator(mode="after")
    def names_each_user_once(self) -> Self:
        ids = [*self.assign, *self.unassign]
        if not ids:
            raise refusal("missing", "Name at least one user.", one_of=["assign", "unassign"])
        if len(set(ids)) != len(ids):
            raise refusal("listed-twice", "List each user once.")
        return self

    def place_of(self, user_id: UUID) -> str:
        """The pointer to a user who is listed."""
        name = "assign" if user_id in self.assign else "unassign"
        return f"/{name}/{getattr(self, name).index(user_id)}"


class HolderEffect(StrEnum):
    """What a request did to the assignment of one user."""

    ASSIGNED = "assigned"
    CHANGED = "changed"
    UNASSIGNED = "unassigned"
    UNCHANGED = "unchanged"


class HolderResult(ResponseSchema):
    """What was done for one user."""

    user_id: UUID
    """The user."""
    username: str
    """The user name."""
    effect: HolderEffect
    """`assigned`, `changed` (other terms), `unassigned`, or `unchanged`: so it was before."""


class HolderResults(ResponseSchema):
    """What was done for each of the users, in the order of the request."""

    results: list[HolderResult]
    """A result for each user."""
