"""Which models leave change entries."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from sqlmodel import SQLModel

from app.core.db.append_only import append_only_models
from app.core.db.entity import Bookkeeping, Entity
from app.core.fields.open_enum import OpenEnum


def audited_models() -> dict[str, type[Entity]]:
    """Every audited model by table name."""
    models: dict[str, type[Entity]] = {}
    for mapper in SQLModel._sa_registry.mappers:
        model = mapper.class_
        if issubclass(model, Entity) and model.not_audited is None:
            models[str(mapper.local_table.name)] = model  # type: ignore[attr-defined]  # a Table here
    return dict(sorted(models.items()))


def recorded_models() -> dict[str, type[Entity | Bookkeeping]]:
    """Every model whose rows can leave change entries, by table name: audited ones, and those that record removals."""
    models: dict[str, type[Entity | Bookkeeping]] = {**audited_models()}
    models |= {name: model for name, model in append_only_models().items() if model.removal_recorded_in is not None}
    return dict(sorted(models.items()))


TableName = Annotated[str, Field(max_length=63, pattern=r"^[a-z][a-z0-9_]*$"), OpenEnum(recorded_models)]
"""A table whose changes leave entries, or left some before it was dropped, as a filter."""


def spell_id(text: str) -> str:
    """An id in the spelling that entries have, any other text as it is."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


RowId = Annotated[str, Field(max_length=64), AfterValidator(spell_id)]
"""The id of a changed row, as a filter."""
