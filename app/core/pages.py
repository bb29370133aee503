"""What is not the API: landing page, documentation without any outside host, and health."""

from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.responses import Response

from app.core.db import Database, database_of
from app.core.errors import NotFound, Unavailable
from app.core.guard import uncounted
from app.core.migrations import heads
from app.core.routing import Route

STATIC = Path(__file__).parent.parent / "static"
FILES = frozenset(path.name for path in STATIC.iterdir() if path.suffix in {".css", ".js", ".svg"})
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REDOC_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""ReDoc writes style elements and attributes; its scripts stay strict."""

router = APIRouter(route_class=Route, include_in_schema=False, dependencies=[uncounted])
docs = APIRouter(route_class=Route, include_in_schema=False, dependencies=[uncounted])


class NotReady(Unavailable):
    """The process runs, and cannot serve yet."""

    code = "not-ready"


def page(name: str, policy: str = PAGE_POLICY) -> FileResponse:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return FileResponse(STATIC / name, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/")
async def landing() -> Response:
    return page("index.html")


@router.get("/static/{name}")
async def static(name: str) -> Response:
    if name not in FILES:
        raise NotFound("Nothing lives at this address.")
    return FileResponse(STATIC / name, headers={"Cache-Control": "public, max-age=86400"})


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """The database is reachable and migrated to the newest revision. Raises NotReady, DatabaseUnavailable."""
    if await revisions(database_of(request)) != heads():
        raise NotReady("The database is not migrated to this version of the code.")
    return {"status": "ready"}


async def revisions(database: Database) -> set[str]:
    async with database.readers.connect() as connection:
        return await connection.run_sync(lambda sync: set(MigrationContext.configure(sync).get_current_heads()))


@docs.get("/docs")
async def swagger_ui() -> Response:
    return page("swagger.html")


@docs.get("/redoc")
async def redoc() -> Response:
    return page("redoc.html", REDOC_POLICY)


@docs.get("/openapi.json")
async def openapi_json(request: Request) -> Any:
    return JSONResponse(request.app.openapi())
