"""The state that the parts of one application share while it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.http.access_log import AccessLog
from app.core.http.assets import AssetStore
from app.core.http.console_files import ConsoleFiles
from app.core.http.idempotency import IdempotencyStore
from app.core.http.rate_limit import RateLimiter
from app.core.http.route_index import RouteIndex
from app.core.outgoing import Outgoing
from app.core.runtime.concurrency_limit import ConcurrencyLimit, UploadLimits
from app.core.runtime.growth import Growth
from app.core.runtime.module_info import ModuleInfo
from app.core.security.access_tokens import AccessTokens
from app.core.security.authenticator import Authenticator
from app.core.security.passwords import PasswordHasher
from app.core.security.request_signing import SignatureVerifier

if TYPE_CHECKING:
    from app.core.runtime.redis import SharedRedis

STREAMS = 200


@dataclass
class State:
    """The state of one application: `app.state`.

    What has a default and `settings` are there from the beginning, the rest from the start of the lifespan on. Reading
    a field too early raises AttributeError with its name.
    """

    settings: Settings
    modules: list[ModuleInfo] = field(default_factory=list)
    assets: AssetStore = field(default_factory=AssetStore)
    console: ConsoleFiles = field(default_factory=ConsoleFiles)

    before_stop: list[Callable[[], None]] = field(default_factory=list)
    """What ends the waiting of requests. Called once the process is told to stop: the server waits for all requests."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the process is told to stop: what a request waits for by steps ends then."""

    streams: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit("streams", STREAMS, 0))
    """The streams that are open, beside those of the feed of changes."""

    readiness_warnings: list[Callable[[], Awaitable[list[str]]]] = field(default_factory=list)
    """What /readyz asks for sentences on what an operator should look at, although requests are served."""

    database: Database = field(init=False)
    redis: "SharedRedis | None" = field(init=False)
    outgoing: Outgoing = field(init=False)
    rate_limiter: RateLimiter = field(init=False)
    signature_verifier: SignatureVerifier = field(init=False)
    upload_limits: UploadLimits = field(init=False)
    route_index: RouteIndex = field(init=False)

    access_log: AccessLog = field(init=False)
    sealed_changes: Growth = field(init=False)
    """How many changes are sealed. Set by the module `audit`, like the one before."""
    idempotency_store: IdempotencyStore = field(init=False)
    """Set by the module `idempotency`."""
    access_tokens: AccessTokens = field(init=False)
    """Set by the module `auth`, like the next two."""
    password_hasher: PasswordHasher = field(init=False)
    sign_in_limit: ConcurrencyLimit = field(init=False)
    authenticator: Authenticator = field(init=False)
    """Set by the module `rbac`."""


def state_of(request: Request) -> State:
    return request.scope["app"].state  # type: ignore[no-any-return]  # Starlette's state is untyped


def database_of(request: Request) -> Database:
    return state_of(request).database


def context_of(request: Request) -> RequestContext:
    return request.scope["state"]["context"]  # type: ignore[no-any-return]  # Starlette's state is untyped
