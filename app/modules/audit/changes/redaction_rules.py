"""The redactions of all audited tables, and their version, which is stored on every change entry."""

import hashlib
import json
from functools import cache

from sqlalchemy import Column
from sqlalchemy.types import LargeBinary
from sqlmodel import SQLModel

from app.core.db.audited import audited_models, recorded_models
from app.core.db.derived import derivations, own_columns
from app.core.db.entity import table_of
from app.core.db.redaction import LOOKS_PERSONAL, LOOKS_SECRET, PLAIN, Redaction


class UndeclaredTable(RuntimeError):
    """A table is outside of the audit log and does not say why."""


class UndeclaredRedaction(RuntimeError):
    """An audited column looks secret or personal and declares no redaction."""


def redaction_of(column: "Column[object]") -> Redaction:
    """The redaction of a column. Raises UndeclaredRedaction."""
    declared: Redaction | None = column.info.get("redaction")
    if declared is not None:
        return declared
    name = f"{column.table.name}.{column.name}"
    if LOOKS_SECRET.search(column.name) or isinstance(column.type, LargeBinary):
        raise UndeclaredRedaction(f"{name} looks secret: declare its redaction")
    if LOOKS_PERSONAL.search(column.name):
        raise UndeclaredRedaction(f"{name} looks personal: declare its redaction")
    return PLAIN


def check_tables() -> None:
    """Raise UndeclaredTable for a table that is no entity and does not say why it is not audited.

    A link table as every tutorial writes it would be outside of the audit log without a word.
    """
    reasons = {
        str(mapper.local_table.name): getattr(mapper.class_, "not_audited", None)  # type: ignore[attr-defined]  # a Table
        for mapper in SQLModel._sa_registry.mappers
    }
    for name in sorted(SQLModel.metadata.tables.keys() - audited_models().keys()):
        if not reasons.get(name):
            raise UndeclaredTable(f'table {name} is no Entity: make it one, or say why with `not_audited = "…"`')


@cache
def redactions(model: type[SQLModel]) -> dict[str, Redaction]:
    """The redaction of each column of which entries tell. Raises UndeclaredRedaction."""
    return {column.name: redaction_of(column) for column in own_columns(table_of(model))}


def backstop_columns(model: type[SQLModel]) -> list[str]:
    """What `op.make_backstop` is told: the columns that entries have as they are, and with a minus the derived ones."""
    plain = [name for name, redaction in redactions(model).items() if redaction.treatment == "plain"]
    return [*plain, *(f"-{name}" for name in derivations(table_of(model)))]


def derived_columns(model: type[SQLModel]) -> list[str]:
    """The columns that the change log does not have."""
    return list(derivations(table_of(model)))


@cache
def has_personal_data(model: type[SQLModel]) -> bool:
    return any(redaction.treatment == "personal" for redaction in redactions(model).values())


def redaction_document() -> dict[str, dict[str, list[str | None]]]:
    """The treatment of each column of each recorded table, and the column with the person whose data it is."""
    return {
        name: {field: [redaction.treatment, redaction.subject] for field, redaction in redactions(model).items()}
        for name, model in recorded_models().items()
    }


def redaction_version() -> str:
    """A digest of all redactions, which changes when one of them does."""
    return version_of(redaction_document())


def version_of(document: object) -> str:
    """The version of a document of redactions, which entries name."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
