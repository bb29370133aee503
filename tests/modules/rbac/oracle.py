"""The permissions of users by plain loops over the tables, to compare every other evaluation with."""

from collections import defaultdict
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

ACTIONS = ("create", "read", "update", "delete", "audit")


async def rows(session: Session, model: type[Any]) -> list[Any]:
    return list((await session.execute(select(model), execution_options={"include_deleted": True})).scalars())


class Oracle:
    """The tables as plain lists, and loops over them."""

    def __init__(self, tables: dict[str, list[Any]]) -> None:
        self.tables = tables
        self.by_id = {row.id: row for found in tables.values() for row in found}
        self.links = by(tables["link"], "user_id")
        self.grants = by(tables["grant"], "role_id")

    def holdings(self, user_id: UUID, at: datetime | None = None) -> frozenset[str]:
        """Every permission of a user at an instant."""
        user, instant = self.by_id[user_id], at or now()
        if not user.is_active or user.deleted_at is not None:
            return frozenset()
        if user.is_superuser:
            return frozenset(self.every_permission())
        return frozenset(
            permission
            for link in self.links[user_id]
            if self.counts(link, instant)
            for grant in self.grants[link.role_id]
            if self.is_open(grant)
            for permission in self.permissions(grant)
        )

    def every_permission(self) -> list[str]:
        """Each action of each module, its own ones too, for all rows and for those of each scope."""
        return [
            name
            for module in self.tables["module"]
            for action in (*ACTIONS, *(own["name"] for own in module.actions))
            for name in everywhere(module, f"{module.slug}:{action}")
        ]

    def may(self, user_id: UUID, slug: str, action: str, at: datetime | None = None) -> bool:
        return f"{slug}:{action}" in self.holdings(user_id, at)

    def granted(self, role_id: UUID) -> frozenset[str]:
        """What a role gives to its users, if it and its modules are active."""
        return frozenset(permission for grant in self.grants[role_id] for permission in self.permissions(grant))

    def counts(self, link: Any, at: datetime) -> bool:
        role = self.by_id[link.role_id]
        begun = link.valid_from is None or link.valid_from <= at
        ended = link.valid_until is not None and link.valid_until <= at
        return bool(link.is_active and begun and not ended and role.is_active and role.deleted_at is None)

    def is_open(self, grant: Any) -> bool:
        module = self.by_id[grant.module_id]
        has_scope = grant.scope in ("all", *(scope["name"] for scope in module.scopes if scope["is_active"]))
        return bool(grant.is_active and module.is_active and has_scope and self.by_id[module.group_id].is_active)

    def permissions(self, grant: Any) -> list[str]:
        module = self.by_id[grant.module_id]
        flagged = (action for action in ACTIONS if action == "read" or getattr(grant, f"can_{action}"))
        names = [f"{module.slug}:{action}" for action in (*flagged, *grant.actions)]
        if grant.scope != "all":
            return [f"{name}@{grant.scope}" for name in names]
        return [each for name in names for each in everywhere(module, name)]


def everywhere(module: Any, permission: str) -> list[str]:
    """A permission for all rows, which includes those of each scope."""
    return [permission, *(f"{permission}@{scope['name']}" for scope in module.scopes)]


def by(rows: list[Any], column: str) -> defaultdict[UUID, list[Any]]:
    """The rows for each value of a column."""
    found = defaultdict(list)
    for row in rows:
        found[getattr(row, column)].append(row)
    return found


async def read_oracle(database: Database, job: RequestContext) -> Oracle:
    models = {"user": User, "role": Role, "link": UserRole, "grant": RoleModule, "module": Module, "group": ModuleGroup}
    async with database.unit_of_work(job) as session:
        return Oracle({name: await rows(session, model) for name, model in models.items()})
