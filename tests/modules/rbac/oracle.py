"""The permissions of users by plain loops over the tables, to compare every other evaluation with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnySelect, ReadSession
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.users import User

ACTIONS = ("create", "read", "update", "delete", "audit")


Tables = Mapping[str, Sequence[Any]]


async def rows(session: ReadSession, model: type[Any]) -> Sequence[Any]:
    """The rows of a table as plain values, hidden ones too."""
    statement: AnySelect = select(table_of(model))
    return await session.all(statement)


class Oracle:
    """The tables as plain lists, and loops over them."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.by_id = {row.id: row for found in tables.values() for row in found}
        self.links = by(tables["link"], "user_id")
        self.grants = by(tables["grant"], "role_id")

    def holdings(self, user_id: UUID, at: datetime | None = None, *, all_declared: bool = False) -> frozenset[str]:
        """Every permission of a user at an instant: that, or what it is once the code declares again what it did."""
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
            if self.is_open(grant, all_declared=all_declared)
            for permission in self.permissions(grant, all_declared=all_declared)
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
        return frozenset(
            permission for grant in self.grants[role_id] for permission in self.permissions(grant, all_declared=True)
        )

    def asks(self, user_id: UUID, at: datetime) -> list[Any]:
        """The roles of a user whose conditions bind the user at an instant."""
        return [self.by_id[link.role_id] for link in self.links[user_id] if self.counts(link, at)]

    def counts(self, link: Any, at: datetime) -> bool:
        role = self.by_id[link.role_id]
        begun = link.valid_from is None or link.valid_from <= at
        ended = link.valid_until is not None and link.valid_until <= at
        return bool(link.is_active and begun and not ended and role.is_active and role.deleted_at is None)

    def is_open(self, grant: Any, *, all_declared: bool) -> bool:
        module = self.by_id[grant.module_id]
        has_scope = grant.scope == "all" or grant.scope in declared(module.scopes, all_declared=all_declared)
        return bool(grant.is_active and module.is_active and has_scope and self.by_id[module.group_id].is_active)

    def permissions(self, grant: Any, *, all_declared: bool) -> list[str]:
        module = self.by_id[grant.module_id]
        flagged = [action for action in ACTIONS if action == "read" or getattr(grant, f"can_{action}")]
        own = [action for action in grant.actions if action in declared(module.actions, all_declared=all_declared)]
        names = [f"{module.slug}:{action}" for action in (*flagged, *own)]
        if grant.scope != "all":
            return [f"{name}@{grant.scope}" for name in names]
        return [each for name in names for each in everywhere(module, name)]


def declared(named: Any, *, all_declared: bool) -> set[str]:
    """The names of the actions or scopes that the code declares, or of those that it declared once, too."""
    return {each["name"] for each in named if each["is_active"] or all_declared}


def holds(holdings: frozenset[str], permission: str) -> bool:
    """Whether a permission is held for some rows at least."""
    return any(name.partition("@")[0] == permission for name in holdings)


def everywhere(module: Any, permission: str) -> list[str]:
    """A permission for all rows, which includes those of each scope."""
    return [permission, *(f"{permission}@{scope['name']}" for scope in module.scopes)]


def by(rows: Sequence[Any], column: str) -> defaultdict[UUID, list[Any]]:
    """The rows for each value of a column."""
    found = defaultdict(list)
    for row in rows:
        found[getattr(row, column)].append(row)
    return found


MODELS = {"user": User, "role": Role, "link": UserRole, "grant": RoleModule, "module": Module, "group": ModuleGroup}
"""The tables of the policy."""


async def read_oracle(database: Database, job: RequestContext) -> Oracle:
    session = database.read_session(job)
    return Oracle({name: await rows(session, model) for name, model in MODELS.items()})
