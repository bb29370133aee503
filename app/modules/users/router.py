"""User endpoints."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from app.core.http.dependencies import RequestSession, name_subject
from app.core.http.guards import other_account_change, policy_change, requires
from app.core.http.router import Router
from app.core.http.state import state_of
from app.core.resources.router import Resource, add_resource
from app.modules.audit import add_erasure, add_history
from app.modules.users.schemas import OneTimePassword, UserCreate, UserQuery, UserRead, UserUpdate
from app.modules.users.service import UserService

router = Router(
    "users", name="Users", group="System", icon="users", sort_order=80, about="People and services that may sign in."
)


async def user_service(request: Request, session: RequestSession) -> UserService:
    state = state_of(request)
    return UserService(session, state.password_hasher, state.settings.auth.one_time_password_ttl)


Users = Annotated[UserService, Depends(user_service)]


def guard(action: str) -> list[Any]:
    """The guards of users. Changes of users may change policy; creating one rarely does, and hashes for long first."""
    permission = f"users:{action}"
    if action == "read":
        return [requires(permission), Depends(name_subject)]
    return [*policy_change(permission, locks_first=action != "create"), Depends(name_subject)]


resource = Resource(
    name="user",
    service=UserService,
    create=UserCreate,
    update=UserUpdate,
    read=UserRead,
    query=UserQuery,
    guard=guard,
    write=Depends(user_service),
    summaries={"delete": "Hide a user. The sessions end, and the user can no longer sign in."},
    has_bulk=False,
)
add_resource(router, resource)
add_history(router, resource)
add_erasure(router, resource)


@router.post("/{id}/password", dependencies=other_account_change("users:update"))
async def reset_user_password(users: Users, id: UUID) -> OneTimePassword:
    """Set a random password, shown once. The user must change it at the next sign-in; the open sessions end."""
    return await users.reset_password(id)
