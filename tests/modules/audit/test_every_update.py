"""No row of an audited table changes without a change entry, whatever a request does beside its own work."""

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.audited import audited_models
from app.core.db.connecting import create_engine
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.db.session import AnyRow
from app.modules.audit.entries.canonical import format_instant
from app.modules.users import User
from tests.modules.audit.entries import changes_table
from tests.modules.auth.calls import refresh, sign_in, sign_in_again
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs
from tests.roles import as_owner

Use = Callable[[Person], Awaitable[httpx.Response]]
"""What a client does, as a superuser with a session of its own."""


async def refresh_often(person: Person) -> httpx.Response:
    token = person.refresh_token
    for _ in range(3):
        answer = await refresh(person.client, token)
        token = answer.json()["refresh_token"]
    return answer


async def refresh_and_use(person: Person) -> httpx.Response:
    """The first use of each pair confirms its generation."""
    for _ in range(2):
        pair = (await refresh(person.client, person.refresh_token)).json()
        person.refresh_token, person.access_token = pair["refresh_token"], pair["access_token"]
        answer = await person.get("/auth/me")
    return answer


async def copy_a_token(person: Person) -> httpx.Response:
    """A refresh token that was replaced by a used one ends the session."""
    stolen = person.refresh_token
    await refresh_often(person)
    refused = await refresh(person.client, stolen)
    assert refused.status_code == 401
    return await sign_in(person.client, person)


async def use_a_key(person: Person) -> httpx.Response:
    made = (await person.post("/auth/api-keys", {"name": "Report", "scopes": ["tasks:read"]})).json()
    key = Person(person.id, person.username, person.client, made["key"], "")
    used = await key.get("/tasks")
    assert (await person.delete(f"/auth/api-keys/{made['id']}")).status_code == 204
    return used


async def use_a_factor(person: Person) -> httpx.Response:
    device, recovery = await enrolled(person)
    assert (await sign_in(person.client, person, code=device())).status_code == 200
    assert (await sign_in(person.client, person, code=recovery[0])).status_code == 200
    assert (await person.post("/auth/step-up", {"code": recovery[1]})).status_code == 204
    await person.delete("/auth/me/second-factor")
    return await person.post("/auth/logout-all")


async def change_a_task(person: Person) -> httpx.Response:
    path = f"/tasks/{(await person.post('/tasks', {'title': 'first'})).json()['id']}"
    assert (await person.patch(path, {"title": "first"})).status_code == 200, "which changes nothing"
    assert (await person.patch(path, {"title": "second"})).status_code == 200
    assert (await person.delete(path)).status_code == 204
    return await person.post(f"{path}/restore")


async def fail_to_sign_in(person: Person) -> httpx.Response:
    assert (await sign_in(person.client, person, password="wrong")).status_code == 401
    return await sign_in(person.client, person)


USES: list[Use] = [
    refresh_often,
    refresh_and_use,
    copy_a_token,
    use_a_key,
    use_a_factor,
    change_a_task,
    fail_to_sign_in,
    lambda person: person.get("/auth/me/sessions"),
    lambda person: person.post("/auth/logout"),
]


def test_the_database_changes_no_audited_row_by_itself() -> None:
    """A foreign key with an action would change or delete rows of which no unit of work knows."""
    keys = [key for model in audited_models().values() for key in table_of(model).foreign_keys]

    assert len(keys) > 10
    assert [str(key.parent) for key in keys if key.ondelete or key.onupdate] == []


async def audited_rows(database: Database, job: RequestContext) -> dict[tuple[str, str], AnyRow]:
    """Every row of every audited table."""
    reader = database.read_session(job)
    return {
        (name, str(row.id)): row
        for name, model in audited_models().items()
        if model.__module__.startswith("app.")
        for row in await reader.all(select(table_of(model)))
    }


async def entries_by_row(database: Database, job: RequestContext) -> dict[tuple[str, str], list[AnyRow]]:
    found = defaultdict(list)
    for entry in await database.read_session(job).all(select(changes_table).order_by(changes_table.c.id)):
        found[entry.entity, entry.entity_id].append(entry)
    return found


async def unrecorded(database: Database, job: RequestContext) -> dict[tuple[str, str], Any]:
    """The rows whose version, or time of the last change, is not that of their entries."""
    entries = await entries_by_row(database, job)
    wrong = {}
    for key, row in (await audited_rows(database, job)).items():
        versions = [entry.changes["version"]["new"] for entry in entries[key]]
        last = entries[key][-1].changes["updated_at"]["new"] if versions else None
        if versions != list(range(1, row.version + 1)) or last != format_instant(row.updated_at):
            wrong[key] = (row.version, versions)
    return wrong


@pytest.mark.parametrize("use", USES, ids=lambda use: getattr(use, "__name__", "call"))
async def test_every_change_of_an_audited_row_has_its_entry(
    use: Use, signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    """Regression: the last use of sessions, keys and second factors raised `version` and left no entry."""
    root = await sign_in_again((person := await signed_in_as(superuser=True)).client, person)

    assert (await use(root)).is_success

    assert await unrecorded(database, job) == {}


async def test_so_it_is_whatever_was_done_in_between(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    choices = random.Random(20261127)  # the same order each time
    for use in choices.choices(USES, k=12):
        person = await signed_in_as(superuser=True)
        assert (await use(await sign_in_again(person.client, person))).is_success

    assert await unrecorded(database, job) == {}


async def test_an_update_without_an_entry_is_found(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    person = await signed_in_as()
    planted = update(table_of(User)).where(table_of(User).c.id == person.id).values(version=2, updated_at=now())
    async with create_engine(as_owner(database.settings)).begin() as connection:
        await connection.execute(planted)

    assert await unrecorded(database, job) == {("user", str(person.id)): (2, [1])}
