"""Tables that can only be added to: which they are, and the one statement that removes old rows of some of them.

The database refuses everything else by triggers (`make_append_only` in a migration), and the write guard of the audit
log in units of work. Without the triggers a table would not be append-only: a test attacks each.
"""

from sqlalchemy import Delete
from sqlmodel import SQLModel

from app.core.db.entity import Bookkeeping


class Removal(Delete):
    """A delete of rows that are too old, as only pruning executes it."""

    inherit_cache = True


def append_only_models() -> dict[str, type[Bookkeeping]]:
    """Every model whose rows are only added, by table name."""
    models: dict[str, type[Bookkeeping]] = {}
    for mapper in SQLModel._sa_registry.mappers:
        model = mapper.class_
        if issubclass(model, Bookkeeping) and model.append_only:
            models[str(mapper.local_table.name)] = model  # type: ignore[attr-defined]  # a Table here
    return dict(sorted(models.items()))
