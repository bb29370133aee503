"""Sign-in endpoints."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Form, Request

from app.core.db import context_of
from app.core.guard import Caller, always_in_person, public_synced
from app.core.routing import Router
from app.modules.auth import admin_router, me_router
from app.modules.auth.me_router import AccountService
from app.modules.auth.schemas import RefreshRequest, SignInForm, TokenPair
from app.modules.auth.service import SignIn
from app.modules.auth.sessions import Sessions
from app.modules.second_factor import CodeRequest

router = Router(prefix="", tag="auth", about="Signing in, refreshing, signing out.")


async def session_service(request: Request) -> Sessions:
    return Sessions(request.app.state.database, request.app.state.tokens, context_of(request))


SessionService = Annotated[Sessions, Depends(session_service)]


async def sign_in_service(request: Request, sessions: SessionService) -> SignIn:
    state = request.app.state
    return SignIn(state.database, state.hasher, state.turns, context_of(request), sessions)


SignInService = Annotated[SignIn, Depends(sign_in_service)]


@router.post("/auth/token", dependencies=[public_synced])
async def create_token(service: SignInService, form: Annotated[SignInForm, Form()]) -> TokenPair:
    """Sign in with user name (or e-mail) and password, and with the second factor of whoever has one."""
    code = form.code.get_secret_value() if form.code else None
    return await service.sign_in(form.username, form.password.get_secret_value(), code)


@router.post("/auth/token/refresh", dependencies=[public_synced])
async def refresh_token(service: SessionService, data: RefreshRequest) -> TokenPair:
    """Exchange a refresh token, which works once, for the next pair."""
    return await service.refresh(data.refresh_token.get_secret_value())


@router.post("/auth/logout", status_code=HTTPStatus.NO_CONTENT, dependencies=[always_in_person])
async def logout(service: SessionService, principal: Caller) -> None:
    """End this session."""
    await service.sign_out(principal)


@router.post("/auth/logout-all", status_code=HTTPStatus.NO_CONTENT, dependencies=[always_in_person])
async def logout_all(service: SessionService, principal: Caller) -> None:
    """End all of your sessions."""
    await service.sign_out_everywhere(principal)


@router.post("/auth/step-up", status_code=HTTPStatus.NO_CONTENT, dependencies=[always_in_person])
async def step_up(service: AccountService, data: CodeRequest) -> None:
    """Show your second factor again, for what needs it freshly shown."""
    await service.step_up(data.code.get_secret_value())


router.include_router(me_router.router)
router.include_router(admin_router.router)
