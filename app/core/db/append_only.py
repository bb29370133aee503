"""Tables that can only be added to: which they are, what else they allow, and the statement that removes old rows.

The database refuses everything else by triggers (`make_append_only` in a migration), and the write guard of the audit
log in units of work. Without the triggers a table would not be append-only: a test attacks each.
"""

from dataclasses import dataclass

from sqlalchemy import Delete, Table
from sqlmodel import SQLModel

from app.core.db.entity import Bookkeeping, table_of


class Removal(Delete):
    """A delete of rows of an append-only table, as only pruning and erasure execute it."""

    inherit_cache = True


@dataclass(frozen=True)
class AppendOnlyRules:
    """What an append-only table allows besides adding rows, as its triggers know it."""

    is_removable: bool = False
    """Whether any row can be deleted."""
    removable_after_days: int | None = None
    """The age of rows, by the column `at`, that can be deleted; None: no row can."""
    fixed_columns: tuple[str, ...] = ()
    """The columns that cannot be changed, where others can; none: no column can."""
    rising_column: str | None = None
    """One that can be changed, but never to a lower value."""
    removal_recorded_in: str | None = None
    """The table of change entries: a row can be deleted in the transaction that adds the entry of it."""


def append_only_models() -> dict[str, type[Bookkeeping]]:
    """Every model whose rows are only added, by table name."""
    models: dict[str, type[Bookkeeping]] = {}
    for mapper in SQLModel._sa_registry.mappers:
        model = mapper.class_
        if issubclass(model, Bookkeeping) and model.append_only:
            models[str(mapper.local_table.name)] = model  # type: ignore[attr-defined]  # a Table here
    return dict(sorted(models.items()))


def is_never_changed(table: Table) -> bool:
    """Whether rows of `table` are only added, and no column of them can be changed."""
    model = append_only_models().get(table.name)
    return model is not None and not model.changeable_columns


def rules_of(model: type[Bookkeeping]) -> AppendOnlyRules:
    """What an append-only model allows."""
    columns, changeable = [column.name for column in table_of(model).columns], model.changeable_columns
    return AppendOnlyRules(
        is_removable=model.is_removable,
        removable_after_days=model.removable_after.days if model.removable_after else None,
        fixed_columns=tuple(name for name in columns if name not in changeable) if changeable else (),
        rising_column=model.rising_column,
        removal_recorded_in=model.removal_recorded_in,
    )
