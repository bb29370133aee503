"""Sessions, login log and locks of users that one administers."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from app.core.db import database_of, provided, reading
from app.core.guard import account_write, requires
from app.core.page import Page, Window
from app.core.routing import Router
from app.modules.auth.schemas import LoginQuery, LoginRead, SessionQuery, SessionRead
from app.modules.auth.session_service import SessionService

router = Router(prefix="", tag="sessions", about="Sessions, login log and locks of other users.")

Sessions = Annotated[SessionService, provided(SessionService)]
ReadSessions = Annotated[SessionService, reading(SessionService)]
NO_CONTENT = HTTPStatus.NO_CONTENT
ADMINISTERS = account_write()


@router.get("/auth/logins", response_model=Page[LoginRead], dependencies=[requires("users:read", "audit:read")])
async def list_logins(sessions: ReadSessions, query: Annotated[LoginQuery, Query()]) -> Window:
    """Attempts to sign in, by anybody."""
    return await sessions.logins(query)


@router.get("/users/{id}/sessions", response_model=Page[SessionRead], dependencies=[requires("users:read")])
async def list_user_sessions(
    request: Request, sessions: ReadSessions, id: UUID, query: Annotated[SessionQuery, Query()]
) -> Window:
    """Where a user is signed in."""
    return await sessions.page(id, None, query, database_of(request).settings.auth)


@router.delete("/users/{id}/sessions", status_code=NO_CONTENT, dependencies=ADMINISTERS)
async def end_user_sessions(sessions: Sessions, id: UUID) -> None:
    """End every session of a user."""
    await sessions.end_all(id, "ended-by-administrator")


@router.delete("/users/{user_id}/sessions/{id}", status_code=NO_CONTENT, dependencies=ADMINISTERS)
async def end_user_session(sessions: Sessions, user_id: UUID, id: UUID) -> None:
    """End one session of a user."""
    await sessions.end(user_id, id, "ended-by-administrator")


@router.post("/users/{id}/unlock", status_code=NO_CONTENT, dependencies=ADMINISTERS)
async def unlock_user(sessions: Sessions, id: UUID) -> None:
    """Forget wrong guesses at a user's password: the next right one counts at once."""
    await sessions.unlock(id)


@router.delete("/users/{id}/second-factor", status_code=NO_CONTENT, dependencies=ADMINISTERS)
async def remove_user_second_factor(sessions: Sessions, id: UUID) -> None:
    """Take the second factor from a user who lost it."""
    await sessions.remove_factor(id)
