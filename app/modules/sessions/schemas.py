"""Query and response schemas of sessions and the login log."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from app.core.db.pagination import FieldsQuery, PageQuery
from app.core.fields.ip_address import SoughtAddress
from app.core.fields.time import Moment
from app.core.resources.schemas import Named, ResponseSchema
from app.modules.sessions.models import AuthSession, LoginAttempt


class AccessToken(ResponseSchema):
    """An access token (RFC 6749, 5.1)."""

    access_token: str
    """The token to send as `Authorization: Bearer`."""
    token_type: Literal["bearer"]
    """The type of the access token."""
    expires_in: int
    """Seconds until the access token expires."""


class TokenPair(AccessToken):
    """An access token and a refresh token."""

    refresh_token: str
    """The token to exchange for the next pair. It works once."""
    refresh_expires_in: int
    """Seconds until the session ends, unless the refresh token is used before."""


class SessionRow(ResponseSchema):
    """The columns that are read of a session."""

    id: UUID
    """The session."""
    created_at: datetime
    """When the user signed in."""
    used_at: datetime
    """When the session was last continued."""
    expires_at: datetime
    """When the session ends in any case."""
    ip: str | None
    """The address of the last sign-in or refresh."""
    user_agent: str | None
    """The user agent of the last sign-in or refresh."""
    verified_at: datetime | None
    """When the second factor was last verified."""
    is_browser: bool
    """Whether a page of this server opened it."""


class OwnedSessionRow(SessionRow):
    """The same, with the user."""

    user: Named | None
    """The user who signed in."""


class SessionRead(ResponseSchema):
    """An open session."""

    id: UUID
    """The session."""
    created_at: datetime
    """When the user signed in."""
    last_used_at: datetime
    """The last sign-in or refresh, so at most the lifetime of one access token ago."""
    expires_at: datetime
    """When the session ends in any case."""
    ip: str | None
    """The address of the last sign-in or refresh."""
    user_agent: str | None
    """The user agent of the last sign-in or refresh."""
    device: str
    """The browser or program and its system, in words, as the user agent claims."""
    is_browser: bool
    """Whether it was opened by `/auth/browser/token`, so by a page of this server; else by a program."""
    second_factor_at: datetime | None
    """When the second factor was last verified in this session."""
    is_current: bool
    """Whether this request belongs to the session."""


class OwnedSessionRead(SessionRead):
    """An open session of a user."""

    user: Named
    """The user who signed in."""


class SessionQuery(FieldsQuery, PageQuery):
    """The parameters of a list of sessions."""

    sortable: ClassVar[tuple[str, ...]] = ("used_at", "created_at")
    default_sort: ClassVar[str] = "-used_at"


class AllSessionsQuery(SessionQuery):
    """The parameters of a list of the sessions of all users."""

    lists: ClassVar = AuthSession
    sortable: ClassVar[tuple[str, ...]] = ("created_at", "expires_at")
    default_sort: ClassVar[str] = "-created_at"
    filterable: ClassVar[tuple[str, ...]] = ("user_id", "expires_at")

    used_at_gte: Moment | None = None
    """Only sessions that were continued at or after this instant."""
    used_at_lt: Moment | None = None
    """Only sessions that were last continued before this instant."""


class LoginRead(ResponseSchema):
    """An attempt to sign in. An unknown name is not shown."""

    id: UUID
    """The attempt."""
    at: datetime
    """When the attempt was made."""
    user_id: UUID | None
    """The user who was named; null for an unknown name."""
    username: str | None
    """The present name of that user; null for an unknown one, and once the person was erased."""
    is_successful: bool
    """Whether a session was opened."""
    reason: str | None
    """Why no session was opened."""
    ip: str | None
    """The address of the client; null once it was forgotten, or the person erased."""
    user_agent: str | None
    """The user agent of the client; null once it was forgotten, or the person erased."""
    session_id: UUID | None
    """The session that was opened."""
    request_id: str
    """The request of the attempt."""


class MyLoginQuery(FieldsQuery, PageQuery):
    """The parameters of one's own login log."""

    lists: ClassVar = LoginAttempt
    filterable: ClassVar[tuple[str, ...]] = ("at", "is_successful")
    sortable: ClassVar[tuple[str, ...]] = ("at",)
    default_sort: ClassVar[str] = "-at"

    ip: SoughtAddress | None = None
    """Only attempts from this address."""


class LoginQuery(MyLoginQuery):
    """The parameters of the login log of all users."""

    filterable: ClassVar[tuple[str, ...]] = (
        *MyLoginQuery.filterable,
        "user_id",
        "reason",
        "session_id",
        "request_id",
    )
