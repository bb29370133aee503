"""Endpoints of invitations: an administrator invites a user, who sets a password by the token."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from app.core.http.dependencies import read_only, transactional
from app.core.http.guards import other_account_change, public, requires
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.invitations.schemas import (
    InvitationRead,
    InvitedPassword,
    NewInvitation,
    ResetPassword,
    ResetRequest,
)
from app.modules.invitations.service import (
    BY_INVITATION,
    BY_RESET,
    AcceptanceService,
    InvitationService,
    ResetService,
    Way,
)
from app.modules.mail import choose_language

router = Router(prefix="", tag="auth", about="Sign in, refresh and sign out.")
users = Router(prefix="/users", tag="sessions", about="Sessions, login log and locks of other users.")


def acceptance_by(way: Way) -> Callable[[Request], Awaitable[AcceptanceService]]:
    """What makes the service by which a password is set in this way."""

    async def acceptance_service(request: Request) -> AcceptanceService:
        state = state_of(request)
        return AcceptanceService(state.database, state.password_hasher, state.sign_in_limit, context_of(request), way)

    return acceptance_service


async def reset_service(request: Request) -> ResetService:
    return ResetService(state_of(request).database, context_of(request))


Acceptance = Annotated[AcceptanceService, Depends(acceptance_by(BY_INVITATION))]
ResetAcceptance = Annotated[AcceptanceService, Depends(acceptance_by(BY_RESET))]
Resets = Annotated[ResetService, Depends(reset_service)]
Invitations = Annotated[InvitationService, transactional(InvitationService)]
ReadInvitations = Annotated[InvitationService, read_only(InvitationService)]
MAIL_IS_OFF: dict[int | str, Any] = {HTTPStatus.CONFLICT: {"description": "No mail is sent."}}
ADMINISTRATION = other_account_change("users:update")


@router.post("/auth/invitation", status_code=HTTPStatus.NO_CONTENT, dependencies=[public(durable_audit=True)])
async def accept_invitation(acceptance: Acceptance, data: InvitedPassword) -> None:
    """Set your password by the token of an invitation, then sign in. Sessions that you have end."""
    await acceptance.accept(data.token.get_secret_value(), data.new_password.get_secret_value())


@router.post(
    "/auth/password-reset",
    status_code=HTTPStatus.NO_CONTENT,
    responses=MAIL_IS_OFF,
    dependencies=[public(durable_audit=True)],
)
async def ask_for_password_reset(request: Request, resets: Resets, data: ResetRequest) -> None:
    """Ask for a mail by which you set another password. The answer is the same whether there is such an account."""
    await resets.ask(data.username, choose_language(request.headers.get("accept-language")))


@router.post(
    "/auth/password-reset/confirm", status_code=HTTPStatus.NO_CONTENT, dependencies=[public(durable_audit=True)]
)
async def reset_own_password(acceptance: ResetAcceptance, data: ResetPassword) -> None:
    """Set another password by the token of a mail, then sign in. Sessions that you have end."""
    await acceptance.accept(data.token.get_secret_value(), data.new_password.get_secret_value())


@users.get("/{id}/invitation", dependencies=[requires("users:read")])
async def get_user_invitation(invitations: ReadInvitations, id: UUID) -> InvitationRead:
    """Get the last invitation of a user, without its token."""
    return await invitations.read(id)


@users.post("/{id}/invitation", status_code=HTTPStatus.CREATED, dependencies=ADMINISTRATION)
async def invite_user(request: Request, invitations: Invitations, id: UUID) -> NewInvitation:
    """Invite a user to set a password, by mail where that is on. Only this response shows the token, which ends an
    earlier one."""
    return await invitations.invite(id, state_of(request).settings)


@users.delete("/{id}/invitation", status_code=HTTPStatus.NO_CONTENT, dependencies=ADMINISTRATION)
async def withdraw_user_invitation(invitations: Invitations, id: UUID) -> None:
    """Withdraw the invitation of a user."""
    await invitations.withdraw(id)


ROUTERS = (router, users)
