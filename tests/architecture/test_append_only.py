"""Tables that are declared append-only: the migrated database refuses every other write, also from other programs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app.core.clock import new_id, now
from app.core.config import Settings
from app.core.db.append_only import append_only_models
from app.core.db.connecting import create_engine
from app.core.db.entity import table_of
from app.modules import import_models

import_models()
MODELS = append_only_models()
SAMPLES: dict[type, Any] = {str: "x", object: "x", int: 30_000, bool: True, dict: {}, bytes: b"x"}
MINUTE = timedelta(minutes=1)


def row_of(table: Table, at: datetime) -> dict[str, Any]:
    """A row with a value in each column that needs one, and `at` where it tells a time."""
    values: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type.python_type
        if column.primary_key or not column.nullable:
            values[column.name] = new_id() if kind is UUID else at if kind is datetime else SAMPLES[kind]
    return values


def attacks(table: Table, *, is_sqlite: bool) -> Iterator[tuple[str, Any]]:
    """Statements that would change or remove rows."""
    name, column = table.name, next(column for column in table.columns if not column.primary_key)
    yield "update", update(table).values({column: column})
    yield "delete", delete(table)
    if is_sqlite:
        yield "replace", text(f"REPLACE INTO {name} SELECT * FROM {name}")  # noqa: S608  # a name of ours
        return
    yield "truncate", text(f"TRUNCATE {name}")
    for key in table.foreign_keys:
        yield "truncate what it refers to", text(f'TRUNCATE "{key.column.table.name}" CASCADE')


async def attack(settings: Settings, table: Table) -> list[str]:
    """The attacks that the database does not refuse, on a row that was just written. Each is rolled back."""

    def run(connection: Connection, statement: Any) -> bool:
        connection.execute(insert(table).values(row_of(table, now())))
        try:
            connection.execute(statement)
        except DBAPIError as error:
            return f"{table.name} can only be added to" not in str(error)
        return True

    succeeded = []
    for name, statement in attacks(table, is_sqlite=settings.is_sqlite):
        async with create_engine(settings).connect() as connection:
            if await connection.run_sync(run, statement):
                succeeded.append(name)
    return succeeded


@pytest.mark.parametrize("name", MODELS)
async def test_an_append_only_table_is_only_added_to(settings: Settings, name: str) -> None:
    assert await attack(settings, table_of(MODELS[name])) == []


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.removable_after])
async def test_a_row_is_removed_once_it_is_old_enough(settings: Settings, name: str) -> None:
    table, age = table_of(MODELS[name]), MODELS[name].removable_after
    assert age is not None
    async with create_engine(settings).begin() as connection:
        await connection.execute(insert(table).values(row_of(table, now() - age - MINUTE)))
        await connection.execute(delete(table))
        assert (await connection.execute(select(func.count()).select_from(table))).scalar() == 0
        await connection.execute(insert(table).values(row_of(table, now() - age + MINUTE)))
        with pytest.raises(DBAPIError, match="can only be added to"):
            await connection.execute(delete(table))


def test_logs_are_declared() -> None:
    """Those of requests, changes, sign-ins and the policy, whatever they are called."""
    assert len(MODELS) >= 4
    assert [name for name, model in MODELS.items() if model.removable_after and "at" not in table_of(model).c] == []


async def test_a_missing_trigger_is_found(settings: Settings) -> None:
    table = table_of(MODELS["login_attempt"])
    async with create_engine(settings).begin() as connection:
        if settings.is_sqlite:
            await connection.execute(text("DROP TRIGGER login_attempt_no_update"))
        else:
            await connection.execute(text("DROP TRIGGER login_attempt_append_only ON login_attempt"))

    assert "update" in await attack(settings, table)
