"""Demo roles, and who has them."""

from sqlalchemy import func, select
from sqlmodel import col

from app.core.db import Session
from app.modules.rbac import Assignment, AssignmentService, Flags, Role, RoleCreate, RoleService
from app.modules.users import User

EVERYTHING = {"can_create": True, "can_update": True, "can_delete": True}
ROLES = {
    "Manager": ("manager", [Flags(module_slug="tasks", **EVERYTHING), Flags(module_slug="users")]),
    "Reader": ("reader", [Flags(module_slug="tasks")]),
    "Auditor": ("auditor", [Flags(module_slug="audit"), Flags(module_slug="tasks")]),
}


async def plant(session: Session) -> dict[str, str]:
    """Create the roles in an empty table only, and give each to its user."""
    if await session.value(select(func.count()).select_from(Role).execution_options(include_deleted=True)):
        return {}
    users = {row.username: row.id for row in await session.all(select(col(User.id), col(User.username)))}
    for order, (name, (username, matrix)) in enumerate(ROLES.items()):
        roles = RoleService(session)
        role = await roles.create(RoleCreate(name=name, sort_order=order * 10))
        await roles.replace_matrix(role.id, matrix)
        if username in users:
            await AssignmentService(session).replace(users[username], [Assignment(role_id=role.id)])
    return {}
