"""Endpoints of the verification of addresses."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, public
from app.core.http.router import Router
from app.core.http.state import context_of, state_of
from app.modules.email_verification.schemas import EmailRead, VerifiedEmail
from app.modules.email_verification.service import ConfirmationService, VerificationService
from app.modules.mail import choose_language

router = Router(prefix="/auth/me", tag="me", about="Your own account.")
confirmation_router = Router(prefix="/auth", tag="auth", about="Sign in, refresh and sign out.")


async def confirmation_service(request: Request) -> ConfirmationService:
    return ConfirmationService(state_of(request).database, context_of(request))


Verifications = Annotated[VerificationService, transactional(VerificationService)]
ReadVerifications = Annotated[VerificationService, read_only(VerificationService)]
Confirmations = Annotated[ConfirmationService, Depends(confirmation_service)]


@router.get("/email", dependencies=[authenticated(session_only=True)])
async def get_my_email(verifications: ReadVerifications, principal: Caller) -> EmailRead:
    """Get your address, and since when it is verified."""
    return await verifications.read(principal.user_id)


@router.post(
    "/email/verification",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[authenticated(session_only=True, durable_audit=True)],
)
async def verify_my_email(request: Request, verifications: Verifications, principal: Caller) -> None:
    """Ask for a mail by which you show that your address is yours. One that is verified gets none."""
    language = choose_language(request.headers.get("accept-language"))
    await verifications.ask(principal.user_id, state_of(request).settings, language)


@confirmation_router.post(
    "/email-verification", status_code=HTTPStatus.NO_CONTENT, dependencies=[public(durable_audit=True)]
)
async def confirm_email(confirmations: Confirmations, data: VerifiedEmail) -> None:
    """Show by the token of a mail that an address is yours."""
    await confirmations.confirm(data.token.get_secret_value())


ROUTERS = (router, confirmation_router)
