"""The pages beside the API: landing page, documentation that loads nothing from other hosts, and health checks."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.responses import Response

from app.core.db.engine import Database
from app.core.errors import NotFound, Unavailable
from app.core.http.guards import public
from app.core.http.route import Route
from app.core.http.state import database_of

STATIC = Path(__file__).parents[2] / "static"
FILES = frozenset(path.name for path in STATIC.iterdir() if path.suffix in {".css", ".js", ".svg"})
PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REDOC_CSP = PAGE_CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""ReDoc writes style elements and attributes; its scripts stay strict."""

router = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public(rate_limited=False)])
docs = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public(rate_limited=False)])


class NotReady(Unavailable):
    """The process runs, and cannot serve requests yet."""

    code = "not-ready"


def html_page(name: str, csp: str = PAGE_CSP) -> FileResponse:
    headers = {"Content-Security-Policy": csp, "Cache-Control": "no-cache"}
    return FileResponse(STATIC / name, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/")
async def landing_page() -> Response:
    return html_page("index.html")


@router.get("/static/{name}")
async def static(name: str) -> Response:
    if name not in FILES:
        raise NotFound("No resource exists at this URL.")
    return FileResponse(STATIC / name, headers={"Cache-Control": "public, max-age=86400"})


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """The database is reachable and migrated to the newest revision. Raises NotReady, DatabaseUnavailable."""
    from app.core.db.migrations import heads  # noqa: PLC0415  # Alembic is slow to import, and only readiness needs it

    if await revisions(database_of(request)) != heads():
        raise NotReady("The database is not migrated to this version of the code.")
    return {"status": "ready"}


async def revisions(database: Database) -> set[str]:
    """The revisions of the migrated database."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415  # see above

    async with database.readers.connect() as connection:
        return await connection.run_sync(lambda sync: set(MigrationContext.configure(sync).get_current_heads()))


@docs.get("/docs")
async def swagger_ui() -> Response:
    return html_page("swagger.html")


@docs.get("/redoc")
async def redoc() -> Response:
    return html_page("redoc.html", REDOC_CSP)


@docs.get("/openapi.json")
async def openapi_json(request: Request) -> Any:
    return JSONResponse(request.app.openapi())
