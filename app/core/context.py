"""Who asks, from where, for what: one object that travels on the request and on `session.info`."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from app.core.types import new_id, now

ActorKind = Literal["anonymous", "user", "system", "unknown"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it; `name` is the name at that time."""

    kind: ActorKind
    id: UUID | None = None
    name: str | None = None


ANONYMOUS = Actor("anonymous")
UNKNOWN = Actor("unknown")


@dataclass(frozen=True, slots=True)
class Principal:
    """What a signed-in caller is and may do, as of policy `version`."""

    user_id: UUID
    username: str
    session_id: UUID
    is_superuser: bool
    permissions: frozenset[str]
    expires_at: datetime
    version: int

    def may(self, permission: str) -> bool:
        return self.is_superuser or permission in self.permissions


@dataclass(slots=True)
class RequestContext:
    """What is known of the request so far; middleware, guard and route fill it, and the record reads it at the end."""

    request_id: str = field(default_factory=lambda: str(new_id()))
    at: datetime = field(default_factory=now)
    actor: Actor = UNKNOWN
    auth_method: str | None = None
    principal: Principal | None = None
    ip: str | None = None
    user_agent: str | None = None
    decision: str | None = None
    error_code: str | None = None
    durable: bool = False
    version: int | None = None
    item_id: UUID | None = None
    next_cursor: str | None = None

    @classmethod
    def of_job(cls, name: str) -> "RequestContext":
        """The context of a command or background job that acts as the system."""
        return cls(actor=Actor("system", name=name))


current: ContextVar[RequestContext | None] = ContextVar("current", default=None)
