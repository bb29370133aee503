"""References that a read shows by name: the field `brand` of a Read schema is what the column `brand_id` refers to."""

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Table

from app.core.db.session import AnyRow, Session
from app.core.db.targets import Targets, name_column, read_targets, target_of


class NamedReferences:
    """The references of a table that one Read schema shows by name."""

    def __init__(self, table: Table, read: type[BaseModel]) -> None:
        self.table = table
        self.names = tuple(name for name in read.model_fields if name not in table.c and f"{name}_id" in table.c)
        self.own = tuple(name for name in read.model_fields if name not in self.names)
        self.targets = {name: target_of(table.c[f"{name}_id"]).alias(name) for name in self.names}

    def columns(self) -> list[ColumnElement[Any]]:
        """The own columns of a read, then the name and the version of each target."""
        own = [self.table.c[name] for name in self.own]
        names = [
            name_column(target_of(self.table.c[f"{name}_id"]), target).label(f"{name}_name")
            for name, target in self.targets.items()
        ]
        versions = [target.c.version.label(f"{name}_version") for name, target in self.targets.items()]
        return [*own, *names, *versions]

    def join(self) -> FromClause:
        """The table, joined with the targets."""
        joined: FromClause = self.table
        for name, target in self.targets.items():
            joined = joined.outerjoin(target, target.c.id == self.table.c[f"{name}_id"])
        return joined

    def show(self, row: AnyRow) -> Any:
        """A row of these columns in the shape of the Read schema."""
        return self.shape(dict(row._mapping)) if self.names else row

    def shape(self, values: dict[str, Any]) -> SimpleNamespace:
        """`values` with each reference as an object; `embedded_versions` are the versions of the targets."""
        versions = [values.pop(f"{name}_version") for name in self.names]
        for name in self.names:
            target_id, target_name = values[f"{name}_id"], values.pop(f"{name}_name")
            values[name] = None if target_id is None else {"id": target_id, "name": target_name}
        embedded_versions = [version or 0 for version in versions] if any(versions) else []
        return SimpleNamespace(**values, embedded_versions=embedded_versions)

    async def read_all(self, session: Session, rows: Sequence[Any]) -> Sequence[Any]:
        """Entities as a read shows them. Targets that the session has not read are read in one select."""
        if not self.names:
            return rows
        wanted = {f"{name}_id": {getattr(row, f"{name}_id") for row in rows} - {None} for name in self.names}
        targets = await read_targets(session, self.table, wanted)
        return [self.shape({name: getattr(row, name) for name in self.own} | self.seen(row, targets)) for row in rows]

    def seen(self, row: Any, targets: Targets) -> dict[str, Any]:
        """What the targets of an entity add to its columns."""
        found: dict[str, Any] = {}
        for name in self.names:
            target_id: UUID | None = getattr(row, f"{name}_id")
            target = targets.get((f"{name}_id", target_id)) if target_id is not None else None
            found |= {f"{name}_name": target and target.name, f"{name}_version": target and target.version}
        return found


@cache
def named_references(table: Table, read: type[BaseModel]) -> NamedReferences:
    return NamedReferences(table, read)
