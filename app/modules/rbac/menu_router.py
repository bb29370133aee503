"""What the caller has and may do."""

from typing import Annotated, Any
from uuid import UUID

from app.core.db import reading
from app.core.guard import Caller, signed_in
from app.core.routing import Router
from app.modules.rbac.module_service import MenuService
from app.modules.rbac.schemas import AssignmentRead, MenuGroup, PermissionRead
from app.modules.rbac.service import AssignmentService

router = Router(prefix="/auth/me", tag="me", dependencies=[signed_in], about="Your own account.")

Mine = Annotated[AssignmentService, reading(AssignmentService)]
Menus = Annotated[MenuService, reading(MenuService)]


@router.get("/roles", response_model=list[AssignmentRead])
async def get_my_roles(assignments: Mine, principal: Caller) -> Any:
    """Your roles."""
    return await assignments.roles(principal.user_id)


@router.get("/permissions")
async def get_my_permissions(menus: Menus, principal: Caller) -> list[PermissionRead]:
    """What you may do, module by module."""
    return await menus.permissions(principal)


@router.get("/menu")
async def get_my_menu(menus: Menus, principal: Caller) -> list[MenuGroup]:
    """The menu that all of your roles together give you."""
    return await menus.menu(principal)


@router.get("/menu/{role_id}")
async def get_my_menu_of_role(menus: Menus, principal: Caller, role_id: UUID) -> list[MenuGroup]:
    """The menu that one of your roles gives you."""
    return await menus.menu_of_role(principal, role_id)
