"""The request context: caller, client and purpose of a request. The request and its database session share it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.core.clock import new_id, now

ActorKind = Literal["anonymous", "user", "api-key", "service", "system", "unknown"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who performed an action; `name` is the name at that time."""

    kind: ActorKind
    id: UUID | None = None
    name: str | None = None

    @property
    def is_person(self) -> bool:
        """Whether the name is that of a user, or that a user gave to a key."""
        return self.kind in ("user", "api-key")

    @property
    def logged_name(self) -> str | None:
        """The name that a log keeps for ever: that of a job or a service. Names of people can be erased."""
        return None if self.is_person else self.name


ANONYMOUS = Actor("anonymous")
UNKNOWN = Actor("unknown")


EVERYTHING = "*"
"""The permission that includes all others. A superuser holds it."""
ALL_ROWS = "all"
"""The scope of a permission that is for every row of its module."""
EVERYWHERE = frozenset({ALL_ROWS})
NOWHERE: frozenset[str] = frozenset()
POLICIES = 1000
"""Sets of permissions of which is kept what follows from them."""


def scopes_in(held: frozenset[str], permission: str) -> frozenset[str]:
    """The scopes in whose rows `held` includes `permission`; `all` alone where it is for all rows."""
    if EVERYTHING in held or permission in held:
        return EVERYWHERE
    return limited_scopes(held).get(permission, NOWHERE)


