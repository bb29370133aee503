"""Middleware of the kernel, as pure ASGI: request context, limits, headers, and a response whatever happens."""

import asyncio
import re
from collections.abc import MutableMapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.config import Settings
from app.core.context import ANONYMOUS, RequestContext, refuse_after_end
from app.core.errors import ContentTooLarge, HeadersTooLarge, Malformed, Problem, TimedOut, UriTooLong
from app.core.http.audit_reason import HEADER as AUDIT_REASON
from app.core.http.audit_reason import check_reason, read_reason
from app.core.http.client_address import client_address, is_https
from app.core.http.content_coding import GzipDecoder, is_gzipped
from app.core.http.probes import PROBES
from app.core.http.problem_details import internal_error, to_response
from app.core.http.request_headers import INDEXED, IndexedHeaders
from app.core.http.root_path import complete_path, route_path
from app.core.http.trace_context import trace_id_of
from app.core.http.websocket import as_request, refuse_upgrade
from app.core.runtime.logging import logged_request
from app.core.runtime.masking import mask_repeated, mask_shapes

log = structlog.get_logger(__name__)

SERVER = b"attest"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
CREDENTIALS = {b"authorization", b"x-signature"}
HSTS = b"max-age=63072000; includeSubDomains"


class ContextMiddleware:
    """Outermost: creates the request context, sets the headers of every response, and responds where all else fails."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            scope, receive, send = as_request(scope, receive, send)
        context, is_tls, started = RequestContext(actor=ANONYMOUS), False, False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                add_headers(message, context, is_tls=is_tls)
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            is_tls = self.prepare(scope, context)
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            log.error("unhandled_exception", exc_info=error)
            await internal_error(scope["path"], context)(scope, receive, send_with_headers)
        finally:
            context.reauthorize = refuse_after_end  # it held the request, and that its context

    def prepare(self, scope: Scope, context: RequestContext) -> bool:
        """Complete the scope, and fill in the context from it. Whether the client speaks HTTPS."""
        scope.pop("extensions", None)  # such as a server that sends files itself, past the access log
        complete_path(scope, scope["app"].state.settings.root_path)
        context.root_path = scope.get("root_path", "")
        scope["state"] = {**scope.get("state", {}), "context": context}
        headers: Headers = IndexedHeaders(scope)
        scope[INDEXED] = headers
        requested = headers.get("x-request-id", "")
        if is_request_id(requested):
            context.request_id = requested
        context.trace_id = trace_id_of(headers.getlist("traceparent"))
        context.ip = client_address(scope, headers, self.settings.trusted_proxies, self.settings.forwarded_header)
        context.user_agent = mask_repeated(headers.get("user-agent", ""), 400) or None
        context.reason = read_reason(headers.get(AUDIT_REASON))
        logged_request.set(context)
        return is_https(scope, headers, self.settings.trusted_proxies, self.settings.forwarded_header)


def is_request_id(text: str) -> bool:
    """Whether the caller's id is taken: one that is a credential would be stored in clear."""
    return REQUEST_ID.fullmatch(text) is not None and mask_shapes(text) == text


def add_headers(message: MutableMapping[str, Any], context: RequestContext, *, is_tls: bool) -> None:
    """Add request id, security, caching and rate limit headers to the start of a response."""
    own, headers = own_headers(context, is_tls=is_tls), list(message.get("headers", ()))
    names = {name for name, _ in headers}
    if not names.isdisjoint(own):
        headers = [header for header in headers if header[0] not in own]
    headers += own.items()
    names.update(own)
    headers += [header for header in SECURITY_HEADERS if header[0] not in names]
    if context.actor is not ANONYMOUS:
        if b"cache-control" not in names:
            headers.append((b"cache-control", b"private, no-cache" if b"etag" in names else b"no-store"))
        vary = [value for name, value in headers if name == b"vary"] if b"vary" in names else []
        headers = [header for header in headers if header[0] != b"vary"] if vary else headers
        headers.append((b"vary", b", ".join([*vary, b"Authorization"])))
    message["headers"] = headers


def own_headers(context: RequestContext, *, is_tls: bool) -> dict[bytes, bytes]:
    """The headers that only the kernel sets, whatever a route says."""
    headers = {
        b"x-request-id": context.request_id.encode("latin-1"),
        b"server": SERVER,
        b"attest-call-id": context.call_text.encode(),
    }
    if is_tls:
        headers[b"strict-transport-security"] = HSTS
    for name, value in context.headers.items():
        headers[name.lower().encode("latin-1")] = value.encode("latin-1")
    if context.policy_version is not None:
        headers[b"policy-version"] = str(context.policy_version).encode()
    return headers


