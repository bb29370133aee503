"""The checks of a route before it reads the body: guard, rate limit, parameters, size, media type and conditions."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import TypeAdapter

from app.core.config import LimitSettings
from app.core.context import RequestContext, UnlessVersion
from app.core.db.filter_query import FilterQuery
from app.core.errors import PreconditionRequired, Problem
from app.core.http.accept import requested_file_type
from app.core.http.file_export import read_options
from app.core.http.guards import Guard
from app.core.http.idempotency import BadKey, IdempotentRequest
from app.core.http.query_parameters import check_parameters
from app.core.http.rate_limit import RateLimiter
from app.core.http.request_body import check_declared_size, check_media_type
from app.core.http.state import State, context_of, database_of
from app.core.security.encryption import keyed_hash

IDEMPOTENCY_HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")

LimitBody = Callable[[RequestContext, LimitSettings], int]
"""Sets and returns the largest body, in bytes."""


@dataclass(frozen=True)
class Preflight:
    """The checks of one route, in their order. Built once, when the route is."""

    guard: Guard
    query_parameters: frozenset[str]
    query_lists: frozenset[str]
    """Those that may come more than once."""
    query_filters: tuple[type[FilterQuery], ...]
    """What declares those that choose rows."""
    media_types: tuple[str, ...]
    """The accepted media types of the body; none where the route takes no body."""
    takes_idempotency_key: bool
    takes_if_match: bool
    list_name: str | None
    """The file name of a list, without its ending; None where the route returns no list."""
    file_types: Mapping[str, str]
    """The media types of the files that a list can be, with the names of their formats."""
    file_options: TypeAdapter[Any] | None
    """The parameters by which a client chooses how such a file is written."""

    async def check(self, request: Request, state: State, context: RequestContext, limit_body: LimitBody) -> str | None:
        """Run the checks and return the idempotency key. Raises Problem."""
        limits = state.settings.limits
        await self.authorize_and_count(request, state.rate_limiter, context)
        check_declared_size(request, limit_body(context, limits))
        if self.media_types:
            check_media_type(request, self.media_types)
        if self.takes_if_match:
            read_conditions(request, context, is_required=limits.require_if_match)
        if self.list_name is not None:
            context.file_kind = self.file_kind(request)
            context.file_name = self.list_name
            context.durable_audit = context.durable_audit or context.file_kind is not None
        return self.idempotency_key(request)

    async def authorize_and_count(self, request: Request, limiter: RateLimiter, context: RequestContext) -> None:
        """Run the guard, and count the request for the caller, or for the address of one who is refused."""
        context.durable_audit = self.guard.durable_audit
        try:
            context.decision = context.permission = await self.guard(request)
            if not self.guard.leaves_query:
                check_parameters(request, self.query_parameters, self.query_lists)
        except Problem:
            await limiter.count(context)
            raise
        if self.guard.rate_limited:
            await limiter.count(context)
        if self.guard.needs_caller:
            context.reauthorize = partial(self.guard, request)

    def file_kind(self, request: Request) -> str | None:
        """The media type of the file that the list is requested as: by `format`, else by `Accept`. Raises Invalid."""
        options = read_options(request, self.file_options) if self.file_options is not None else None
        request.state.file_options = options
        if options is not None and options.format is not None:
            return next(kind for kind, name in self.file_types.items() if name == options.format)
        return requested_file_type(request.headers.get("accept", ""), self.file_types)

    def idempotency_key(self, request: Request) -> str | None:
        """The key of a POST; other methods do not need one. Raises BadKey, also where the route accepts none."""
        key = request.headers.get(IDEMPOTENCY_HEADER) if request.method == "POST" else None
        if key is None:
            return None
        if not self.takes_idempotency_key:
            raise BadKey("This endpoint takes no idempotency key.")
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise BadKey("An idempotency key has 1 to 255 visible ASCII characters.")
        return key


def read_conditions(request: Request, context: RequestContext, *, is_required: bool) -> None:
    """Keep `If-None-Match` for the item that the request changes. Raises PreconditionRequired without `If-Match`."""
    if is_required and "if-match" not in request.headers:
        raise PreconditionRequired("Send If-Match with the ETag of what you read.")
    tags = request.headers.get("if-none-match")
    if tags is not None:
        own_account = context.principal and context.principal.user_id
        item = request.path_params.get("id", own_account)
        context.unless_version = UnlessVersion(item, tags) if isinstance(item, UUID) else None


def identify(request: Request, key: str, body_digest: bytes) -> IdempotentRequest:
    """The identity of a request with an idempotency key, whose body has the SHA-256 `body_digest`."""
    principal, secret = context_of(request).principal, database_of(request).keys.idempotency
    if principal is None:
        raise BadKey("An idempotency key needs a signed-in caller.")
    name = [str(principal.user_id), str(principal.api_key_id), request.scope["route"].name, key]
    address = f"{request.url.path}?{request.url.query}".encode()
    return IdempotentRequest(
        keyed_hash(secret, "\n".join(name).encode()), keyed_hash(secret, address + b"\n" + body_digest)
    )
