"""Demo roles, and the users who have them."""

from sqlalchemy import select
from sqlmodel import col

from app.core.db.session import Session
from app.core.runtime.module_info import EXPORT
from app.modules import routers
from app.modules.roles import Assignments, AssignmentService, Flags, Role, RoleCreate, RoleService
from app.modules.users import User
from seeds import is_new

AFTER = ("users",)
"""Its rows refer to theirs."""
EVERYTHING = {"can_create": True, "can_update": True, "can_delete": True}
WRITING = {"can_create": True, "can_update": True}
CATALOGUE = ("brands", "categories", "tags")
BUSINESS = ("tasks", "products", *CATALOGUE, "customers")
OWN_ACTIONS = {router.module.slug: sorted(router.module.actions) for router in routers() if router.module}
TASKS = Flags(module_slug="tasks", **WRITING)
OWN_TASKS = Flags(module_slug="tasks", **WRITING, scope="own")
"""Those that the user created or is to do."""
PERSONAL = ["read-personal"]
EXPORTED = ("products", "customers")
"""Modules whose lists are files only for those who may export."""


def grant_reading(*slugs: str) -> list[Flags]:
    return [Flags(module_slug=slug) for slug in slugs]


def grant_everything(*slugs: str) -> list[Flags]:
    """Everything there is to do, the own actions of the module too."""
    return [Flags(module_slug=slug, **EVERYTHING, actions=OWN_ACTIONS.get(slug, [])) for slug in slugs]


ROLES = {
    "Administrator": ("office", grant_everything(*BUSINESS, "users", "roles", "approvals")),
    "Manager": ("manager", [*grant_everything(*BUSINESS), *grant_reading("users")]),
    "Warehouse": (
        "warehouse",
        [Flags(module_slug="products", actions=["move-stock"]), TASKS, *grant_reading(*CATALOGUE)],
    ),
    "Sales": (
        "sales",
        [
            Flags(module_slug="customers", **WRITING, actions=PERSONAL),
            OWN_TASKS,
            *grant_reading("products", *CATALOGUE),
        ],
    ),
    "Support": (
        "support",
        [Flags(module_slug="customers", can_update=True, actions=PERSONAL), TASKS, *grant_reading("products")],
    ),
    "Reader": ("reader", grant_reading(*BUSINESS)),
    "Auditor": (
        "auditor",
        [
            *grant_reading("audit", *(slug for slug in BUSINESS if slug not in EXPORTED)),
            *(Flags(module_slug=slug, actions=[EXPORT]) for slug in EXPORTED),
        ],
    ),
}
"""The user who has the role, and what it grants. An administrator gives only what is theirs, so theirs is the most."""


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
