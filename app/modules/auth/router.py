"""Endpoints to sign in, refresh, sign out, and unlock users."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Form, Query, Request, Response

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, other_account_change, public, requires
from app.core.http.router import Router
from app.core.http.same_origin import SameOrigin
from app.core.http.state import context_of, state_of
from app.modules.auth.browser.cookie import clear_cookie, read_cookie, set_cookie
from app.modules.auth.schemas import RefreshRequest, SignInForm, ThrottledQuery, ThrottledRead
from app.modules.auth.service import SignInService, UnlockService
from app.modules.auth.throttling.throttled import ThrottledService
from app.modules.sessions import AccessToken, BadRefreshToken, SessionTokens, TokenPair

router = Router(prefix="", tag="auth", about="Sign in, refresh and sign out.")
users = Router(prefix="/users", tag="sessions", about="Sessions, login log and locks of other users.")

PUBLIC = [public(durable_audit=True)]
OWN_PAGES = [Depends(SameOrigin(durable_audit=True))]
NO_SESSION: dict[int | str, Any] = {HTTPStatus.NO_CONTENT: {"description": "The browser has no session."}}
EVERY_SESSION = [authenticated(session_only=True, allow_restricted=True, durable_audit=True)]


async def session_tokens(request: Request) -> SessionTokens:
    state = state_of(request)
    return SessionTokens(state.database, state.access_tokens, context_of(request))


Tokens = Annotated[SessionTokens, Depends(session_tokens)]


async def sign_in_service(request: Request, tokens: Tokens) -> SignInService:
    state = state_of(request)
    return SignInService(state.database, state.password_hasher, state.sign_in_limit, context_of(request), tokens)


SignIn = Annotated[SignInService, Depends(sign_in_service)]
Throttled = Annotated[ThrottledService, read_only(ThrottledService)]
Unlocking = Annotated[UnlockService, transactional(UnlockService)]


@router.post("/auth/token", dependencies=PUBLIC)
async def create_token(service: SignIn, form: Annotated[SignInForm, Form()]) -> TokenPair:
    """Sign in with user name (or e-mail) and password. Users with a second factor send its code as well."""
    return await sign_in(service, form)


@router.post("/auth/token/refresh", dependencies=PUBLIC)
async def refresh_token(tokens: Tokens, data: RefreshRequest) -> TokenPair:
    """Exchange a refresh token for the next token pair. A refresh token works once."""
    return await tokens.refresh(data.refresh_token.get_secret_value())


@router.post("/auth/browser/token", response_model=AccessToken, dependencies=OWN_PAGES)
async def create_browser_session(request: Request, service: SignIn, form: Annotated[SignInForm, Form()]) -> Response:
    """Sign in from a page of this server. The refresh token goes into a cookie, which no script can read."""
    return keep_refresh_token(request, await sign_in(service, form, is_browser=True))


@router.post("/auth/browser/refresh", response_model=AccessToken, responses=NO_SESSION, dependencies=OWN_PAGES)
async def refresh_browser_session(request: Request, tokens: Tokens) -> Response:
    """Get the next access token for the cookie, whose refresh token is exchanged for the next one."""
    presented = read_cookie(request.headers.getlist("cookie"))
    if presented is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    try:
        return keep_refresh_token(request, await tokens.refresh(presented))
    except BadRefreshToken as error:
        error.extra_headers |= forget_refresh_token(request)
        raise


@router.post("/auth/browser/logout", status_code=HTTPStatus.NO_CONTENT, dependencies=OWN_PAGES)
async def end_browser_session(request: Request, tokens: Tokens) -> Response:
    """End the session of the cookie, if it has one, and clear the cookie."""
    await tokens.sign_out_with(read_cookie(request.headers.getlist("cookie")) or "")
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=forget_refresh_token(request))


async def sign_in(service: SignInService, form: SignInForm, *, is_browser: bool = False) -> TokenPair:
    code = form.code.get_secret_value() if form.code else None
    return await service.sign_in(form.username, form.password.get_secret_value(), code, is_browser=is_browser)


def keep_refresh_token(request: Request, pair: TokenPair) -> Response:
    """The response with the access token in its body, and the refresh token in the cookie."""
    body = AccessToken(access_token=pair.access_token, token_type=pair.token_type, expires_in=pair.expires_in)
    cookie = set_cookie(pair.refresh_token, cookie_path(request), pair.refresh_expires_in)
    return Response(body.model_dump_json(), headers={"Set-Cookie": cookie}, media_type="application/json")


def forget_refresh_token(request: Request) -> dict[str, str]:
    return {"Set-Cookie": clear_cookie(cookie_path(request))}


def cookie_path(request: Request) -> str:
    """The path to which browsers send the cookie: that of these endpoints, below the root path."""
    return str(request.scope["path"]).rpartition("/")[0]


@router.post("/auth/logout", status_code=HTTPStatus.NO_CONTENT, dependencies=EVERY_SESSION)
async def logout(tokens: Tokens, principal: Caller) -> None:
    """End this session."""
    await tokens.sign_out(principal)


@router.post("/auth/logout-all", status_code=HTTPStatus.NO_CONTENT, dependencies=EVERY_SESSION)
async def logout_all(tokens: Tokens, principal: Caller) -> None:
    """End all of your sessions."""
    await tokens.sign_out_everywhere(principal)


@router.get("/auth/throttled", response_model=Page[ThrottledRead], dependencies=[requires("users:read", "audit:read")])
async def list_throttled(throttled: Throttled, query: Annotated[ThrottledQuery, Query()]) -> RowPage:
    """List accounts and addresses whose attempts are blocked now. `POST /users/{id}/unlock` unblocks an account."""
    return await throttled.page(query)


@users.post("/{id}/unlock", status_code=HTTPStatus.NO_CONTENT, dependencies=other_account_change("users:update"))
async def unlock_user(unlocking: Unlocking, id: UUID) -> None:
    """Let a user sign in again whose attempts are blocked. Wrong guesses at the password are no longer counted."""
    await unlocking.unlock(id)


ROUTERS = (router, users)
