"""Writes an access entry for every request that is not excluded to the spool before the response is complete."""

import asyncio
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from time import perf_counter_ns
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.context import RequestContext
from app.core.db.filter_query import FilterQuery
from app.core.db.redaction import LOOKS_PERSONAL
from app.core.http.access_log import AccessLog, EntryPlace
from app.core.http.probes import LIVENESS
from app.core.http.problem_details import internal_error, to_response
from app.core.http.root_path import route_path
from app.core.http.route import Route
from app.core.http.route_index import TEMPLATE
from app.core.runtime.masking import MASK, SECRET_NAME, mask_path, mask_text
from app.modules.audit.requests.exclusions import is_excluded
from app.modules.audit.requests.spool import AuditLogUnavailable

log = structlog.get_logger(__name__)

CLIENT_CLOSED = 499
CRASHED = 500
HIDDEN_PARAMETERS = {"cursor"}
MASKED_PARAMETERS = {"q"}
"""A search for a person is personal data, and an access entry has no key of a person to encrypt it with."""
NUMBER = re.compile(r"[0-9]{1,19}")
PATH_BYTES, QUERY_BYTES, AGENT_BYTES = 512, 1024, 400
"""The most that an entry keeps of what the client wrote."""
SAFE = {"GET", "HEAD", "OPTIONS"}
METHODS = {*SAFE, "POST", "PUT", "PATCH", "DELETE"}


class AccessLogMiddleware:
    """Pure ASGI. Withholds the head of a response until its entry is stored, if head and body come together."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await LoggedRequest(scope, receive, send).run(self.app)


class LoggedRequest:
    """One request, until its access entry is written."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.context: RequestContext = scope["state"]["context"]
        self.access_log: AccessLog = scope["app"].state.access_log
        self.started = perf_counter_ns()
        self.place: EntryPlace | None = None
        self.head: Message | None = None
        self.head_sent = self.begun = self.done = False
        self.status = CRASHED
        self.bytes_out = 0
        self.refusal: AuditLogUnavailable | None = None

    async def run(self, app: ASGIApp) -> None:
        """Reserve the place of the entry before anything has an effect, and run the application."""
        try:
            self.place = self.reserve()
            await self.run_application(app)
        except AuditLogUnavailable as problem:
            self.refusal = problem
        finally:
            self.end()
        if self.refusal and not self.head_sent:
            await to_response(self.refusal, self.scope["path"], self.context)(self.scope, self.receive, self.send)

    def reserve(self) -> EntryPlace | None:
        """The place; None for the liveness check while there is none: a restart would not make room.

        Raises AuditLogUnavailable.
        """
        try:
            return self.access_log.reserve()
        except AuditLogUnavailable:
            if route_path(self.scope) != LIVENESS:
                raise
            self.done = True
            return None

    async def run_application(self, app: ASGIApp) -> None:
        """Run the application, and respond where it fails before its response began."""
        try:
            await app(self.scope, self.receive, self.forward)
        except AuditLogUnavailable:
            raise
        except ClientDisconnect:
            self.status = CLIENT_CLOSED
        except asyncio.CancelledError:
            self.status = self.status if self.head_sent else CLIENT_CLOSED
            raise
        except Exception:
            if self.refusal:
                return
            if self.head_sent:
                raise
            self.head, self.bytes_out = None, 0  # the response that failed was still withheld; this one replaces it
            await internal_error(self.scope["path"], self.context)(self.scope, self.receive, self.forward)

    def end(self) -> None:
        """Write the entry of a response that did not complete, and give back what is left of the place."""
        if self.place is None:
            return
        try:
            if not self.done and (self.begun or not self.refusal):
                self.context.error_code = self.refusal.code if self.refusal else "response-cut-short"
                self.place.append(self.entry())
        except AuditLogUnavailable:
            log.error("access_entry_not_stored", status=self.status)
        finally:
            self.place.release()

    async def forward(self, message: Message) -> None:
        """Send a message of the response. An entry is stored before its first byte, and before its last message."""
        if message["type"] == "http.response.start":
            self.head, self.status = message, message["status"]
            return
        if message["type"] == "http.response.body":
            is_last = not message.get("more_body", False)
            if not self.done and not is_last and not self.begun:
                await self.begin_entry()
            self.bytes_out += 0 if self.scope["method"] == "HEAD" else len(message.get("body", b""))
            if not self.done and is_last:
                await self.write_entry()
            if self.refusal:
                return
        if self.head is not None:
            head, self.head, self.head_sent = self.head, None, True
            await self.send(head)
        await self.send(message)

    async def begin_entry(self) -> None:
        """Store an entry of a streamed response, which counts if this process dies. Raises AuditLogUnavailable."""
        if self.place is None or self.is_excluded():
            return
        try:
            self.place.begin(self.entry())
            self.begun = True
            if self.context.durable_audit:
                await self.place.sync()
        except AuditLogUnavailable as problem:
            self.refusal, self.status = problem, problem.status
            raise

    async def write_entry(self) -> None:
        """Store the entry. If that fails, the response is withheld.

        A change that the disk could write and not sync is acknowledged nevertheless: it is committed and has its entry.
        """
        if self.place is None or self.is_excluded():
            self.done = True
            return
        try:
            self.place.append(self.entry())
            self.done = True
            if self.context.durable_audit:
                await self.place.sync()
        except AuditLogUnavailable as problem:
            if self.done and self.scope["method"] not in SAFE:
                log.error("access_entry_not_synced", status=self.status)
            else:
                self.refusal = problem

    def is_excluded(self) -> bool:
        """Whether the settings exclude the request. A failure, and what must be on the disk, always has an entry."""
        if self.status >= HTTPStatus.BAD_REQUEST or self.context.durable_audit:
            return False
        patterns = self.scope["app"].state.settings.audit.access_exclude
        return is_excluded(patterns, self.scope["method"], route_path(self.scope))

    def entry(self) -> dict[str, Any]:
        """The access entry, as JSON values and ids."""
        context, scope = self.context, self.scope
        route = scope.get("route")
        return {
            **caller_columns(context),
            "method": method if (method := scope["method"]) in METHODS else cut(mask_text(method, 16), 16),
            "path": path_of(scope),
            "route": route_template(scope),
            "module": route.module if isinstance(route, Route) else None,
            "item_id": item_of(scope.get("path_params", {}), context),
            "subject_id": context.subject_id or context.target_user_id,
            "query": allowed_query(scope["query_string"], route),
            "decision": context.decision,
            "status": self.status,
            "duration_us": (perf_counter_ns() - self.started) // 1000,
            "bytes_in": context.bytes_in,
            "bytes_out": self.bytes_out,
            "is_replay": context.is_replay,
            "is_dry_run": context.dry_run,
            "error_code": context.error_code,
        }


