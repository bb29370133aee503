"""The base classes of tables, and the declarations that a table may make."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import ClauseElement, Index, Table, event, text
from sqlalchemy.orm import Mapper, configure_mappers
from sqlalchemy.orm.attributes import manager_of_class
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from app.core.clock import new_id, now
from app.core.db.column_types import Instant
from app.core.db.derived import SET_BY_UNIT_OF_WORK, derivations
from app.core.db.folded import Fold, Folding, add_folded_column, folded_name
from app.core.db.row_scopes import RowScopes
from app.core.db.statements import AnySelect
from app.core.db.uniqueness import INFO as UNIQUE_KEY
from app.core.db.uniqueness import UniqueKey
from app.core.fields.folding import fold_text

LEAST_RETENTION = timedelta(days=29)
"""The age at which logs may be pruned: a day less than settings allow, because clocks differ."""

DatabaseRole = Literal["app", "sealer", "auditor"]
"""Who uses tables, beside their owner: the application, the sealer of the audit log, and who verifies it."""

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class PlainRow(SQLModel):
    """A row whose instances are plain objects: their columns are in `__dict__`, and no other attribute can be set."""

    model_config = SQLModelConfig(defer_build=True)

    def __init__(self, **values: Any) -> None:
        constants, factories = defaults_of(type(self))
        if unknown := values.keys() - constants.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        own = self.__dict__
        own.update(constants)
        own.update(values)
        for name, make in factories:
            if name not in values:
                own[name] = make()

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        if isinstance(value, ClauseElement):
            raise TypeError(f"{name} needs a value; what the database computes cannot be recorded before it is written")
        self.__dict__[name] = value


@cache
def defaults_of(model: type[SQLModel]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """The value that each column has in a new row, and what makes those that are made for each row."""
    configure_mappers()  # the columns of an entity can be read from then on
    fields = model.model_fields.items()
    constants = {name: None if field.is_required() else field.get_default() for name, field in fields}
    factories = [(name, field.default_factory) for name, field in fields if field.default_factory is not None]
    return constants, factories  # type: ignore[return-value]  # our factories take no validated values


class Entity(PlainRow):
    """An audited row with an identity and a version."""

    not_audited: ClassVar[str | None] = None
    """Why changes of this table leave no change entry; None: they do."""
    affects_access: ClassVar[frozenset[str]] = frozenset()
    """Columns whose change alters what a credential permits. `*`: every column, and creating or deleting a row."""
    access_subject: ClassVar[str | None] = None
    """The column with the id of the user or credential whose access a change affects. None: all users."""
    policy_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns that are authorization policy: a change of them is a new policy version and passes the policy guard."""
    relied_on: ClassVar[frozenset[str]] = frozenset()
    """Columns on which people rely who grant what a row of the policy gives, such as its name: changing them requires
    to hold it."""
    target_user_column: ClassVar[str | None] = None
    """The column with the id of the user on whom every change of the row acts."""
    opens_account: ClassVar[frozenset[str]] = frozenset()
    """Columns whose change lets the caller sign in as that user, and so gain what that user holds."""
    restricted_references: ClassVar[frozenset[str]] = frozenset()
    """Foreign keys between soft-deleted tables. Their target must be visible, and cannot be deleted while this row is
    visible."""
    visible_references: ClassVar[frozenset[str]] = frozenset()
    """Foreign keys to soft-deleted tables whose target must be visible when they are set, and can be deleted later."""
    row_scopes: ClassVar[RowScopes | None] = None
    """The parts of the rows that a grant of their module can be limited to."""
    acts: ClassVar[bool] = False
    """Whether the rows are the users who create and change rows. One table has them."""
    part_of: ClassVar[str | None] = None
    """The foreign key to the row of which this row is a part: it is removed together with that row."""
    links_to: ClassVar[str | None] = None
    """The foreign key to the row that this row links to the one of which it is a part: it is removed with either."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    """The identifier, a UUIDv7."""
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    """When the row was created."""
    updated_at: datetime = Field(default_factory=now, sa_type=Instant, sa_column_kwargs={"onupdate": now})
    """When the row was last changed."""
    version: int = Field(default=1, nullable=False)
    """The number of the row's version, from 1."""
    created_by_id: UUID | None = Field(default=None, sa_column_kwargs={"info": SET_BY_UNIT_OF_WORK})
    """The user who created the row, or whose key did; null where that was no user."""
    updated_by_id: UUID | None = Field(default=None, sa_column_kwargs={"info": SET_BY_UNIT_OF_WORK})
    """The same of the last change, such as hiding the row."""