@lru_cache(POLICIES)
def limited_scopes(held: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """The scopes of each permission that `held` includes for some rows only."""
    found: dict[str, set[str]] = {}
    for name in held:
        permission, at, scope = name.partition("@")
        if at:
            found.setdefault(permission, set()).add(scope)
    return {permission: frozenset(scopes) for permission, scopes in found.items()}


Need = Literal["password", "second-factor"]
"""What a restricted caller must set first."""


def in_short(permissions: Collection[str]) -> list[str]:
    """`permissions`, without those of a scope that are held for all rows as well."""
    return sorted(name for name in permissions if "@" not in name or name.partition("@")[0] not in permissions)


@dataclass(frozen=True, slots=True)
class Restriction:
    """An action that a caller must take first. Other requests fail with `problem`, and `detail` as the sentence."""

    problem: type[Exception]
    detail: str
    need: Need


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller and the permissions it holds. The credential is a session or an API key.

    `verified_at` is when the second factor was last verified in this session.
    """

    user_id: UUID
    username: str
    permissions: frozenset[str]
    expires_at: datetime
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    restriction: Restriction | None = None
    has_second_factor: bool = False
    verified_at: datetime | None = None

    def may(self, permission: str) -> bool:
        """Whether the caller holds `permission` (`module:action`) for all rows of the module."""
        return EVERYTHING in self.permissions or permission in self.permissions

    def scopes_of(self, permission: str) -> frozenset[str]:
        """The scopes in whose rows the caller holds `permission`; `all` alone where it is for all rows."""
        return scopes_in(self.permissions, permission)

    def modules_with(self, action: str) -> frozenset[str]:
        """The modules in which the caller holds `action`, and may read; those of `*` are not listed."""
        pairs = (permission.split(":") for permission in self.permissions - {EVERYTHING})
        return frozenset(module for module, held in pairs if held == action and self.may(f"{module}:read"))


class UnlessVersion(NamedTuple):
    """A condition of the request: that the version of the item `id` is none of `tags` (`If-None-Match`)."""

    id: UUID
    tags: str


async def stay_authorized() -> None:
    """The checks of a request that everybody may make."""


async def refuse_after_end() -> None:
    """The checks of a request that has ended: raise RuntimeError."""
    raise RuntimeError("this request has ended, so its caller cannot be checked again")


@dataclass(slots=True)
class RequestContext:
    """The facts about a request. Middleware, guard and route fill them in; the audit log reads them at the end."""

    request_id: str = ""
    """The caller's word for the request, which two callers can share; without one, the text of `call_id`."""
    call_id: UUID = field(default_factory=new_id)
    """The identifier that the server makes for each request, or each piece of work of a job."""
    call_text: str = field(init=False)
    """`call_id` as text."""
    root_path: str = ""
    """Where a proxy serves the application: in front of every path of ours that a response names."""
    trace_id: str | None = None
    """The trace of a `traceparent` header (W3C Trace Context)."""
    at: datetime = field(default_factory=now)
    actor: Actor = UNKNOWN
    auth_method: str | None = None
    principal: Principal | None = None
    owner_id: UUID | None = None
    """The user for whom the actor acts: the owner of an API key, or who asked for a change that the actor approves."""
    policy_version: int | None = None
    """The version of the authorization policy that this request read or created."""
    credential_expires_at: datetime | None = None
    ip: str | None = None
    user_agent: str | None = None
    decision: str | None = None
    """The rule that admitted the caller: `public`, `signed-in`, `internal` or a permission. None before a guard ran."""
    permission: str | None = None
    """The permission by which the caller acts: rows that change are in its scopes. First it is the decision."""
    error_code: str | None = None
    is_counted: bool = False
    """Whether the rate limit has counted the request; it counts once."""
    durable_audit: bool = False
    """Whether the access entry is synced to disk before the response ends."""
    dry_run: bool = False
    changes_policy: bool = False
    """Whether the transaction takes the policy lock before it does anything else."""
    target_user_id: UUID | None = None
    """The other user on whose account this request acts."""
    subject_id: UUID | None = None
    """The user as whom a caller tries to sign in, or whose account the request is about."""
    reason: str | None = None
    """Why the caller makes the request, in the caller's words (`Audit-Reason`)."""
    caller_id: UUID | None = None
    """Where the change entries of this request keep the caller's name, address and user agent."""
    bytes_in: int = 0
    """The size of the request body as it was sent, as far as it was read."""
    is_replay: bool = False
    """Whether the response is a stored one (`Idempotency-Key`)."""
    restores: int | None = None
    """The policy version that this request rolls back to."""
    reverted_to: int | None = None
    """The change entry to whose state this request reverts an item."""
    preview: dict[str, Any] = field(default_factory=dict)
    """What the response to a dry run has beside the effects."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers to add to the response, whatever its status."""
    etag: str | None = None
    item_id: UUID | None = None
    next_cursor: str | None = None
    unless_version: UnlessVersion | None = None
    file_kind: str | None = None
    """The media type of a list that is requested as a file."""
    file_name: str = "list"
    reauthorize: Callable[[], Awaitable[object]] = field(default=stay_authorized, repr=False)
    """Runs the guard's checks again, for work that continues long after the guard decided."""
    max_body_bytes: int | None = None
    job_seconds: float | None = None
    """Longest unit of work of a job that takes longer than others; None: the setting."""
    time_limit: asyncio.Timeout | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.call_text = str(self.call_id)
        self.request_id = self.request_id or self.call_text

    @property
    def author_id(self) -> UUID | None:
        """The user who makes the changes of this request, also by an API key; None for services and jobs."""
        return self.principal.user_id if self.principal is not None else None

    def scopes_of(self, permission: str) -> frozenset[str]:
        """The scopes in whose rows the caller holds `permission`. Where there is no caller, it is for all rows."""
        return EVERYWHERE if self.principal is None else self.principal.scopes_of(permission)

    @contextmanager
    def act_by(self, action: str) -> Iterator[None]:
        """Act in the block by another action of the module: one request can create, change and delete."""
        before = self.permission
        self.permission = None if before is None else f"{before.partition(':')[0]}:{action}"
        try:
            yield
        finally:
            self.permission = before

    def allow_seconds(self, seconds: float) -> None:
        """Limit the request to `seconds` from now, whatever time it has taken."""
        if self.time_limit is not None:
            self.time_limit.reschedule(asyncio.get_running_loop().time() + seconds)

    def reset_result(self) -> None:
        """Clear the results of an attempt that was rolled back."""
        self.etag = self.item_id = self.next_cursor = None
        self.preview = {}

    @classmethod
    def for_job(cls, name: str, seconds: float | None = None) -> "RequestContext":
        """The context of a command or background job that acts as the system, limited to `seconds`."""
        return cls(actor=Actor("system", name=name), job_seconds=seconds)
