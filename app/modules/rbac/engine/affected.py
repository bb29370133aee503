"""The users and roles that a change of the policy affects, and the permissions they hold."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from app.core.clock import now
from app.core.db.entity import Entity, table_of
from app.core.db.session import AnyRow, Session
from app.modules.roles import (
    GRANT_COLUMNS,
    MODULE_COLUMNS,
    NOTHING,
    USER_COLUMNS,
    GrantPath,
    HeldPermissions,
    LocksCallerOut,
    Module,
    Role,
    RoleModule,
    UserRole,
    admit_address,
    conditions_in,
    current_conditions,
    grant_paths_in,
    granted_permissions,
    held_by,
    permissions_of_module,
    select_conditions,
    users_with_grant_paths,
)
from app.modules.users import User

AFFECTED = {
    "user": ("user", "id"),
    "user_role": ("user", "user_id"),
    "role": ("role", "id"),
    "role_module": ("role", "role_id"),
    "module": ("module", "id"),
    "module_group": ("group", "id"),
}
"""By table: the kind of object that a changed row affects, and the column that names it."""

users, user_roles, roles = table_of(User), table_of(UserRole), table_of(Role)
grants, modules = table_of(RoleModule), table_of(Module)


def is_affected(ids: dict[str, set[UUID]]) -> ColumnElement[bool]:
    """True for users who are named, have one of the roles, or have a role that grants one of the modules."""
    changed = select(modules.c.id).where(or_(modules.c.id.in_(ids["module"]), modules.c.group_id.in_(ids["group"])))
    granting = select(grants.c.role_id).where(grants.c.module_id.in_(changed))
    having = select(user_roles.c.user_id).where(
        or_(user_roles.c.role_id.in_(ids["role"]), user_roles.c.role_id.in_(granting))
    )
    return or_(users.c.id.in_(ids["user"]), users.c.id.in_(having))


async def held_by_affected_users(
    session: Session, ids: dict[str, set[UUID]], at: datetime
) -> dict[UUID, tuple[AnyRow, HeldPermissions]]:
    """The permissions that every affected user holds at this instant, in this transaction."""
    statement = users_with_grant_paths(*USER_COLUMNS).where(is_affected(ids))
    paths_of: dict[UUID, tuple[AnyRow, list[GrantPath]]] = {}
    for row in await session.run(statement):
        paths = paths_of.setdefault(row.id, (row, []))[1]
        paths += grant_paths_in([row])
    return {row.id: (row, held_by(row, paths, at)) for row, paths in paths_of.values()}


async def held_by_roles(session: Session, ids: set[UUID]) -> dict[UUID, HeldPermissions]:
    """The permissions that these roles give to their users."""
    on = roles.c.is_active & roles.c.deleted_at.is_(None)
    statement = (
        select(roles.c.id, on.label("is_on"), *GRANT_COLUMNS, *MODULE_COLUMNS)
        .select_from(roles)
        .join(grants)
        .join(modules)
    )
    held: dict[UUID, HeldPermissions] = dict.fromkeys(ids, NOTHING)
    for row in await session.run(statement.where(roles.c.id.in_(ids), grants.c.is_active)):
        latent = held[row.id].latent | granted_permissions(row)
        held[row.id] = HeldPermissions(latent, latent if row.is_on else frozenset())
    return held


async def named_permissions(session: Session, rows: Sequence[Entity]) -> frozenset[str]:
    """The permissions that people mean by the names of these roles and modules."""
    given = await held_by_roles(session, {row.id for row in rows if isinstance(row, Role)})
    named = [permissions_of_module(row.slug, row.actions, row.scopes) for row in rows if isinstance(row, Module)]
    return frozenset().union(*(held.latent for held in given.values()), *named)


async def check_own_address(session: Session) -> None:
    """Raise LocksCallerOut if the caller's own roles would no longer admit the caller's address."""
    principal, at = session.context.principal, now()
    if principal is None:
        return
    own = conditions_in(await session.all(select_conditions().where(user_roles.c.user_id == principal.user_id)))
    if not admit_address(session.context.ip, current_conditions(own, at)):
        raise LocksCallerOut("Your own address would be outside of the networks of your roles.")


async def has_superuser(session: Session) -> bool:
    """Whether an active superuser is left who can sign in; one without a password cannot."""
    people = select(users.c.id).where(users.c.is_superuser, users.c.password_hash != "")
    active = people.where(users.c.is_active, users.c.deleted_at.is_(None))
    return (await session.run(active.limit(1))).first() is not None