class SafetyMiddleware:
    """Innermost: refuses requests that are too large, ends those that take too long, and responds after a crash.

    A response below 400 that no guard decided on becomes a 500: a route without a guard fails closed.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.limits = settings.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        context: RequestContext = scope["state"]["context"]
        started = False

        async def send_if_decided(message: Message) -> None:
            nonlocal started
            check_decision(message, context)
            if started and message.get("more_body"):
                context.allow_seconds(self.limits.request_seconds)
            started = True
            await send(message)

        try:
            is_packed = await self.admit(scope, context)
            async with asyncio.timeout(self.limits.request_seconds) as limit:
                context.time_limit = limit
                await self.app(scope, self.limit_body(receive, context, is_packed=is_packed), send_if_decided)
        except ClientDisconnect:
            raise  # there is no client to respond to; the access log has a status for it
        except Exception as error:
            if started:
                log.error("unhandled_exception", exc_info=error)
                raise
            await self.error_response(error, scope["path"], context)(scope, receive, send)

    async def admit(self, scope: Scope, context: RequestContext) -> bool:
        """Check the head, and count the request for its address before it is routed. Whether its body is in gzip.

        A request with credentials is counted by its guard, which knows whether they are valid. Probes do not count.
        """
        limiter = scope["app"].state.rate_limiter
        try:
            check_reason(context)
            has_credentials = self.check_head(scope)
            has_gzip = is_gzipped(scope[INDEXED])
        except Problem:
            await limiter.count(context)
            raise
        if route_path(scope) not in PROBES and not has_credentials:
            await limiter.count(context)
        return has_gzip

    def limit_body(self, receive: Receive, context: RequestContext, *, is_packed: bool) -> Receive:
        """Decode a body in gzip, and refuse one that turns out larger than its route allows, whatever it declared.

        Raises HTTPException, because FastAPI turns any other error of reading a body into a 400.
        """

        async def receive_within_limit() -> Message:
            message = await receive()
            context.bytes_in += len(message.get("body", b""))
            self.check_size(context.bytes_in, context)
            return message

        return self.decode_body(receive_within_limit, context) if is_packed else receive_within_limit

    def decode_body(self, receive: Receive, context: RequestContext) -> Receive:
        """Decode a body in gzip, and refuse one that turns out too large, before more of it is decoded."""
        decoder, size = GzipDecoder(receive), 0

        async def receive_decoded() -> Message:
            nonlocal size
            message = await decoder()
            size += len(message.get("body", b""))
            self.check_size(size, context)
            return message

        return receive_decoded

    def check_size(self, size: int, context: RequestContext) -> None:
        """Raise HTTPException where `size` bytes are more than the route allows."""
        limit = context.max_body_bytes or self.limits.body_bytes
        if size > limit:
            detail = f"The body is larger than {limit} bytes."
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, ContentTooLarge.headers)

    def check_head(self, scope: Scope) -> bool:
        """Whether the request has credentials. Raises UpgradeRefused, Malformed, UriTooLong, HeadersTooLarge."""
        refuse_upgrade(scope)
        size, hosts, has_credentials = 0, [], False
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"host" and value:
                hosts.append(value)
            elif name in CREDENTIALS:
                has_credentials = True
        check_host(hosts, scope.get("http_version"))
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > self.limits.url_bytes:
            raise UriTooLong(f"The URL is longer than {self.limits.url_bytes} bytes.")
        if size > self.limits.header_bytes:
            raise HeadersTooLarge(f"The headers are larger than {self.limits.header_bytes} bytes.")
        return has_credentials

    def error_response(self, error: Exception, path: str, context: RequestContext) -> Response:
        """The response to an exception that nothing below handled. The cause goes to the log only."""
        if isinstance(error, TimeoutError) and context.time_limit is not None and context.time_limit.expired():
            error = TimedOut("This took longer than the server allows.")
        if isinstance(error, Problem):
            return to_response(error, path, context)
        log.error("unhandled_exception", exc_info=error)
        return internal_error(path, context)


def check_host(hosts: Sequence[bytes], http_version: str | None) -> None:
    """Raise Malformed unless the request names one host (RFC 9112, 3.2); HTTP/1.0 may name none."""
    if len(hosts) > 1:
        raise Malformed("The request has more than one Host header.")
    if not hosts and http_version == "1.1":
        raise Malformed("The request has no Host header.")
    if hosts and not HOST.fullmatch(hosts[0]):
        raise Malformed("The Host header names no host.")


def check_decision(message: Message, context: RequestContext) -> None:
    """Raise RuntimeError where `message` starts a successful response that no guard decided on."""
    if message["type"] == "http.response.start" and message["status"] < HTTPStatus.BAD_REQUEST and not context.decision:
        raise RuntimeError("no guard decided on this request")
