"""The composition root: kernel and modules become one application here."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.core import logging, openapi, pages, problems
from app.core.config import Settings, settings
from app.core.db import Database
from app.core.middleware import ContextMiddleware, SafetyMiddleware
from app.core.rate_limit import RateLimiter
from app.core.signatures import Signatures
from app.core.uploads import Imports
from app.modules import discover

API = "/api/v1"
READABLE = (
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Policy-Version",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
)
SENDABLE = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID")
"""Headers that a browser of an allowed origin may read, and send."""


def open_database(settings: Settings) -> Database:
    """The database with everything that modules attach to it: the record above all."""
    for _ in discover("models"):
        pass
    database = Database(settings)
    for hooks in discover("hooks"):
        if hasattr(hooks, "install"):
            hooks.install(database)
    return database


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    logging.configure(app.state.settings)
    app.state.database = open_database(app.state.settings)
    app.state.limiter, app.state.signatures = RateLimiter(app.state.settings), Signatures(app.state.settings)
    app.state.imports = Imports(app.state.settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.state.limiter.close)
        stack.push_async_callback(app.state.signatures.nonces.close)
        stack.push_async_callback(app.state.database.dispose)
        for hooks in discover("hooks"):
            if hasattr(hooks, "lifespan"):
                await stack.enter_async_context(hooks.lifespan(app))
        gc.freeze()  # what start-up made lives as long as the process; collections need not look at it
        yield


def create_app(chosen: Settings | None = None) -> FastAPI:
    """The application. Nothing is opened or written before its lifespan starts."""
    options = chosen or settings()
    app = FastAPI(
        title="Attest",
        version=__version__,
        description="The back-office API whose every request and every change can be proved.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.settings = options
    problems.install(app)
    app.include_router(pages.router)
    app.state.modules = []
    for module in discover("router"):
        app.include_router(module.router, prefix=API)
        if module.router.module:
            app.state.modules.append(module.router.module)
    if options.docs_enabled:
        app.include_router(pages.docs)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    install_middleware(app, options)
    return app


def install_middleware(app: FastAPI, options: Settings) -> None:
    """From the inside out: safety, CORS, what modules add (the access log), context."""
    app.add_middleware(SafetyMiddleware, settings=options)
    if options.cors.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.cors.origins,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=SENDABLE,
            expose_headers=READABLE,
        )
    for hooks in discover("hooks"):
        if hasattr(hooks, "middleware"):
            app.add_middleware(hooks.middleware)
    app.add_middleware(ContextMiddleware, settings=options)


app = create_app()
