"""`python -m app rewrap`: all keys are wrapped by the first master key, and what cannot be opened is counted."""

from typing import Any

import pytest
from sqlalchemy import update

from app.core.config import Settings
from app.core.db.engine import Database
from app.main import open_database
from app.modules.audit.changes import rewrap as rewrapping
from app.modules.audit.changes.rewrap import rewrap
from tests.modules.audit.master_keys import (
    NEW,
    OLD,
    add_customer,
    caller_with,
    change_by_sql,
    id_of,
    keys_table,
    settings_with,
    shown_names,
    wrapped_keys,
)


async def rewrap_with(settings: Settings, *secrets: str) -> tuple[int, list[str]]:
    """The exit code and the lines of the command, with these master keys."""
    database = open_database(settings_with(settings, *secrets))
    result = await rewrap(database)
    await database.dispose()
    return result.exit_code, list(result.lines)


async def test_after_it_the_first_master_key_is_enough(settings: Settings) -> None:
    async with caller_with(settings, OLD) as (app, caller):
        customers = [await add_customer(caller) for _ in range(3)]
        nameless = update(keys_table).where(keys_table.c.subject_id == caller.id).values(master_key_id=None)
        await change_by_sql(app.state.database, nameless)
        before = await wrapped_keys(app.state.database)

    first, second = [await rewrap_with(settings, NEW, OLD) for _ in range(2)]
    alone = await rewrap_with(settings, NEW)

    assert first == (0, [f"Master key {id_of(NEW)}: 4 of 4 keys were rewrapped."])
    assert second == alone == (0, [f"Master key {id_of(NEW)}: 0 of 4 keys were rewrapped."])
    async with caller_with(settings, NEW) as (app, caller):
        names = [await shown_names(caller, customer) for customer in customers]
        changed = await caller.patch(f"/customers/{customers[0]}", {"first_name": "Regan"})
        after = (await wrapped_keys(app.state.database))[: len(before)]
    assert names == [["Cordelia"]] * 3
    assert changed.status_code == 200
    assert [(row.id, row.subject_id, row.created_at) for row in after] == [
        (row.id, row.subject_id, row.created_at) for row in before
    ]
    assert {row.master_key_id for row in after} == {id_of(NEW)}
    assert not {row.wrapped_key for row in after} & {row.wrapped_key for row in before}


async def test_what_cannot_be_opened_is_counted_and_left_as_it_is(settings: Settings) -> None:
    async with caller_with(settings, OLD) as (app, caller):
        await add_customer(caller)
        nameless = update(keys_table).where(keys_table.c.subject_id == caller.id).values(master_key_id=None)
        await change_by_sql(app.state.database, nameless)
    async with caller_with(settings, NEW) as (app, caller):
        database = app.state.database
        altered = await add_customer(caller)
        await add_customer(caller)
        key = next(row for row in await wrapped_keys(database) if str(row.subject_id) == altered)
        await change_by_sql(database, update(keys_table).where(keys_table.c.id == key.id).values(wrapped_key=b"short"))
        before = await wrapped_keys(database)

        code, lines = await rewrap_with(settings, NEW)

        assert (code, lines[0]) == (1, f"Master key {id_of(NEW)}: 0 of 5 keys were rewrapped.")
        assert set(lines[1:]) == {
            "Cannot be opened: 1 keys of master key unknown; AUDIT__PERSONAL_KEY lacks it.",
            f"Cannot be opened: 1 keys of master key {id_of(OLD)}; AUDIT__PERSONAL_KEY lacks it.",
            f"Cannot be opened: 1 keys of master key {id_of(NEW)}; they were altered.",
        }
        assert await wrapped_keys(database) == before
        assert (await rewrap_with(settings, NEW, OLD))[0] == 1, "the altered one stays so"
        assert {row.master_key_id for row in await wrapped_keys(database)} == {id_of(NEW)}


async def test_each_batch_is_a_transaction_of_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrapping, "BATCH", 2)
    async with caller_with(settings, OLD) as (_, caller):
        for _ in range(5):
            await add_customer(caller)
    database = open_database(settings_with(settings, NEW, OLD))
    fail_at_batch(database, 3)

    with pytest.raises(ConnectionError):
        await rewrap(database)

    database.writers.listeners.clear()
    assert [row.master_key_id for row in await wrapped_keys(database)] == [id_of(NEW)] * 4 + [id_of(OLD)] * 2
    assert (await rewrap(database)).lines == [f"Master key {id_of(NEW)}: 2 of 6 keys were rewrapped."]
    await database.dispose()


def fail_at_batch(database: Database, number: int) -> None:
    """Let the statement fail that rewraps the batch with this number."""
    updates = []

    def note(sql: str, _values: Any) -> None:
        updates.extend([sql] if "UPDATE audit_subject_key" in sql else [])
        if len(updates) == number:
            raise ConnectionError

    database.writers.listeners.append(note)
