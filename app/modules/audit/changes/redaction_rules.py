"""The redactions of all audited tables, and their version, which is stored on every change entry."""

import hashlib
import json
from functools import cache

from sqlalchemy import Column
from sqlalchemy.types import LargeBinary
from sqlmodel import SQLModel

from app.core.db.entity import Entity, table_of
from app.core.db.redaction import LOOKS_SECRET, PLAIN, Redaction


class UndeclaredSecret(RuntimeError):
    """An audited column looks secret and declares no redaction."""


def redaction_of(column: "Column[object]") -> Redaction:
    """The redaction of a column. Raises UndeclaredSecret."""
    declared: Redaction | None = column.info.get("redaction")
    if declared is None and (LOOKS_SECRET.search(column.name) or isinstance(column.type, LargeBinary)):
        raise UndeclaredSecret(f"{column.table.name}.{column.name} looks secret: declare its redaction")
    return declared or PLAIN


def audited_models() -> dict[str, type[Entity]]:
    """Every audited model by table name."""
    models: dict[str, type[Entity]] = {}
    for mapper in SQLModel._sa_registry.mappers:
        model = mapper.class_
        if issubclass(model, Entity) and model.audited:
            models[str(mapper.local_table.name)] = model  # type: ignore[attr-defined]  # a Table here
    return dict(sorted(models.items()))


@cache
def redactions(model: type[SQLModel]) -> dict[str, Redaction]:
    """The redaction of each column. Raises UndeclaredSecret."""
    return {column.name: redaction_of(column) for column in table_of(model).columns}


def redaction_version() -> str:
    """A digest of all redactions, which changes when one of them does."""
    document = {
        name: {field: [redaction.treatment, redaction.subject] for field, redaction in redactions(model).items()}
        for name, model in audited_models().items()
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
