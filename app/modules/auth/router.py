"""Endpoints to sign in, refresh, sign out, and unlock users."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, other_account_change, public, requires
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.auth.schemas import RefreshRequest, SignInForm, ThrottledQuery, ThrottledRead
from app.modules.auth.service import SignInService, UnlockService
from app.modules.auth.throttling.throttled import ThrottledService
from app.modules.sessions import SessionTokens, TokenPair

router = Router(prefix="", tag="auth", about="Sign in, refresh and sign out.")
users = Router(prefix="/users", tag="sessions", about="Sessions, login log and locks of other users.")

PUBLIC = [public(durable_audit=True)]
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
    code = form.code.get_secret_value() if form.code else None
    return await service.sign_in(form.username, form.password.get_secret_value(), code)


@router.post("/auth/token/refresh", dependencies=PUBLIC)
async def refresh_token(tokens: Tokens, data: RefreshRequest) -> TokenPair:
    """Exchange a refresh token for the next token pair. A refresh token works once."""
    return await tokens.refresh(data.refresh_token.get_secret_value())


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
