"""Tables that are declared append-only: the migrated database refuses every other write, also from other programs."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.core.clock import new_id, now
from app.core.config import Settings
from app.core.db.append_only import append_only_models
from app.core.db.connecting import create_engine
from app.core.db.entity import Bookkeeping, table_of
from app.modules import import_models
from tests.roles import as_owner

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


def attacks(model: type[Bookkeeping], *, is_sqlite: bool) -> Iterator[tuple[str, Any]]:
    """Statements that would change or remove rows."""
    table = table_of(model)
    name = table.name
    for column in table.columns:
        if column.name not in model.changeable_columns:
            yield f"update {column.name}", update(table).values({column: column})
    if model.rising_column:
        rising = table.c[model.rising_column]
        yield "lower", update(table).values({rising: rising - 1})
    if model.removable_after and "at" in model.changeable_columns:
        yield "make old", update(table).values(at=now() - model.removable_after - MINUTE)
    if not model.is_removable:
        yield "delete", delete(table)
    if is_sqlite:
        if not model.is_removable:  # else it is a removal and an addition
            yield "replace", text(f"REPLACE INTO {name} SELECT * FROM {name}")  # noqa: S608  # a name of ours
        return
    yield "truncate", text(f"TRUNCATE {name}")
    for key in table.foreign_keys:
        yield "truncate what it refers to", text(f'TRUNCATE "{key.column.table.name}" CASCADE')


async def attack(settings: Settings, model: type[Bookkeeping]) -> list[str]:
    """The attacks that the database does not refuse, on a row that was just written. Each is rolled back."""
    table = table_of(model)

    def run(connection: Connection, statement: Any) -> bool:
        connection.execute(insert(table).values(row_of(table, now())))
        try:
            connection.execute(statement)
            check_deferred(connection)
        except DBAPIError as error:
            return f"{table.name} can only be added to" not in str(error)
        return True

    succeeded = []
    for name, statement in attacks(model, is_sqlite=settings.is_sqlite):
        async with create_engine(as_owner(settings)).connect() as connection:
            if await connection.run_sync(run, statement):
                succeeded.append(name)
    return succeeded


def check_deferred(connection: Connection) -> None:
    """Run the triggers that wait for the commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


@pytest.mark.parametrize("name", MODELS)
async def test_an_append_only_table_is_only_added_to(settings: Settings, name: str) -> None:
    assert await attack(settings, MODELS[name]) == []


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.removable_after])
async def test_a_row_is_removed_once_it_is_old_enough(settings: Settings, name: str) -> None:
    table, age = table_of(MODELS[name]), MODELS[name].removable_after
    assert age is not None
    async with create_engine(as_owner(settings)).begin() as connection:
        await connection.execute(insert(table).values(row_of(table, now() - age - MINUTE)))
        await connection.execute(delete(table))
        assert (await connection.execute(select(func.count()).select_from(table))).scalar() == 0
        await connection.execute(insert(table).values(row_of(table, now() - age + MINUTE)))
        with pytest.raises(DBAPIError, match="can only be added to"):
            await connection.execute(delete(table))


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.is_removable])
async def test_a_row_is_removed_at_any_age(settings: Settings, name: str) -> None:
    table = table_of(MODELS[name])
    async with create_engine(settings).begin() as connection:
        await connection.execute(insert(table).values(row_of(table, now())))
        assert (await connection.execute(delete(table))).rowcount == 1


def test_logs_are_declared() -> None:
    """Those of requests, changes, sign-ins and the policy, whatever they are called."""
    assert len(MODELS) >= 4
    assert [name for name, model in MODELS.items() if model.removable_after and "at" not in table_of(model).c] == []


async def test_a_missing_trigger_is_found(settings: Settings) -> None:
    async with create_engine(as_owner(settings)).begin() as connection:
        if settings.is_sqlite:
            await connection.execute(text("DROP TRIGGER login_attempt_no_update"))
        else:
            await connection.execute(text("DROP TRIGGER login_attempt_append_only ON login_attempt"))

    assert "update reason" in await attack(settings, MODELS["login_attempt"])


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.changeable_columns])
async def test_what_is_changeable_can_be_changed(settings: Settings, name: str) -> None:
    table, model = table_of(MODELS[name]), MODELS[name]
    async with create_engine(as_owner(settings)).begin() as connection:
        await connection.execute(insert(table).values(row_of(table, now())))
        same = update(table).values({table.c[column]: table.c[column] for column in model.changeable_columns})
        assert (await connection.execute(same)).rowcount == 1


def delete_all(connection: Connection, table: Table) -> None:
    connection.execute(delete(table))
    check_deferred(connection)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.removal_recorded_in])
async def test_a_row_is_removed_with_the_entry_of_its_removal(settings: Settings, name: str) -> None:
    table, entries = table_of(MODELS[name]), SQLModel.metadata.tables[str(MODELS[name].removal_recorded_in)]
    row, other = row_of(table, now()), row_of(table, now())
    entry = {**row_of(entries, now()), "entity": name, "entity_id": str(row["id"]), "action": "delete"}
    del entry["id"]
    async with create_engine(as_owner(settings)).begin() as connection:
        await connection.execute(insert(table), [row, other])
        await connection.execute(insert(entries).values(entry))
        await connection.execute(delete(table).where(table.c.id == row["id"]))
        await connection.run_sync(check_deferred)
        with pytest.raises(DBAPIError, match="can only be added to"):
            await connection.run_sync(delete_all, table)
