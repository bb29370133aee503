"""The permissions of users by plain loops over the tables, to compare every other evaluation with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.session import Session
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.users import User

ACTIONS = ("create", "read", "update", "delete")


async def rows(session: Session, model: type[Any]) -> list[Any]:
    return list((await session.execute(select(model), execution_options={"include_deleted": True})).scalars())


class Oracle:
    """The tables as plain lists, and loops over them."""

    def __init__(self, tables: dict[str, list[Any]]) -> None:
        self.tables = tables

    def one(self, table: str, id: UUID) -> Any:
        return next(row for row in self.tables[table] if row.id == id)

    def holdings(self, user_id: UUID, at: datetime | None = None) -> frozenset[str]:
        """Every permission of a user at an instant."""
        return frozenset(
            f"{module.slug}:{action}"
            for module in self.tables["module"]
            for action in ACTIONS
            if self.may(user_id, module.slug, action, at)
        )

    def may(self, user_id: UUID, slug: str, action: str, at: datetime | None = None) -> bool:
        user = self.one("user", user_id)
        if not user.is_active or user.deleted_at is not None:
            return False
        return user.is_superuser or any(
            self.opens(grant, slug, action)
            for link in self.tables["link"]
            if link.user_id == user_id and self.counts(link, at or now())
            for grant in self.tables["grant"]
            if grant.role_id == link.role_id
        )

    def granted(self, role_id: UUID) -> frozenset[str]:
        """What a role gives to its users, if it and its modules are active."""
        return frozenset(
            f"{self.one('module', grant.module_id).slug}:{action}"
            for grant in self.tables["grant"]
            for action in ACTIONS
            if grant.role_id == role_id and (action == "read" or getattr(grant, f"can_{action}"))
        )

    def counts(self, link: Any, at: datetime) -> bool:
        role = self.one("role", link.role_id)
        begun = link.valid_from is None or link.valid_from <= at
        ended = link.valid_until is not None and link.valid_until <= at
        return bool(link.is_active and begun and not ended and role.is_active and role.deleted_at is None)

    def opens(self, grant: Any, slug: str, action: str) -> bool:
        module = self.one("module", grant.module_id)
        group = self.one("group", module.group_id)
        flag = action == "read" or getattr(grant, f"can_{action}")
        return bool(module.slug == slug and flag and grant.is_active and module.is_active and group.is_active)


async def read_oracle(database: Database, job: RequestContext) -> Oracle:
    models = {"user": User, "role": Role, "link": UserRole, "grant": RoleModule, "module": Module, "group": ModuleGroup}
    async with database.unit_of_work(job) as session:
        return Oracle({name: await rows(session, model) for name, model in models.items()})
