"""User endpoints."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.db import RequestSession, database_of, reading
from app.core.guard import account_write, policy_write, previewed_write, requires
from app.core.page import Page, Window
from app.core.routing import IfMatch, Router
from app.modules.audit import add_history
from app.modules.users.models import User
from app.modules.users.schemas import OneTimePassword, UserCreate, UserQuery, UserRead, UserUpdate
from app.modules.users.service import UserService

router = Router(
    "users", name="Users", group="System", icon="users", sort_order=80, about="People and services that may sign in."
)


async def with_hasher(request: Request, session: RequestSession) -> UserService:
    return UserService(session, request.app.state.hasher)


Users = Annotated[UserService, Depends(with_hasher)]
ReadUsers = Annotated[UserService, reading(UserService)]


@router.get("", response_model=Page[UserRead], dependencies=[requires("users:read")])
async def list_users(users: ReadUsers, query: Annotated[UserQuery, Query()]) -> Window:
    """List users."""
    return await users.page(query)


@router.post("", response_model=UserRead, status_code=HTTPStatus.CREATED, dependencies=previewed_write("users:create"))
async def create_user(users: Users, data: UserCreate) -> User:
    """Create a user."""
    return await users.create(data)


@router.get("/{id}", response_model=UserRead, dependencies=[requires("users:read")])
async def get_user(users: ReadUsers, id: UUID) -> Any:
    """Get a user."""
    return await users.get(id)


@router.patch("/{id}", response_model=UserRead, dependencies=policy_write("users:update"))
async def update_user(users: Users, id: UUID, data: UserUpdate, if_match: IfMatch = None) -> User:
    """Change some fields of a user."""
    return await users.update(id, data, if_match)


@router.delete("/{id}", status_code=HTTPStatus.NO_CONTENT, dependencies=policy_write("users:delete"))
async def delete_user(users: Users, id: UUID, if_match: IfMatch = None) -> None:
    """Hide a user; they can no longer sign in."""
    await users.delete(id, if_match)


@router.post("/{id}/restore", response_model=UserRead, dependencies=policy_write("users:delete"))
async def restore_user(users: Users, id: UUID, if_match: IfMatch = None) -> User:
    """Bring a hidden user back."""
    return await users.restore(id, if_match)


add_history(router, "user")


@router.post("/{id}/password", dependencies=account_write())
async def reset_user_password(request: Request, users: Users, id: UUID) -> OneTimePassword:
    """Give a user a random password, shown once, that they must change when they next sign in; their sessions end."""
    return await users.reset_password(id, database_of(request).settings.auth.one_time_password_ttl)
