"""What every table has, and what a table may opt into."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, Table, event, text
from sqlalchemy.orm import Mapper, declared_attr
from sqlmodel import Field, SQLModel

from app.core.policy import Policy
from app.core.types import Instant, new_id, now

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Entity(SQLModel):
    """A row with an identity, a version and a history.

    `decides` names the columns whose change alters what a credential is worth (`*`: creating or deleting a row does
    too), `invalidates` the column with the id of the user or credential concerned (none: everybody is). `governs` names
    the columns that are policy: their change is a new policy version and must pass the policy check. `acts_on` names
    the column with the id of the user whom every change of the row acts on. `holds` names foreign keys between
    tables that can both be hidden: what they refer to must be visible, and cannot be deleted while this row is visible.
    """

    audited: ClassVar[bool] = True
    decides: ClassVar[frozenset[str]] = frozenset()
    invalidates: ClassVar[str | None] = None
    governs: ClassVar[frozenset[str]] = frozenset()
    acts_on: ClassVar[str | None] = None
    holds: ClassVar[frozenset[str]] = frozenset()

    id: UUID = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    updated_at: datetime = Field(default_factory=now, sa_type=Instant, sa_column_kwargs={"onupdate": now})
    version: int = Field(default=1, nullable=False)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.__table__.c.version}  # type: ignore[attr-defined]  # set by the mapper


class SoftDelete(SQLModel):
    """A row that is hidden rather than removed."""

    deleted_at: datetime | None = Field(default=None, sa_type=Instant)


@event.listens_for(SQLModel, "instrument_class", propagate=True)
def index_hidden(mapper: Mapper[Any], model: type[Any]) -> None:
    """Index the few rows that are hidden; an index of all would lure SQLite away from the order of a list."""
    table, hidden = mapper.local_table, text("deleted_at IS NOT NULL")
    if issubclass(model, SoftDelete) and isinstance(table, Table):
        index = Index(f"ix_{table.name}_hidden", "deleted_at", postgresql_where=hidden, sqlite_where=hidden)
        index._set_parent(table)  # noqa: SLF001  # as an Index among the arguments of the table does


def column(policy: Policy, **options: Any) -> Any:
    """A field whose value the record treats by `policy`."""
    extra = {**options.pop("sa_column_kwargs", {}), "info": {"policy": policy}}
    return Field(sa_column_kwargs=extra, **options)


def unique_index(table: str, field: str, scope: str | None = None, *, alone: str | None = None) -> Index:
    """Unique among visible rows, whatever the case: among those of the same `scope`, or those without an `alone`."""
    visible = text("deleted_at IS NULL" + (f" AND {alone} IS NULL" if alone else ""))
    return Index(
        f"uq_{table}_{field}" + (f"_without_{alone}" if alone else ""),
        *([text(scope)] if scope else []),
        text(f"lower({field})"),
        unique=True,
        postgresql_where=visible,
        sqlite_where=visible,
        info={"fields": [field]},
    )
