"""Snapshots of policy rows as plain values, by which a policy version shows and restores what changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.db.derived import own_columns
from app.core.db.entity import Entity, table_of
from app.core.db.keyset import decode_value, encode_value
from app.core.db.redaction import is_personal
from app.core.db.session import Session
from app.modules.roles import WHOLE_ROW, Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.users import User

POLICY_TABLES: dict[str, type[Entity]] = {
    table_of(model).name: model for model in (User, Role, RoleModule, UserRole, Module, ModuleGroup)
}
BOOKKEEPING = frozenset({"id", "version", "created_at", "updated_at"})

Key = tuple[str, UUID]
"""(table, id)"""
Snapshot = dict[str, Any]


def columns_of(model: type[Entity]) -> list[str]:
    """The columns of a snapshot of this table. Personal data is none of them: a version cannot be changed."""
    is_whole = model.policy_columns == WHOLE_ROW
    return [
        column.name
        for column in own_columns(table_of(model))
        if column.name in model.policy_columns
        or (is_whole and column.name not in BOOKKEEPING and not is_personal(column))
    ]


async def snapshots(session: Session, keys: Iterable[Key]) -> dict[Key, Snapshot | None]:
    """Each row as it is stored now; None for a row that does not exist."""
    ids: dict[str, list[UUID]] = defaultdict(list)
    result: dict[Key, Snapshot | None] = {}
    for key in keys:
        ids[key[0]].append(key[1])
        result[key] = None
    for name, wanted in ids.items():
        table, columns = table_of(POLICY_TABLES[name]), columns_of(POLICY_TABLES[name])
        statement = select(table.c.id, *(table.c[column] for column in columns)).where(table.c.id.in_(wanted))
        for row in await session.run(statement):
            result[name, row.id] = {column: encode_value(row._mapping[column]) for column in columns}
    return result


def values_of(model: type[Entity], snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The column values of a snapshot."""
    table = table_of(model)
    return {name: decode_value(table.c[name], value) for name, value in snapshot.items()}
