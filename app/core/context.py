"""Who asks, from where, for what: one object that travels on the request and on `session.info`."""

from asyncio import Timeout
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from app.core.types import new_id, now

ActorKind = Literal["anonymous", "user", "api-key", "service", "system", "unknown"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it; `name` is the name at that time."""

    kind: ActorKind
    id: UUID | None = None
    name: str | None = None


ANONYMOUS = Actor("anonymous")
UNKNOWN = Actor("unknown")


EVERYTHING = "*"
"""The permission that stands for all of them: what a superuser holds."""


@dataclass(frozen=True, slots=True)
class Principal:
    """What a caller is and may do. The credential is a session (somebody signed in) or an API key (a machine).

    `restriction` is the error code that everything answers but the way out of it. `verified_at` is when the second
    factor was last shown in this session.
    """

    user_id: UUID
    username: str
    permissions: frozenset[str]
    expires_at: datetime
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    restriction: str | None = None
    has_second_factor: bool = False
    verified_at: datetime | None = None

    def may(self, permission: str) -> bool:
        return EVERYTHING in self.permissions or permission in self.permissions


@dataclass(slots=True)
class RequestContext:
    """What is known of the request so far; middleware, guard and route fill it, and the record reads it at the end."""

    request_id: str = field(default_factory=lambda: str(new_id()))
    at: datetime = field(default_factory=now)
    actor: Actor = UNKNOWN
    auth_method: str | None = None
    principal: Principal | None = None
    owner_id: UUID | None = None
    policy_version: int | None = None
    credential_expires_at: datetime | None = None
    ip: str | None = None
    user_agent: str | None = None
    decision: str | None = None
    error_code: str | None = None
    durable: bool = False
    dry_run: bool = False
    restores: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None
    item_id: UUID | None = None
    next_cursor: str | None = None
    file_kind: str | None = None
    """The media type of a list that is asked for as a file."""
    file_name: str = "list"
    judge_again: Callable[[], Awaitable[object]] | None = field(default=None, repr=False)
    """Judges the caller once more: for what goes on after the guard decided."""
    max_body_bytes: int | None = None
    time_limit: Timeout | None = field(default=None, repr=False)

    def forget(self) -> None:
        """Forget what an attempt noted that was undone."""
        self.etag = self.item_id = self.next_cursor = None

    @classmethod
    def of_job(cls, name: str) -> "RequestContext":
        """The context of a command or background job that acts as the system."""
        return cls(actor=Actor("system", name=name))


current: ContextVar[RequestContext | None] = ContextVar("current", default=None)
