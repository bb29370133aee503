"""Users are found by their roles, their last sign-in, a second factor, and whether they are locked."""

from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import delete, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.auth.models import SignInCounter
from app.modules.users.models import LastSignIn
from tests.modules.auth.calls import sign_in
from tests.modules.roles.policies import role, role_of
from tests.modules.second_factor.devices import enrolled
from tests.people import Person, SignedInAs

sign_ins, counters = table_of(LastSignIn), table_of(SignInCounter)


async def find(admin: Person, **filters: Any) -> set[str]:
    answer = await admin.get("/users", params={**filters, "limit": 100})
    assert answer.status_code == 200, answer.text
    counted = (await admin.get("/users/summary", params={**filters, "by": "is_active"})).json()["total"]
    found = {item["username"] for item in answer.json()["items"]}
    assert counted == len(found)
    return found


async def test_users_are_found_by_role(signed_in_as: SignedInAs) -> None:
    root, reader = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    writer = await signed_in_as("tasks:create")
    read, write = str(await role_of(reader, root)), str(await role_of(writer, root))
    both = await signed_in_as()
    await root.put(f"/users/{both.id}/roles", {"role_ids": [read, write]})
    unused = await role(root, "Unused")
    everybody = {person.username for person in (root, reader, writer, both)}

    assert await find(root, role_id=read) == {reader.username, both.username}
    assert await find(root, role_id=[read, write]) == {reader.username, writer.username, both.username}
    assert await find(root, role_id=unused) == set()
    assert await find(root, role_id_not=read) == everybody - {reader.username, both.username}
    assert await find(root, role_id_null="true") == {root.username}
    assert await find(root, role_id_null="false") == everybody - {root.username}
    assert await find(root, role_id=[read], role_id_not=write) == {reader.username}
    assert await find(root, role_id=read, q=both.username) == {both.username}

    first = (await root.get("/users", params={"role_id": [read, write], "limit": 2, "total": "true"})).json()
    rest = {"role_id": [read, write], "limit": 2, "cursor": first["next_cursor"]}
    second = (await root.get("/users", params=rest)).json()
    assert (first["total"], len(first["items"]), len(second["items"])) == (3, 2, 1)


async def test_users_are_found_by_their_last_sign_in(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, recent, early, never = [await signed_in_as(superuser=number == 0) for number in range(4)]
    async with database.unit_of_work(job) as session:
        long_ago = now() - timedelta(days=100)
        await session.execute(update(sign_ins).where(sign_ins.c.id == early.id).values(at=long_ago))
        await session.execute(delete(sign_ins).where(sign_ins.c.id == never.id))
    month = (now() - timedelta(days=30)).isoformat()

    assert await find(root, last_sign_in_at_gte=month) == {root.username, recent.username}
    assert await find(root, last_sign_in_at_lt=month) == {early.username}
    assert await find(root, last_sign_in_at_null="true") == {never.username}
    assert await find(root, last_sign_in_at_null="false", is_superuser="false") == {recent.username, early.username}
    for person in (early, never):
        assert (await sign_in(client, person)).status_code == 200
    assert (await sign_in(client, early, "wrong")).status_code == 401
    assert await find(root, last_sign_in_at_lt=month) == await find(root, last_sign_in_at_null="true") == set()


async def test_users_are_found_by_second_factor_and_password(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, careful, begun = [await signed_in_as(superuser=number == 0) for number in range(3)]
    await enrolled(careful)
    await begun.post("/auth/me/second-factor", {"current_password": "correct horse battery staple"})
    given = await root.post(f"/users/{begun.id}/password")
    assert given.status_code == 200, given.text

    assert await find(root, has_second_factor="true") == {careful.username}
    assert await find(root, has_second_factor="false") == {root.username, begun.username}
    assert await find(root, must_change_password="true") == {begun.username}
    assert await find(root, has_second_factor="false", must_change_password="false") == {root.username}


async def test_locked_users_are_found_while_they_are_locked(
    client: httpx.AsyncClient, signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, guessed, other = [await signed_in_as(superuser=number == 0) for number in range(3)]
    for _ in range(5):
        assert (await sign_in(client, guessed.username.upper(), "wrong")).status_code == 401
        assert (await sign_in(client, "no-such-user", "wrong")).status_code == 401
    for _ in range(4):
        assert (await sign_in(client, other, "wrong")).status_code == 401

    assert await find(root, is_locked="true") == {guessed.username}
    assert await find(root, is_locked="false") == {root.username, other.username}
    assert (await root.post(f"/users/{guessed.id}/unlock")).status_code == 204
    assert await find(root, is_locked="true") == set()

    assert (await sign_in(client, other, "wrong")).status_code == 401
    assert await find(root, is_locked="true") == {other.username}
    await root.patch(f"/users/{other.id}", {"username": "renamed.user"})
    assert await find(root, is_locked="true") == {"renamed.user"}, "the same account"
    async with database.unit_of_work(job) as session:
        over = now() - timedelta(seconds=1)
        await session.execute(update(counters).values(blocked_until=over))
    assert await find(root, is_locked="true") == set()


async def test_a_filter_is_a_value_of_its_kind(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)

    for name, value in (
        ("role_id", "x"),
        ("role_id_gte", "2026-01-01T00:00:00Z"),
        ("last_sign_in_at", "2026-01-01T00:00:00Z"),
        ("last_sign_in_at_lt", "yesterday"),
        ("is_locked_null", "true"),
        ("has_second_factor", "1"),
    ):
        assert (await root.get("/users", params={name: value})).status_code == 422, name
