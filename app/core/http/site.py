"""The pages beside the API: landing page, documentation that loads nothing from other hosts, and health checks."""

from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.core.config import Settings
from app.core.db.revisions import heads, stored_revisions
from app.core.errors import NotFound, Unavailable
from app.core.http.assets import Asset
from app.core.http.guards import public
from app.core.http.probes import LIVENESS, READINESS
from app.core.http.route import Route
from app.core.http.state import context_of, database_of, state_of

STATIC = Path(__file__).parents[2] / "static"
FILES = frozenset(path.name for path in STATIC.iterdir() if path.suffix in {".css", ".js", ".svg"})
DOCUMENTS = ("/docs", "/redoc", "/openapi.json")
PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REDOC_CSP = PAGE_CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""ReDoc writes style elements and attributes; its scripts stay strict."""
REVALIDATED, KEPT_FOR_A_DAY = "no-cache", "public, max-age=86400"

router = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public()])
docs = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public()])
health = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public(rate_limited=False)])


class NotReady(Unavailable):
    """The process runs, and cannot serve requests yet."""

    code = "not-ready"
    remedy = "Wait. If it lasts, the operator migrates the database to the version of the code."


async def respond(request: Request, name: str, build: Callable[[], Asset]) -> Response:
    """The response with the asset `name`, which `build` makes at the first request."""
    asset = await state_of(request).assets.get(name, build)
    return asset.to_response(request.headers)


async def html_page(request: Request, name: str, csp: str = PAGE_CSP) -> Response:
    settings = state_of(request).settings

    def build() -> Asset:
        page = render((STATIC / name).read_text(), settings)
        headers = {"Content_Security_Policy": csp, "Cache_Control": REVALIDATED}
        return Asset.build(page.encode(), "text/html; charset=utf-8", **headers)

    return await respond(request, name, build)


def render(page: str, settings: Settings) -> str:
    """`page` with its links below the root path, and without those to documents that are not served."""
    hidden = [] if settings.serves_docs else [f'href="{path}"' for path in DOCUMENTS]
    lines = [line for line in page.splitlines(keepends=True) if not any(link in line for link in hidden)]
    return "".join(lines).replace('="/', f'="{settings.root_path}/')


@router.get("/")
async def landing_page(request: Request) -> Response:
    return await html_page(request, "index.html")


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    if name not in FILES:
        raise NotFound("No resource exists at this URL.")

    def build() -> Asset:
        media_type = guess_type(name)[0] or "application/octet-stream"
        return Asset.build((STATIC / name).read_bytes(), media_type, Cache_Control=KEPT_FOR_A_DAY)

    return await respond(request, name, build)


@health.get(LIVENESS)
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@health.get(READINESS)
async def readyz(request: Request) -> dict[str, str | list[str]]:
    """The database is reachable and migrated to the newest revision. Raises NotReady, DatabaseUnavailable.

    Warnings do not make a process unready: another one would have them too.
    """
    if await stored_revisions(database_of(request).read_session(context_of(request))) != heads():
        raise NotReady("The database is not migrated to this version of the code.")
    warnings = [line for ask in state_of(request).readiness_warnings for line in await ask()]
    return {"status": "ready", "warnings": warnings} if warnings else {"status": "ready"}


@docs.get("/docs")
async def swagger_ui(request: Request) -> Response:
    return await html_page(request, "swagger.html")


@docs.get("/redoc")
async def redoc(request: Request) -> Response:
    return await html_page(request, "redoc.html", REDOC_CSP)


@docs.get("/openapi.json")
async def openapi_json(request: Request) -> Response:
    def build() -> Asset:
        document = orjson.dumps(request.app.openapi())
        return Asset.build(document, "application/json", Cache_Control=REVALIDATED)

    return await respond(request, "openapi.json", build)
