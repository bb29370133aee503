"""Sign-in endpoints."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Form, Request

from app.core.db import context_of, reading
from app.core.guard import Caller, public_synced, signed_in, signed_in_synced
from app.core.routing import Router
from app.modules.auth.schemas import RefreshRequest, SignInForm, TokenPair
from app.modules.auth.service import SignIn
from app.modules.users import UserRead, UserRepository

router = Router(prefix="/auth")


async def sign_in_service(request: Request) -> SignIn:
    state = request.app.state
    return SignIn(state.database, state.hasher, state.tokens, context_of(request))


SignInService = Annotated[SignIn, Depends(sign_in_service)]
ReadUsers = Annotated[UserRepository, reading(UserRepository)]


@router.post("/token", dependencies=[public_synced])
async def create_token(service: SignInService, form: Annotated[SignInForm, Form()]) -> TokenPair:
    """Sign in with user name (or e-mail) and password."""
    return await service.sign_in(form.username, form.password.get_secret_value())


@router.post("/token/refresh", dependencies=[public_synced])
async def refresh_token(service: SignInService, data: RefreshRequest) -> TokenPair:
    """Exchange a refresh token, which works once, for the next pair."""
    return await service.refresh(data.refresh_token.get_secret_value())


@router.post("/logout", status_code=HTTPStatus.NO_CONTENT, dependencies=[signed_in_synced])
async def logout(service: SignInService, principal: Caller) -> None:
    """End this session."""
    await service.sign_out(principal)


@router.post("/logout-all", status_code=HTTPStatus.NO_CONTENT, dependencies=[signed_in_synced])
async def logout_all(service: SignInService, principal: Caller) -> None:
    """End all of your sessions."""
    await service.sign_out_everywhere(principal)


@router.get("/me", response_model=UserRead, dependencies=[signed_in])
async def get_me(users: ReadUsers, principal: Caller) -> Any:
    """Who you are."""
    return await users.get(principal.user_id)
