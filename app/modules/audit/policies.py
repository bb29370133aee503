"""The field policies of all audited tables as one object, with a version that is stored on every change row."""

import hashlib
import json
from functools import cache

from sqlalchemy import Column
from sqlalchemy.types import LargeBinary
from sqlmodel import SQLModel

from app.core.model import Entity
from app.core.policy import LOOKS_SECRET, PLAIN, Policy


class UndeclaredSecret(RuntimeError):
    """An audited column looks secret and declares no policy: deny by default."""


def policy_of(column: "Column[object]") -> Policy:
    declared: Policy | None = column.info.get("policy")
    if declared is None and (LOOKS_SECRET.search(column.name) or isinstance(column.type, LargeBinary)):
        raise UndeclaredSecret(f"{column.table.name}.{column.name} looks secret: declare its policy")
    return declared or PLAIN


def audited_models() -> dict[str, type[Entity]]:
    """Every audited model by table name."""
    found: dict[str, type[Entity]] = {}
    for mapper in SQLModel._sa_registry.mappers:
        model = mapper.class_
        if issubclass(model, Entity) and model.audited:
            found[str(mapper.local_table.name)] = model  # type: ignore[attr-defined]  # a Table here
    return dict(sorted(found.items()))


@cache
def policies(model: type[SQLModel]) -> dict[str, Policy]:
    """The policy of each column. Raises UndeclaredSecret."""
    table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not type it
    return {column.name: policy_of(column) for column in table.columns}


def policy_version() -> str:
    """Names the whole set of policies; it changes when any of them does."""
    document = {
        name: {field: [policy.treatment, policy.subject] for field, policy in policies(model).items()}
        for name, model in audited_models().items()
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
