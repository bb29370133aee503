"""Endpoints of the caller's own account: profile, password, second factor."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request

from app.core.http.dependencies import Caller, read_only
from app.core.http.guards import authenticated
from app.core.http.route import IfMatch
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.account.schemas import PasswordChange, ProfileUpdate
from app.modules.account.service import AccountService
from app.modules.second_factor import (
    CodeRequest,
    Enrolment,
    EnrolRequest,
    RecoveryCodes,
    SecondFactorRead,
    SecondFactorService,
)
from app.modules.users import User, UserRead, UserRepository

router = Router(prefix="/auth/me", tag="me", about="Your own account.")
step_up_router = Router(prefix="/auth", tag="auth", about="Sign in, refresh and sign out.")


async def account_service(request: Request, principal: Caller) -> AccountService:
    state = state_of(request)
    return AccountService(state.database, state.password_hasher, context_of(request), principal)


Account = Annotated[AccountService, Depends(account_service)]
ReadUsers = Annotated[UserRepository, read_only(UserRepository)]
ReadFactor = Annotated[SecondFactorService, read_only(SecondFactorService)]
NO_CONTENT = HTTPStatus.NO_CONTENT
SESSION_READ = [authenticated(session_only=True)]
SESSION_CHANGE = [authenticated(session_only=True, durable_audit=True)]
VERIFIED_SESSION = [authenticated(session_only=True, durable_audit=True, may_step_up=True)]
EVERY_SESSION = [authenticated(session_only=True, allow_restricted=True, durable_audit=True)]
ENROLMENT = [authenticated(session_only=True, allow_restricted="second-factor", durable_audit=True)]
"""A one-time password, which an administrator knows, enrols nothing."""


@router.get("", response_model=UserRead, dependencies=[authenticated(allow_restricted=True)])
async def get_me(users: ReadUsers, principal: Caller) -> Any:
    """Get your account. For an API key, get the account of its owner."""
    return await users.get(principal.user_id)


@router.patch("", response_model=UserRead, dependencies=SESSION_CHANGE)
async def update_me(account: Account, data: ProfileUpdate, if_match: IfMatch = None) -> User:
    """Change your names or your e-mail. Another e-mail needs your current password; such changes are counted."""
    return await account.change_profile(data, if_match)


@router.post("/password", status_code=NO_CONTENT, dependencies=EVERY_SESSION)
async def change_my_password(account: Account, data: PasswordChange) -> None:
    """Set another password. Your other sessions end."""
    await account.change_password(data.current_password.get_secret_value(), data.new_password.get_secret_value())


@router.get("/second-factor", dependencies=SESSION_READ)
async def get_my_second_factor(factor: ReadFactor, principal: Caller) -> SecondFactorRead:
    """Get the state of your second factor."""
    return await factor.read(principal.user_id)


@router.post("/second-factor", dependencies=ENROLMENT)
async def enrol_my_second_factor(account: Account, data: EnrolRequest) -> Enrolment:
    """Begin to enrol a second factor. It is active once it is confirmed."""
    return await account.enrol(data.current_password.get_secret_value())


@router.post("/second-factor/confirm", dependencies=ENROLMENT)
async def confirm_my_second_factor(account: Account, data: CodeRequest) -> RecoveryCodes:
    """Activate the second factor with its first code. Only this response shows the recovery codes."""
    return await account.confirm_factor(data.code.get_secret_value())


@router.post("/second-factor/recovery-codes", dependencies=VERIFIED_SESSION)
async def renew_my_recovery_codes(account: Account) -> RecoveryCodes:
    """Replace your recovery codes. The previous ones are no longer valid."""
    return await account.renew_recovery_codes()


@router.delete("/second-factor", status_code=NO_CONTENT, dependencies=VERIFIED_SESSION)
async def remove_my_second_factor(account: Account) -> None:
    """Remove your second factor."""
    await account.remove_factor()


@step_up_router.post("/step-up", status_code=NO_CONTENT, dependencies=SESSION_CHANGE)
async def step_up(account: Account, data: CodeRequest) -> None:
    """Verify your second factor again. Some operations need a recent verification."""
    await account.step_up(data.code.get_secret_value())


ROUTERS = (router, step_up_router)
