"""Queries over assignments."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.core.db.entity import table_of
from app.core.db.repository import Repository
from app.core.db.session import AnyRow
from app.modules.roles.assignments.schemas import AssignedRole, Terms
from app.modules.roles.models import Role, UserRole
from app.modules.users import User

roles, user_roles = table_of(Role), table_of(UserRole)


class AssignmentRepository(Repository[UserRole]):
    """The roles of users, and the users of roles."""

    model = UserRole

    async def of_user(self, user_id: UUID) -> Sequence[AnyRow]:
        """The visible roles of a user, each with its version and the terms of its assignment, ended or not."""
        shown = (roles.c[name] for name in (*AssignedRole.model_fields, "version"))
        terms = (user_roles.c[name] for name in Terms.model_fields)
        mine = select(*shown, *terms).join_from(roles, user_roles, user_roles.c.role_id == roles.c.id)
        mine = mine.where(user_roles.c.user_id == user_id, user_roles.c.is_active, roles.c.deleted_at.is_(None))
        return await self.session.all(mine.order_by(roles.c.sort_order, roles.c.name))

    async def visible_ids(self, role_ids: set[UUID]) -> set[UUID]:
        """Those of the roles that are visible."""
        statement = select(roles.c.id).where(roles.c.id.in_(role_ids), roles.c.deleted_at.is_(None))
        return {row.id for row in await self.session.all(statement)}

    async def links(self, user_id: UUID) -> dict[UUID, UserRole]:
        """Load the user's assignments of visible roles, by role. A restored role brings its assignments back."""
        visible = select(roles.c.id).where(roles.c.deleted_at.is_(None))
        mine = select(UserRole).where(col(UserRole.user_id) == user_id, col(UserRole.role_id).in_(visible))
        result = await self.writer.execute(mine)
        return {link.role_id: link for link in result.scalars()}

    async def links_of_role(self, role_id: UUID, user_ids: Collection[UUID]) -> dict[UUID, UserRole]:
        """Load the assignments of a role to these users, by user."""
        some = select(UserRole).where(col(UserRole.role_id) == role_id, col(UserRole.user_id).in_(user_ids))
        return {link.user_id: link for link in (await self.writer.execute(some)).scalars()}

    async def lock_users(self, ids: Collection[UUID]) -> dict[UUID, User]:
        """Load and lock those of the users that are visible, by id, in the order of their ids."""
        some = select(User).where(col(User.id).in_(ids)).order_by(col(User.id)).with_for_update(key_share=True)
        found: dict[UUID, Any] = {user.id: user for user in (await self.writer.execute(some)).scalars()}
        return found
