"""Response schemas of overviews."""

from datetime import datetime

from app.core.db.pagination import Page
from app.core.resources.schemas import ResponseSchema
from app.modules.api_keys import ApiKeyRead
from app.modules.auth import FailedAttempts
from app.modules.rbac import Ground
from app.modules.roles import AssignmentRead
from app.modules.sessions import LoginRead, SessionRead
from app.modules.users import UserRead


class HeldPermission(ResponseSchema):
    """A permission that the user holds now."""

    permission: str
    """The permission, `module:action`."""
    scopes: list[str]
    """The scopes in whose rows the user holds it: `all` alone where it is for all rows."""
    reasons: list[Ground]
    """The grounds that give it, as an explanation says them."""


class LeftOut(ResponseSchema):
    """A part of the overview that the caller may not read."""

    part: str
    """The field, which is null."""
    permission: str
    """The permission that reading it needs."""


class UserOverview(ResponseSchema):
    """All that the page of a user shows. Lists are the first pages of those with addresses of their own."""

    user: UserRead
    """The profile."""
    last_sign_in_at: datetime | None
    """When the user last signed in; null for one who never did."""
    has_second_factor: bool
    """Whether the user has a confirmed second factor."""
    is_locked: bool
    """Whether attempts at the account are blocked now."""
    failed_attempts: list[FailedAttempts]
    """What counts towards that."""
    assignments: list[AssignmentRead]
    """The roles, with the terms of each."""
    permissions: list[HeldPermission] | None
    """What the user holds now, each permission with its reasons; null for callers without `roles:read`."""
    sessions: Page[SessionRead]
    """The open sessions, those used last first."""
    api_keys: Page[ApiKeyRead]
    """The API keys, revoked and expired ones too, the newest first."""
    logins: Page[LoginRead]
    """Attempts to sign in as the user, the last first."""
    left_out: list[LeftOut]
    """The parts that are null because the caller may not read them."""
