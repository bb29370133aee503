"""Your own account: profile, password, second factor, sessions, login log."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.db import context_of, database_of, provided, reading
from app.core.guard import Caller, always_in_person, in_person, in_person_synced, signed_in_always
from app.core.page import Page, Window
from app.core.routing import IfMatch, Router
from app.modules.auth.account_service import Account
from app.modules.auth.schemas import LoginRead, MyLoginQuery, PasswordChange, ProfileUpdate, SessionQuery, SessionRead
from app.modules.auth.session_service import SessionService
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


async def account(request: Request, principal: Caller) -> Account:
    return Account(database_of(request), request.app.state.hasher, context_of(request), principal)


AccountService = Annotated[Account, Depends(account)]
ReadUsers = Annotated[UserRepository, reading(UserRepository)]
Sessions = Annotated[SessionService, provided(SessionService)]
ReadSessions = Annotated[SessionService, reading(SessionService)]
ReadFactor = Annotated[SecondFactorService, reading(SecondFactorService)]
NO_CONTENT = HTTPStatus.NO_CONTENT


@router.get("", response_model=UserRead, dependencies=[signed_in_always])
async def get_me(users: ReadUsers, principal: Caller) -> Any:
    """Who you are; for an API key, its owner."""
    return await users.get(principal.user_id)


@router.patch("", response_model=UserRead, dependencies=[in_person_synced])
async def update_me(service: AccountService, data: ProfileUpdate, if_match: IfMatch = None) -> User:
    """Change your names or, with your current password, your e-mail."""
    return await service.change_profile(data, if_match)


@router.post("/password", status_code=NO_CONTENT, dependencies=[always_in_person])
async def change_my_password(service: AccountService, data: PasswordChange) -> None:
    """Choose another password; every other session of yours ends."""
    await service.change_password(data.current_password.get_secret_value(), data.new_password.get_secret_value())


@router.get("/sessions", response_model=Page[SessionRead], dependencies=[in_person])
async def list_my_sessions(
    request: Request, sessions: ReadSessions, principal: Caller, query: Annotated[SessionQuery, Query()]
) -> Window:
    """Where you are signed in."""
    settings = database_of(request).settings.auth
    return await sessions.page(principal.user_id, principal.session_id, query, settings)


@router.delete("/sessions", status_code=NO_CONTENT, dependencies=[in_person_synced])
async def end_my_other_sessions(sessions: Sessions, principal: Caller) -> None:
    """End every session of yours but this one."""
    await sessions.end_all(principal.user_id, "ended-by-user", principal.session_id)


@router.delete("/sessions/{id}", status_code=NO_CONTENT, dependencies=[in_person_synced])
async def end_my_session(sessions: Sessions, principal: Caller, id: UUID) -> None:
    """End one of your sessions."""
    await sessions.end(principal.user_id, id, "ended-by-user")


@router.get("/logins", response_model=Page[LoginRead], dependencies=[in_person])
async def list_my_logins(sessions: ReadSessions, principal: Caller, query: Annotated[MyLoginQuery, Query()]) -> Window:
    """Attempts to sign in as you."""
    return await sessions.logins(query, principal.user_id)


@router.get("/second-factor", dependencies=[in_person])
async def get_my_second_factor(factor: ReadFactor, principal: Caller) -> SecondFactorRead:
    """Whether you have a second factor, and how many recovery codes are left."""
    return await factor.read(principal.user_id)


@router.post("/second-factor", dependencies=[always_in_person])
async def enrol_my_second_factor(service: AccountService, data: EnrolRequest) -> Enrolment:
    """Begin to enrol a second factor; it counts once it is confirmed."""
    return await service.enrol(data.current_password.get_secret_value())


@router.post("/second-factor/confirm", dependencies=[always_in_person])
async def confirm_my_second_factor(service: AccountService, data: CodeRequest) -> RecoveryCodes:
    """Put the second factor in force with its first code; this answer alone shows the recovery codes."""
    return await service.confirm_factor(data.code.get_secret_value())


@router.post("/second-factor/recovery-codes", dependencies=[in_person_synced])
async def renew_my_recovery_codes(service: AccountService) -> RecoveryCodes:
    """New recovery codes; the ones before are worth nothing."""
    return await service.renew_recovery_codes()


@router.delete("/second-factor", status_code=NO_CONTENT, dependencies=[in_person_synced])
async def remove_my_second_factor(service: AccountService) -> None:
    """Remove your second factor."""
    await service.remove_factor()
