"""The composition root: kernel and modules become one application here."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from sqlmodel import SQLModel
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app import __version__
from app.core.config import Settings, settings
from app.core.db.engine import Database
from app.core.db.field_rules import check_bound
from app.core.db.pruning import prune_periodically
from app.core.db.replica import sample_primary
from app.core.db.role_limits import check_limits_at_start
from app.core.http import console, problem_details, problem_pages, site
from app.core.http.client_address import is_trusted
from app.core.http.cross_origin import cross_origin_options
from app.core.http.late_route import prepare_routes
from app.core.http.middleware import ContextMiddleware, SafetyMiddleware
from app.core.http.rate_limit import RateLimiter
from app.core.http.root_path import check_root_path
from app.core.http.route_index import RouteIndex, RoutingMiddleware
from app.core.http.router import place_routes
from app.core.http.state import State
from app.core.openapi.document import build_document, operation_id
from app.core.outgoing import open_outgoing
from app.core.runtime import logging
from app.core.runtime.concurrency_limit import UploadLimits
from app.core.runtime.connection_limit import limit_connections
from app.core.runtime.setting_names import report_unknown_settings
from app.core.runtime.stopping import on_sigterm
from app.core.security.request_signing import SignatureVerifier
from app.modules import hooks, import_jobs, import_models, prune_rules, routers

if TYPE_CHECKING:
    from app.core.runtime.redis import SharedRedis

log = structlog.get_logger(__name__)

API = "/api/v1"
CLOSE_SECONDS = 5.0
TOKEN_URL = f"{API}/auth/token"
YOUNG_OBJECTS = 10_000
"""Objects that wait for a collection. With Python's own 700, one runs in nearly every request, and finds little."""
MAX_UPLOADS = 8
MAX_IMPORTS = 2


class Application(FastAPI):
    """FastAPI with a typed state, and no middleware around our own, which responds to every failure itself."""

    state: State  # type: ignore[assignment]  # Starlette's own is untyped
    is_traced = False
    """Whether FastAPI traces requests with OpenTelemetry. Asking that for each request takes longer than routing it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_request = scope["type"] == "http"
        run = Starlette.__call__ if is_request and not self.is_traced else FastAPI.__call__
        await run(self, scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """The added middleware, around what FastAPI needs to run the routes that the index leaves to it."""
        app: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), self.exception_handlers)
        for middleware, arguments, options in reversed(self.user_middleware):
            app = middleware(app, *arguments, **options)
        return app


def open_database(settings: Settings) -> Database:
    """The database with everything that modules attach to it, the capture of changes above all."""
    import_models()
    import_jobs()
    database = Database(settings)
    for module in hooks():
        if module.install:
            module.install(database)
    return database


@asynccontextmanager
async def lifespan(app: Application) -> AsyncIterator[None]:
    """Open what the application needs, start the modules in their order, and close everything in reverse."""
    state, options = app.state, app.state.settings
    logging.configure(options)
    app.is_traced = app._native_telemetry.enabled()  # noqa: SLF001  # FastAPI has no public function for it
    report_unknown_settings()
    state.route_index = RouteIndex(app.router, API)
    check_root_path(options.root_path, (str(route.path_format) for route in state.route_index.routes))
    state.before_stop.append(state.stopping.set)
    async with AsyncExitStack() as stack:
        state.database = open_database(options)
        stack.push_async_callback(close_within, CLOSE_SECONDS, state.database.dispose)
        await stack.enter_async_context(check_limits_at_start(state.database))
        state.redis = open_redis(options, stack)
        await stack.enter_async_context(sample_primary(state.database.replica, state.redis))
        state.outgoing = await stack.enter_async_context(open_outgoing(options.outgoing))
        state.rate_limiter = RateLimiter(options, state.redis)
        state.signature_verifier = SignatureVerifier(options, state.redis)
        state.upload_limits = UploadLimits(files=MAX_UPLOADS, imports=1 if options.is_sqlite else MAX_IMPORTS)
        is_exempt = partial(is_trusted, trusted=options.trusted_proxies)
        await stack.enter_async_context(limit_connections(options.server.address_connections, is_exempt))
        for module in hooks():
            if module.lifespan:
                await stack.enter_async_context(module.lifespan(state))
        await stack.enter_async_context(prune_periodically(state.database, prune_rules(options)))
        yield


def open_redis(options: Settings, stack: AsyncExitStack) -> "SharedRedis | None":
    """The Redis that processes share, if there is one, which `stack` closes."""
    if options.redis_url is None:
        return None
    from app.core.runtime.redis import SharedRedis  # noqa: PLC0415  # see the module: slow to import

    redis = SharedRedis(options.redis_url.get_secret_value())
    stack.push_async_callback(close_within, CLOSE_SECONDS, redis.close)
    return redis


async def close_within(seconds: float, close: Callable[[], Awaitable[None]]) -> None:
    """Close something of the process, but do not wait for a peer that is silent: the process ends anyhow."""
    try:
        async with asyncio.timeout(seconds):
            await close()
    except TimeoutError:
        log.warning("not_closed_in_time", what=getattr(close, "__qualname__", "?"))


@asynccontextmanager
async def serve_lifespan(app: Application) -> AsyncIterator[None]:
    """The lifespan of a server process, which runs one application."""
    async with lifespan(app):
        on_sigterm(lambda: [end() for end in app.state.before_stop])
        gc.freeze()  # objects made at start-up live as long as the process; collections need not scan them
        gc.set_threshold(YOUNG_OBJECTS)
        preparing = asyncio.create_task(prepare(app), name="routes")
        yield
        preparing.cancel()


async def prepare(app: Application) -> None:
    """Analyse the routes that were not needed yet. Ends the process for one that would not do what it declares."""
    try:
        await prepare_routes(app.router.routes)
    except Exception:
        log.exception("route_not_prepared")
        os.kill(os.getpid(), signal.SIGTERM)
    gc.freeze()  # again: what the routes need lives as long


def create_app(chosen: Settings | None = None) -> Application:
    """The application. Nothing is opened or written before its lifespan starts."""
    options = chosen or settings()
    app = Application(
        title="Attest",
        version=__version__,
        description="The back-office API whose every request and every change can be proved.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state = State(options)
    problem_details.install(app)
    for router in (site.router, site.health, problem_pages.router):
        app.router.routes += place_routes(router, "")
    for router in routers():
        app.router.routes += router.routes_below(API)
        if router.module:
            app.state.modules.append(router.module)
    check_bound(SQLModel.metadata.tables.values())
    if options.serves_docs:
        app.router.routes += place_routes(site.docs, "")
    app.router.routes += place_routes(console.router, "")
    app.openapi = lambda: document_of(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    install_middleware(app, options)
    return app


def document_of(app: Application) -> dict[str, Any]:
    """The OpenAPI document, with URLs below the root path."""
    return build_document(app, app.state.settings.root_path, TOKEN_URL)


def install_middleware(app: Application, options: Settings) -> None:
    """Add middleware from the inside out: routing, safety, CORS, that of modules (the access log), assets, context."""
    app.add_middleware(RoutingMiddleware)
    app.add_middleware(SafetyMiddleware, settings=options)
    if (cross_origin := cross_origin_options(options)) is not None:
        app.add_middleware(CORSMiddleware, **cross_origin)
    for module in hooks():
        if module.middleware:
            app.add_middleware(module.middleware)
    app.add_middleware(console.ConsoleAssets)
    app.add_middleware(ContextMiddleware, settings=options)


app = create_app()
"""The application of a server process."""
app.router.lifespan_context = serve_lifespan
