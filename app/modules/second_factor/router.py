"""Endpoints by which an administrator helps a user who lost a second factor."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from app.core.http.dependencies import transactional
from app.core.http.guards import other_account_change
from app.core.http.router import Router
from app.modules.second_factor.service import LostFactorService

router = Router(prefix="/users", tag="sessions", about="Sessions, login log and locks of other users.")

LostFactors = Annotated[LostFactorService, transactional(LostFactorService)]


@router.delete(
    "/{id}/second-factor", status_code=HTTPStatus.NO_CONTENT, dependencies=other_account_change("users:update")
)
async def remove_user_second_factor(factors: LostFactors, id: UUID) -> None:
    """Remove the second factor of a user who lost it."""
    await factors.remove(id)
