"""Rows that policy governs as plain values, so that a policy version can say what changed and bring it back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from app.core.keyset import decoded, encoded
from app.core.model import Entity
from app.core.repository import table_of
from app.modules.rbac.models import WHOLE_ROW, Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.users import User

GOVERNED: dict[str, type[Entity]] = {
    table_of(model).name: model for model in (User, Role, RoleModule, UserRole, Module, ModuleGroup)
}
BOOKKEEPING = frozenset({"id", "version", "created_at", "updated_at"})

Key = tuple[str, UUID]
"""(table, id)"""
Image = dict[str, Any]


def columns_of(model: type[Entity]) -> list[str]:
    """The columns that an image of this table has."""
    names = table_of(model).c.keys()
    return [name for name in names if name in model.governs or (model.governs == WHOLE_ROW and name not in BOOKKEEPING)]


def images(connection: Connection, keys: Iterable[Key]) -> dict[Key, Image | None]:
    """Each row as it is stored now; None where there is none."""
    ids: dict[str, list[UUID]] = defaultdict(list)
    found: dict[Key, Image | None] = {}
    for key in keys:
        ids[key[0]].append(key[1])
        found[key] = None
    for name, wanted in ids.items():
        table, columns = table_of(GOVERNED[name]), columns_of(GOVERNED[name])
        statement = select(table.c.id, *(table.c[column] for column in columns)).where(table.c.id.in_(wanted))
        for row in connection.execute(statement):
            found[name, row.id] = {column: encoded(row._mapping[column]) for column in columns}
    return found


def values(model: type[Entity], image: Mapping[str, Any]) -> dict[str, Any]:
    """The column values of an image."""
    table = table_of(model)
    return {name: decoded(table.c[name], value) for name, value in image.items()}
