"""The pages of the console: one document for every address, under a policy of its own, and its assets."""

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import NotFound
from app.core.http.assets import Asset
from app.core.http.guards import public
from app.core.http.request_headers import INDEXED
from app.core.http.root_path import route_path
from app.core.http.route import Route
from app.core.http.site import REVALIDATED, render, respond
from app.core.http.state import State, state_of
from app.core.http.websocket import UPGRADE

CONSOLE, ASSETS = "/console", "assets/"
READING = {"GET", "HEAD"}

INJECTED_STYLE = "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='"
"""The only style that a script of the console adds: `touch-action` of what can be pressed, by React Aria.

A browser that refuses another one reports its hash.
"""
CONSOLE_CSP = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {INJECTED_STYLE}; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)

router = APIRouter(route_class=Route, include_in_schema=False, dependencies=[public(leaves_query=True)])


class ConsoleNotBuilt(NotFound):
    """The files of the console are not in `app/static/console`."""

    code = "console-not-built"
    remedy = "The operator runs `make console`, and starts the application again."


@router.get(CONSOLE)
async def console_home(request: Request) -> Response:
    return await page_of_console(request)


@router.api_route(f"{CONSOLE}/{{path:path}}", methods=["GET", "HEAD"])
async def console_page(request: Request, path: str) -> Response:
    """The page, which shows what belongs to its address. Raises NotFound for a file.

    HEAD is named because the index of routes leaves addresses of any depth to FastAPI, which knows only what is named.
    """
    if path.startswith(ASSETS):
        raise NotFound("The console has no such file.")
    return await page_of_console(request)


async def page_of_console(request: Request) -> Response:
    """The document, with its links below the root path. Raises ConsoleNotBuilt."""
    state = state_of(request)
    if not state.console.is_built:
        raise ConsoleNotBuilt("The console is not built: run `make console`, and start the application again.")

    def build() -> Asset:
        page = render(state.console.page.read_text(), state.settings)
        headers = {"Content_Security_Policy": CONSOLE_CSP, "Cross_Origin_Opener_Policy": "same-origin"}
        return Asset.build(page.encode(), "text/html; charset=utf-8", Cache_Control=REVALIDATED, **headers)

    return await respond(request, CONSOLE, build)


class ConsoleAssets:
    """Outside of the access log: serves the assets, which are no requests of the API. All else passes through.

    So does an asset that does not exist: the application refuses it, and the refusal has its entry.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = name_of_asset(scope)
        if name is None:
            await self.app(scope, receive, send)
            return
        state: State = scope["app"].state
        asset = await state.assets.get(f"{CONSOLE}/{name}", lambda: state.console.build_asset(name))
        await asset.to_response(scope[INDEXED])(scope, receive, send)


def name_of_asset(scope: Scope) -> str | None:
    """The asset that a request reads; None for any other request."""
    if scope["type"] != "http" or scope["method"] not in READING or UPGRADE in scope:
        return None
    beginning, _, name = route_path(scope).rpartition("/")
    is_asset = f"{beginning}/" == f"{CONSOLE}/{ASSETS}" and name in scope["app"].state.console.names
    return name if is_asset else None
