"""The rules about assignments. The policy guard decides at the commit whether a change is allowed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.db.links import flush_set
from app.core.db.pagination import PageQuery, RowPage
from app.core.db.session import AnyRow, ReadSession, Session
from app.core.errors import invalid
from app.modules.roles.assignments.repository import AssignmentRepository
from app.modules.roles.assignments.schemas import AssignedRole, Assignments, HolderChange, HolderEffect, Terms
from app.modules.roles.models import UserRole
from app.modules.roles.repository import HolderRepository, RoleRepository
from app.modules.users import UserRepository


@dataclass(frozen=True)
class RolesOfUser:
    """The roles of a user, at the version of the user. Any change of a role is another version of the whole."""

    version: int
    rows: Iterable[AnyRow]

    @property
    def assignments(self) -> list[dict[str, Any]]:
        return [to_read(row) for row in self.rows]

    @property
    def embedded_versions(self) -> list[int]:
        return [row.version for row in self.rows]


class AssignmentService:
    """The roles of users, and the users of roles."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = AssignmentRepository(session)

    async def roles(self, user_id: UUID) -> RolesOfUser:
        """The roles of a user. Raises NotFound."""
        user = await UserRepository(self.rows.session).get(user_id)
        return RolesOfUser(user.version, await self.rows.of_user(user_id))

    async def holders(self, role_id: UUID, query: PageQuery) -> RowPage:
        """The users who have a role. Raises NotFound."""
        await RoleRepository(self.rows.session).get(role_id)
        return await HolderRepository(self.rows.session).page_of_role(role_id, query)

    async def replace(self, user_id: UUID, data: Assignments, if_match: str | None = None) -> RolesOfUser:
        """Give the user exactly these roles, on these terms. Raises NotFound, StaleVersion, Invalid."""
        session = self.rows.writer
        user = await UserRepository(session).load(user_id, if_match)
        await self.check_roles(data)
        links = await self.rows.links(user_id)
        for item in data.with_terms():
            link = links.pop(item.role_id, None) or UserRole(user_id=user_id, role_id=item.role_id)
            set_terms(link, item)
            session.add(link)
        for link in links.values():
            session.remove(link)
        await flush_set(session, user)
        return RolesOfUser(user.version, await self.rows.of_user(user_id))

    async def check_roles(self, data: Assignments) -> None:
        """Raise Invalid for a role that is hidden or does not exist."""
        ids = {item.role_id for item in data.with_terms()}
        if unknown := ids - await self.rows.visible_ids(ids):
            pointer = f"/body{data.place_of(min(unknown))}"
            raise invalid(pointer, f"There is no role {min(unknown)}.", "unknown-role", role_id=str(min(unknown)))

    async def change_holders(self, role_id: UUID, data: HolderChange, if_match: str | None = None) -> Any:
        """Give a role to users and take it from others, all or none. Raises NotFound, StaleVersion, Invalid.

        A user whose assignment changes has another version; `if_match` names that of the role.
        """
        session, wanted = self.rows.writer, (*data.assign, *data.unassign)
        await RoleRepository(session).load(role_id, if_match)
        users = await self.rows.lock_users(wanted)
        check_users(data, users)
        links = await self.rows.links_of_role(role_id, wanted)
        effects = {user_id: self.give(role_id, user_id, links.get(user_id), data) for user_id in data.assign}
        effects |= {user_id: self.take(links.get(user_id)) for user_id in data.unassign}
        for user_id, effect in effects.items():
            if effect is not HolderEffect.UNCHANGED:
                users[user_id].updated_at = now()
        await session.flush()
        results = [
            {"user_id": user_id, "username": users[user_id].username, "effect": effects[user_id]} for user_id in wanted
        ]
        session.context.preview = {"results": results}
        return session.context.preview

    def give(self, role_id: UUID, user_id: UUID, link: UserRole | None, terms: Terms) -> HolderEffect:
        """Let a user have a role on these terms."""
        if link is not None:
            return HolderEffect.CHANGED if set_terms(link, terms) else HolderEffect.UNCHANGED
        self.rows.writer.add(UserRole(user_id=user_id, role_id=role_id, **terms.values()))
        return HolderEffect.ASSIGNED

    def take(self, link: UserRole | None) -> HolderEffect:
        """Let a user no longer have a role."""
        if link is None:
            return HolderEffect.UNCHANGED
        self.rows.writer.remove(link)
        return HolderEffect.UNASSIGNED


def check_users(data: HolderChange, known: Iterable[UUID]) -> None:
    """Raise Invalid for a user who is hidden or does not exist."""
    for user_id in (*data.assign, *data.unassign):
        if user_id not in known:
            pointer = f"/body{data.place_of(user_id)}"
            raise invalid(pointer, f"There is no user {user_id}.", "unknown-reference", id=str(user_id))


def set_terms(link: UserRole, terms: Terms) -> bool:
    """Make an assignment active on these terms. Whether that changes it: one that keeps its terms keeps its reason."""
    values = terms.values()
    if terms.reason is None and (link.valid_from, link.valid_until) == (terms.valid_from, terms.valid_until):
        values.pop("reason")
    changed = {name: value for name, value in {**values, "is_active": True}.items() if getattr(link, name) != value}
    for name, value in changed.items():
        setattr(link, name, value)
    return bool(changed)


def to_read(row: AnyRow) -> dict[str, Any]:
    """A row of `AssignmentRepository.of_user` as clients see it."""
    role = {name: getattr(row, name) for name in AssignedRole.model_fields}
    return {"role_id": row.id, "role": role, **{name: getattr(row, name) for name in Terms.model_fields}}