class Bookkeeping(PlainRow):
    """The base of a table whose changes leave no change entry; `not_audited` says why."""

    not_audited: ClassVar[str] = ""
    is_replaced: ClassVar[bool] = False
    """Whether a new row takes the place of the one that is stored under its key."""
    names_caller: ClassVar[bool] = False
    """Whether the recorder sets `caller_id` of new rows: what a row tells of its caller can be erased without it."""
    append_only: ClassVar[bool] = False
    """Whether rows are only added. Triggers of the database refuse to change and remove them."""
    changeable_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns of an append-only table that can be changed all the same."""
    rising_column: ClassVar[str | None] = None
    """One of them whose value never becomes lower."""
    removal_recorded_in: ClassVar[str | None] = None
    """The table of change entries, if a row of an append-only table can be removed with an entry of its removal."""
    is_removable: ClassVar[bool] = False
    """Whether rows of an append-only table can be removed at any age."""
    removable_after: ClassVar[timedelta | None] = None
    """The age, by the column `at`, from which rows of an append-only table may be pruned; None: never."""
    written_by: ClassVar[frozenset[DatabaseRole]] = frozenset({"app"})
    """The roles of the database that add rows and change them."""
    read_by: ClassVar[frozenset[DatabaseRole]] = frozenset()
    """Roles that read the rows, beside those that write them and that of the application."""


class SoftDelete(SQLModel):
    """A row that is hidden rather than removed."""

    model_config = SQLModelConfig(defer_build=True)

    deleted_at: datetime | None = Field(default=None, sa_type=Instant)
    """When the row was deleted; null while it is visible."""


def table_of(model: type[SQLModel]) -> Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]  # SQLModel does not type it


def choose_visible(model: type[SQLModel], statement: AnySelect, *, deleted: bool = False) -> AnySelect:
    """`statement` of rows of `model`, of the visible ones or of the deleted ones."""
    if not issubclass(model, SoftDelete):
        return statement
    hidden = table_of(model).c.deleted_at
    return statement.where(hidden.is_not(None) if deleted else hidden.is_(None))


@event.listens_for(PlainRow, "after_mapper_constructed", propagate=True)
def leave_instances_plain(_mapper: Mapper[Any], model: type[Any]) -> None:
    """Take off the constructor that would give every instance the state of an ORM session."""
    manager_of_class(model).uninstall_member("__init__")


@event.listens_for(PlainRow, "instrument_class", propagate=True)
def leave_derived_columns_out(mapper: Mapper[Any], model: type[Any]) -> None:
    """Keep derived columns that are no fields from becoming attributes of the model."""
    if isinstance(mapper.local_table, Table):
        mapper.exclude_properties = derivations(mapper.local_table).keys() - model.model_fields.keys()


@event.listens_for(SQLModel, "instrument_class", propagate=True)
def add_hidden_index(mapper: Mapper[Any], model: type[Any]) -> None:
    """Index the hidden rows only: SQLite would prefer an index of all rows to the one for the order of a list."""
    table, hidden = mapper.local_table, text("deleted_at IS NOT NULL")
    if issubclass(model, SoftDelete) and isinstance(table, Table):
        index = Index(f"ix_{table.name}_hidden", "deleted_at", postgresql_where=hidden, sqlite_where=hidden)
        index._set_parent(table)  # noqa: SLF001  # as an Index among the arguments of the table does


def sort_indexes(table: str, *fields: str) -> list[Index]:
    """The indexes that lists of `table` are sorted by: each field, with the id that ends every order."""
    return [Index(f"ix_{table}_{field}_id", field, "id") for field in fields]


def filter_indexes(table: str, *fields: str) -> list[Index]:
    """The indexes that lists of `table` are filtered by: each field, with the usual order of a list behind it."""
    return [Index(f"ix_{table}_{field}_created_at_id", field, "created_at", "id") for field in fields]


def unique_index(
    table: str, field: str, scope: str | None = None, *, alone: str | None = None, fold: Fold = fold_text
) -> Index:
    """Unique among visible rows, in the form of `fold`: those with the same `scope`, or those where `alone` is null.

    The table gets a column with that form, which a unit of work keeps.
    """
    visible = text("deleted_at IS NULL" + (f" AND {alone} IS NULL" if alone else ""))
    folding, columns = Folding(field, fold), (*([scope] if scope else []), folded_name(field))
    index = Index(
        f"uq_{table}_{field}" + (f"_without_{alone}" if alone else ""),
        *columns,
        unique=True,
        postgresql_where=visible,
        sqlite_where=visible,
        info={"fields": [field], UNIQUE_KEY: UniqueKey(columns, folding, alone)},
    )

    @event.listens_for(index, "before_parent_attach")
    def add_column(_index: Index, parent: Table) -> None:
        add_folded_column(parent, folding)

    return index
