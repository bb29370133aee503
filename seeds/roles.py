"""Demo roles, and the users who have them."""

from sqlalchemy import select
from sqlmodel import col

from app.core.db.session import Session
from app.modules.roles import Assignments, AssignmentService, Flags, Role, RoleCreate, RoleService
from app.modules.users import User
from seeds import is_new

AFTER = ("users",)
"""Its rows refer to theirs."""
EVERYTHING = {"can_create": True, "can_update": True, "can_delete": True}
BUSINESS = ("tasks", "products", "brands", "categories", "tags", "customers")
READING = [Flags(module_slug=slug) for slug in BUSINESS]
ROLES = {
    "Manager": ("manager", [*(Flags(module_slug=slug, **EVERYTHING) for slug in BUSINESS), Flags(module_slug="users")]),
    "Reader": ("reader", READING),
    "Auditor": ("auditor", [Flags(module_slug="audit"), *READING]),
}


async def seed(session: Session, _count: int) -> dict[str, str]:
    """Create the roles in an empty table only, and give each to its user."""
    if not await is_new(session, Role):
        return {}
    users = {row.username: row.id for row in await session.all(select(col(User.id), col(User.username)))}
    for order, (name, (username, matrix)) in enumerate(ROLES.items()):
        roles = RoleService(session)
        role = await roles.create(RoleCreate(name=name, sort_order=order * 10))
        await roles.replace_matrix(role.id, matrix)
        if username in users:
            await AssignmentService(session).replace(users[username], Assignments(role_ids=[role.id]))
    return {}
