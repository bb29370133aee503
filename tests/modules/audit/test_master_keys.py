"""Several master keys: the first wraps the keys of people, all open them, and one that is missing is named."""

import re

import pytest
from sqlalchemy import update

from app.core.config import Settings
from tests.modules.audit.master_keys import (
    NEW,
    OLD,
    add_customer,
    caller_with,
    change_by_sql,
    id_of,
    keys_table,
    shown_names,
    wrapped_keys,
)


async def test_the_first_master_key_wraps_and_all_open(settings: Settings) -> None:
    async with caller_with(settings, OLD) as (app, caller):
        before = await add_customer(caller)
    async with caller_with(settings, NEW, OLD) as (app, caller):
        after = await add_customer(caller)
        changed = await caller.patch(f"/customers/{before}", {"first_name": "Regan"})
        names = [await shown_names(caller, customer) for customer in (before, after)]
        wrapped = {str(row.subject_id): row.master_key_id for row in await wrapped_keys(app.state.database)}

    assert changed.status_code == 200, changed.text
    assert names == [["Regan", "Cordelia"], ["Cordelia"]]
    assert (wrapped[before], wrapped[after]) == (id_of(OLD), id_of(NEW))


async def test_a_key_that_does_not_name_its_master_key_is_opened_by_any(settings: Settings) -> None:
    """Those of older versions do not."""
    async with caller_with(settings, OLD) as (app, caller):
        customer = await add_customer(caller)
        await change_by_sql(app.state.database, update(keys_table).values(master_key_id=None))
    async with caller_with(settings, NEW, OLD) as (app, caller):
        changed = await caller.patch(f"/customers/{customer}", {"first_name": "Regan"})
        names = await shown_names(caller, customer)

    assert (changed.status_code, names) == (200, ["Regan", "Cordelia"])


@pytest.mark.parametrize("is_named", [True, False])
async def test_without_its_master_key_a_person_is_unreadable_and_not_changed(
    settings: Settings, capsys: pytest.CaptureFixture[str], is_named: bool
) -> None:
    async with caller_with(settings, OLD) as (app, caller):
        customer = await add_customer(caller)
        if not is_named:
            await change_by_sql(app.state.database, update(keys_table).values(master_key_id=None))
    async with caller_with(settings, NEW) as (app, caller):
        names = await shown_names(caller, customer)
        refused = await caller.patch(f"/customers/{customer}", {"first_name": "Regan"})
        (known,) = [row for row in await wrapped_keys(app.state.database) if str(row.subject_id) == customer]
    async with caller_with(settings, OLD) as (app, caller):
        after = await shown_names(caller, customer)
        stored = (await caller.get(f"/customers/{customer}")).json()

    assert names == [{"$unreadable": True}]
    assert (refused.status_code, refused.json()["code"]) == (503, "audit-log-unavailable")
    assert (after, stored["first_name"], stored["version"]) == (["Cordelia"], "Cordelia", 1)
    logged = capsys.readouterr().out
    missing = re.findall(r"wrong_master_key .*\bkey_id=(\S+) master_key_id=(\S+)", logged)
    assert missing == [(str(known.id), id_of(OLD) if is_named else "None")] * 2, "of the read, and of the write"
    assert OLD not in logged
    assert NEW not in logged


async def test_an_altered_key_is_opened_by_none(settings: Settings) -> None:
    async with caller_with(settings, OLD) as (app, caller):
        customers = [await add_customer(caller), await add_customer(caller)]
        rows = {str(row.subject_id): row for row in await wrapped_keys(app.state.database)}
        one, other = (rows[customer] for customer in customers)
        sql = update(keys_table).where(keys_table.c.id == other.id).values(wrapped_key=one.wrapped_key)
        await change_by_sql(app.state.database, sql)
        names = [await shown_names(caller, customer) for customer in customers]

    assert names == [["Cordelia"], [{"$unreadable": True}]]
