"""Endpoints of sessions and the login log: the caller's own, and those of other users."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from app.core.db.pagination import Page, RowPage
from app.core.http.dependencies import Caller, read_only, transactional
from app.core.http.guards import authenticated, other_account_change, requires
from app.core.http.router import Router
from app.core.http.state import state_of
from app.modules.sessions.schemas import (
    AllSessionsQuery,
    LoginQuery,
    LoginRead,
    MyLoginQuery,
    OwnedSessionRead,
    SessionQuery,
    SessionRead,
)
from app.modules.sessions.service import SessionAdmin

router = Router(prefix="", tag="sessions", about="Sessions, login log and locks of other users.")
mine = Router(prefix="/auth/me", tag="me", about="Your own account.")

Sessions = Annotated[SessionAdmin, transactional(SessionAdmin)]
ReadSessions = Annotated[SessionAdmin, read_only(SessionAdmin)]
NO_CONTENT = HTTPStatus.NO_CONTENT
ADMINISTRATION = other_account_change("users:update")
OF_ALL_USERS = [requires("users:read", "audit:read")]
SESSION_READ = [authenticated(session_only=True)]
SESSION_CHANGE = [authenticated(session_only=True, durable_audit=True)]


@router.get("/auth/logins", response_model=Page[LoginRead], dependencies=OF_ALL_USERS)
async def list_logins(sessions: ReadSessions, query: Annotated[LoginQuery, Query()]) -> RowPage:
    """List attempts to sign in, of all users."""
    return await sessions.logins(query)


@router.get("/sessions", response_model=Page[OwnedSessionRead], dependencies=OF_ALL_USERS)
async def list_sessions(
    request: Request, sessions: ReadSessions, principal: Caller, query: Annotated[AllSessionsQuery, Query()]
) -> RowPage:
    """List the open sessions of all users. `DELETE /users/{user_id}/sessions/{id}` ends one."""
    return await sessions.page_of_all(principal.session_id, query, state_of(request).settings.auth)


@router.get("/users/{id}/sessions", response_model=Page[SessionRead], dependencies=[requires("users:read")])
async def list_user_sessions(
    request: Request, sessions: ReadSessions, id: UUID, query: Annotated[SessionQuery, Query()]
) -> RowPage:
    """List the open sessions of a user."""
    return await sessions.page(id, None, query, state_of(request).settings.auth)


@router.delete("/users/{id}/sessions", status_code=NO_CONTENT, dependencies=ADMINISTRATION)
async def end_user_sessions(sessions: Sessions, id: UUID) -> None:
    """End every session of a user."""
    await sessions.end_all(id, "ended-by-administrator")


@router.delete("/users/{user_id}/sessions/{id}", status_code=NO_CONTENT, dependencies=ADMINISTRATION)
async def end_user_session(sessions: Sessions, user_id: UUID, id: UUID) -> None:
    """End one session of a user."""
    await sessions.end(user_id, id, "ended-by-administrator")


@mine.get("/sessions", response_model=Page[SessionRead], dependencies=SESSION_READ)
async def list_my_sessions(
    request: Request, sessions: ReadSessions, principal: Caller, query: Annotated[SessionQuery, Query()]
) -> RowPage:
    """List your open sessions."""
    settings = state_of(request).settings.auth
    return await sessions.page(principal.user_id, principal.session_id, query, settings)


@mine.delete("/sessions", status_code=NO_CONTENT, dependencies=SESSION_CHANGE)
async def end_my_other_sessions(sessions: Sessions, principal: Caller) -> None:
    """End every session of yours but this one."""
    await sessions.end_all(principal.user_id, "ended-by-user", principal.session_id)


@mine.delete("/sessions/{id}", status_code=NO_CONTENT, dependencies=SESSION_CHANGE)
async def end_my_session(sessions: Sessions, principal: Caller, id: UUID) -> None:
    """End one of your sessions."""
    await sessions.end(principal.user_id, id, "ended-by-user")


@mine.get("/logins", response_model=Page[LoginRead], dependencies=SESSION_READ)
async def list_my_logins(sessions: ReadSessions, principal: Caller, query: Annotated[MyLoginQuery, Query()]) -> RowPage:
    """List attempts to sign in as you."""
    return await sessions.logins(query, principal.user_id)


ROUTERS = (router, mine)