def caller_columns(context: RequestContext) -> dict[str, Any]:
    """Who called, when and why, and the ids of the request."""
    actor = context.actor
    return {
        "at": context.at.isoformat(),
        "request_id": context.request_id,
        "call_id": context.call_id,
        "trace_id": context.trace_id,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "owner_id": context.owner_id,
        "auth_method": context.auth_method,
        "session_id": context.principal.session_id if context.principal else None,
        "ip": context.ip,
        "user_agent": context.user_agent and cut(context.user_agent, AGENT_BYTES),
        "reason": context.reason,
    }


def item_of(path_params: Mapping[str, object], context: RequestContext) -> UUID | None:
    """The item that the path names, or that was created. Some have numbers, which are no items."""
    named = path_params.get("id", context.item_id)
    return named if isinstance(named, UUID) else None


def path_of(scope: Scope) -> str:
    """The path, with what looks secret or personal masked. Where its route has no parameters but UUIDs, nothing is."""
    path, path_params = route_path(scope), scope.get("path_params", {})
    if TEMPLATE in scope and all(type(value) is UUID for value in path_params.values()):
        return path
    return cut(mask_path(path, ids_of(path_params)), PATH_BYTES)


def ids_of(path_params: Mapping[str, object]) -> set[str]:
    """The path parameters that are ids: UUIDs without hyphens, and numbers."""
    ids = {value.hex for value in path_params.values() if isinstance(value, UUID)}
    return ids | {value for value in path_params.values() if isinstance(value, str) and NUMBER.fullmatch(value)}


def cut(text: str, size: int) -> str:
    """`text` cut to `size` bytes of UTF-8."""
    return text.encode()[:size].decode(errors="ignore")


def route_template(scope: Scope) -> str | None:
    """The path of the route with its parameters in braces; None where no route matched."""
    template: str | None = scope["app"].state.route_index.template(scope)
    return template and template[:400]


def allowed_query(query: bytes, route: object) -> str | None:
    """The declared parameters only, with secrets and persons masked: people paste anything into a URL."""
    if not query or not isinstance(route, Route):
        return None
    known, filters = route.preflight.query_parameters - HIDDEN_PARAMETERS, route.preflight.query_filters
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    kept = [(name, MASK if is_masked(name, filters) else mask_value(value)) for name, value in pairs if name in known]
    return urlencode(kept)[:QUERY_BYTES] or None


def mask_value(value: str) -> str:
    """A value that no rule hides by its name: it may still hold an e-mail address, or be a path."""
    return mask_path(value) if value.startswith("/") else mask_text(value, QUERY_BYTES)


@cache
def is_masked(parameter: str, filters: tuple[type[FilterQuery], ...]) -> bool:
    """Whether the value of a declared parameter is a secret, or tells of a person."""
    if parameter in MASKED_PARAMETERS or SECRET_NAME.search(parameter) or LOOKS_PERSONAL.search(parameter):
        return True
    return any(each.is_personal(parameter) for each in filters)
