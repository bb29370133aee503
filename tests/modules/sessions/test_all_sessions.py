"""The open sessions of all users, for administrators."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.sessions import SessionUse
from tests.people import Person, SignedInAs


async def users_of(asker: Person, **params: Any) -> list[str]:
    answer = await asker.get("/sessions", params=params)
    assert answer.status_code == 200, answer.text
    return [item["user"]["name"] for item in answer.json()["items"]]


async def set_used(database: Database, job: RequestContext, session_id: str, ago: timedelta) -> None:
    uses = table_of(SessionUse)
    async with database.unit_of_work(job) as session:
        await session.execute(update(uses).where(uses.c.id == UUID(session_id)).values(used_at=now() - ago))


async def test_the_open_sessions_of_all_users_are_found_by_user_and_use(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    admin = await signed_in_as(superuser=True)
    fresh, old, idle, left, gone = [await signed_in_as() for _ in range(5)]
    known = {item["user"]["name"]: item["id"] for item in (await admin.get("/sessions")).json()["items"]}
    await set_used(database, job, known[old.username], timedelta(days=1))
    await set_used(database, job, known[idle.username], timedelta(days=365))
    await left.post("/auth/logout-all")
    await admin.patch(f"/users/{gone.id}", {"is_active": False})
    hour_ago = (now() - timedelta(hours=1)).isoformat()

    assert await users_of(admin) == [old.username, fresh.username, admin.username]
    assert await users_of(admin, used_at_lt=hour_ago) == [old.username]
    assert await users_of(admin, used_at_gte=hour_ago, sort="created_at") == [admin.username, fresh.username]
    assert await users_of(admin, user_id=str(old.id)) == [old.username]
    assert await users_of(admin, expires_at_lt=hour_ago) == []
    first = (await admin.get("/sessions", params={"limit": 1})).json()
    second = await users_of(admin, limit=1, cursor=first["next_cursor"])
    assert (first["items"][0]["is_current"], second) == (False, [fresh.username])


async def test_a_session_is_ended_from_the_list(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    (item,) = (await root.get("/sessions", params={"user_id": str(person.id)})).json()["items"]

    answer = await root.delete(f"/users/{item['user']['id']}/sessions/{item['id']}")

    assert answer.status_code == 204
    assert await users_of(root, user_id=str(person.id)) == []
    assert (await person.get("/tasks")).status_code == 401
