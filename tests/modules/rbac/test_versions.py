"""Versions of the policy: previews, their history, rollbacks and concurrent writes."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.modules.audit.models import AuditChange
from app.modules.rbac.models import PolicyState, PolicyVersion
from app.modules.rbac.repository import old_versions
from tests.core.db.pruning import prune
from tests.core.db.triggers import execute_without_triggers
from tests.modules.roles.policies import own_roles, role, role_of
from tests.people import Person, SignedInAs


async def count_entries(database: Database, job: RequestContext) -> tuple[int, int, int]:
    reader = database.read_session(job)
    version = await reader.value(select(table_of(PolicyState).c.version))
    rows = [await reader.value(select(func.count()).select_from(table_of(m))) for m in (PolicyVersion, AuditChange)]
    return version, rows[0], rows[1]


async def test_a_dry_run_shows_effects_and_changes_nothing(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, person, weak = (
        await signed_in_as(superuser=True),
        await signed_in_as("tasks:create"),
        await signed_in_as("roles:update"),
    )
    mine, other = str(await role_of(person, root)), await role(root, "Other", {"module_slug": "users"})
    module = next(m for m in (await root.get("/modules")).json()["items"] if m["slug"] == "tasks")
    before = await count_entries(database, job)
    dry = {"params": {"dry_run": "true"}}

    matrix = await root.put(f"/roles/{mine}/modules", {"modules": [{"module_slug": "audit"}]}, **dry)
    calls = {
        "deactivate the role": await root.patch(f"/roles/{mine}", {"is_active": False}, **dry),
        "delete the role": await root.delete(f"/roles/{mine}", **dry),
        "assign another role": await root.put(f"/users/{person.id}/roles", {"role_ids": [other]}, **dry),
        "deactivate the user": await root.patch(f"/users/{person.id}", {"is_active": False}, **dry),
        "delete the user": await root.delete(f"/users/{person.id}", **dry),
        "deactivate the module": await root.patch(f"/modules/{module['id']}", {"is_active": False}, **dry),
        "deactivate its group": await root.patch(f"/module-groups/{module['group_id']}", {"is_active": False}, **dry),
        "empty the role": await root.patch("/roles/matrix", {"roles": [{"role_id": mine, "modules": []}]}, **dry),
    }
    refused = await weak.put(f"/roles/{mine}/modules", {"modules": [{"module_slug": "audit"}]}, **dry)

    assert matrix.json() == {
        "dry_run": True,
        "effects": [
            {
                "user_id": str(person.id),
                "username": person.username,
                "gained": ["audit:read"],
                "lost": ["tasks:create", "tasks:read"],
                "until": {},
            }
        ],
    }
    for call, answer in calls.items():
        assert answer.status_code == 200, (call, answer.text)
        assert answer.json()["effects"][0]["lost"] == ["tasks:create", "tasks:read"], call
    assert (refused.status_code, refused.json()["code"]) == (403, "cannot-grant")
    assert await count_entries(database, job) == before
    assert (await person.get("/tasks")).status_code == 200


async def test_versions_are_listed_with_their_author_and_effects(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader = await role(root, "Versioned reader", {"module_slug": "tasks"})

    answer = await root.put(f"/users/{person.id}/roles", {"role_ids": [reader]}, headers={"X-Request-ID": "grant"})

    (version,) = (await root.get("/rbac/versions", params={"request_id": "grant"})).json()["items"]
    assert (version["actor_id"], version["actor_name"], version["restores"]) == (str(root.id), root.username, None)
    assert version["effects"] == [
        {"user_id": str(person.id), "username": person.username, "gained": ["tasks:read"], "lost": [], "until": {}}
    ]
    ((change,)) = version["changes"]
    assert (change["entity"], change["old"], change["new"]["role_id"]) == ("user_role", None, reader)
    assert answer.headers["policy-version"] == str(version["id"])
    assert (await person.get("/tasks")).headers["policy-version"] == str(version["id"])
    assert (await root.get(f"/rbac/versions/{version['id']}")).json() == version
    assert (await root.get("/rbac/versions/999999")).status_code == 404


async def test_a_version_holds_nothing_personal(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    """A version cannot be changed, so that a person could not be erased from it."""
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    reader, versions = await role(root, "Unnamed reader", {"module_slug": "tasks"}), table_of(PolicyVersion)
    given = {"role_ids": [reader], "reason": "covers for Carla"}
    (await root.put(f"/users/{person.id}/roles", given)).raise_for_status()
    (await root.patch(f"/users/{person.id}", {"username": "renamed.user"})).raise_for_status()

    stored = str([(row.changes, row.effects) for row in await database.read_session(job).all(select(versions))])
    (shown, *_) = (await root.get("/rbac/versions")).json()["items"]

    assert str(person.id) in stored
    assert person.username not in stored
    assert "Carla" not in stored
    assert [effect["username"] for effect in shown["effects"]] == ["renamed.user"], "the present name"
    assert (await own_roles(root, person))[0]["reason"] == "covers for Carla"


async def test_a_rollback_restores_an_earlier_version(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:create")
    mine = str(await role_of(person, root))
    kept = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    module = next(m for m in (await root.get("/modules")).json()["items"] if m["slug"] == "tasks")
    other = await role(root, "Another", {"module_slug": "users"})
    await root.put(f"/users/{person.id}/roles", {"role_ids": [other]})
    await root.put(f"/users/{person.id}/roles", {"role_ids": [other, mine]})
    await root.put(f"/roles/{mine}/modules", {"modules": [{"module_slug": "audit"}]})
    await root.put(f"/roles/{mine}/modules", {"modules": []})
    await root.patch(f"/modules/{module['id']}", {"is_active": False})
    await root.delete(f"/roles/{mine}")
    assert (await person.get("/tasks")).status_code == 403

    preview = await root.post(f"/rbac/versions/{kept}/rollback", params={"dry_run": "true"})
    done = await root.post(f"/rbac/versions/{kept}/rollback", headers={"X-Request-ID": "back"})

    assert preview.json()["effects"] == [
        {
            "user_id": str(person.id),
            "username": person.username,
            "gained": ["tasks:create", "tasks:read"],
            "lost": ["users:read"],
            "until": {},
        }
    ]
    assert done.status_code == 204, done.text
    assert (await person.post("/tasks", {"title": "again"})).status_code == 201
    assert [r["role_id"] for r in await own_roles(root, person)] == [mine]
    (version,) = (await root.get("/rbac/versions", params={"request_id": "back"})).json()["items"]
    assert version["restores"] == kept
    changes = (await (await signed_in_as("audit:read")).get("/audit/changes", params={"request_id": "back"})).json()
    assert {row["entity"] for row in changes["items"]} >= {"role", "role_module", "user_role", "module"}
    current = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    assert (await root.post(f"/rbac/versions/{current}/rollback")).status_code == 409


async def test_a_rollback_restores_no_users(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    kept = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.patch(f"/users/{person.id}", {"is_active": False})

    assert (await root.post(f"/rbac/versions/{kept}/rollback")).status_code == 204

    assert (await root.get(f"/users/{person.id}")).json()["is_active"] is False


@pytest.mark.timeout(60)
async def test_concurrent_policy_writes_take_turns(app: FastAPI, signed_in_as: SignedInAs) -> None:
    """Two superusers edit at once: versions stay gapless, and each holds its own change."""
    first, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    roles = [await role(first, f"Parallel {n}") for n in range(6)]
    before = (await first.get("/rbac/versions")).json()["items"][0]["id"]
    body = {"modules": [{"module_slug": "tasks"}]}

    answers = await asyncio.gather(
        *((first, second)[n % 2].put(f"/roles/{made}/modules", body) for n, made in enumerate(roles))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 6}
    found = [v for v in (await first.get("/rbac/versions")).json()["items"] if v["id"] > before]
    assert [v["id"] for v in found] == list(range(before + 6, before, -1))
    assert all(len(v["changes"]) == 1 for v in found)
    assert {UUID(v["changes"][0]["new"]["role_id"]) for v in found} == {UUID(made) for made in roles}


@pytest.mark.timeout(60)
async def test_policy_writes_wait_for_each_other_and_do_not_deadlock(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    first, second = [await role(root, name) for name in ("R1", "R2")]
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]

    for number in range(4):
        flags = [{"module_slug": "tasks", "can_create": number % 2 == 0}]
        matrix = {"roles": [{"role_id": id, "modules": flags} for id in (second, first)]}  # noqa: A001  # short
        answers = await asyncio.gather(
            root.patch("/roles/matrix", matrix),
            root.put(f"/roles/{first}/modules", {"modules": []}),
            root.put(f"/roles/{second}/modules", {"modules": []}),
            root.put(f"/users/{person.id}/roles", {"role_ids": [first, second][: number % 3]}),
            root.patch(f"/roles/{second}", {"is_active": number % 2 == 0}),
            root.post(f"/rbac/versions/{version}/rollback"),
        )
        assert {answer.status_code for answer in answers} <= {200, 204}, [a.text for a in answers]


async def test_a_rollback_that_gives_roles_back_administers_users(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    editor = await signed_in_as("roles:update", "tasks:read")
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})

    answer = await editor.post(f"/rbac/versions/{version}/rollback")

    assert (answer.status_code, "users:update" in answer.json()["detail"]) == (403, True)


async def test_a_dry_run_does_not_change_the_policy_version(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    made = await role(root, "Never")
    before = (await root.get("/auth/me")).headers["policy-version"]

    dry = await root.put(f"/roles/{made}/modules", {"modules": [{"module_slug": "tasks"}]}, params={"dry_run": "true"})

    assert (dry.status_code, dry.headers["policy-version"]) == (200, before)


async def test_a_rollback_is_a_new_version_of_what_it_changed(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")
    (mine,) = [found["role_id"] for found in await own_roles(root, person)]
    version = (await root.get("/rbac/versions")).json()["items"][0]["id"]
    await root.put(f"/roles/{mine}/modules", {"modules": []})
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})
    etags = [(await root.get(path)).headers["etag"] for path in (f"/roles/{mine}", f"/users/{person.id}")]

    assert (await root.post(f"/rbac/versions/{version}/rollback")).status_code == 204

    stale = [
        await root.put(f"/roles/{mine}/modules", {"modules": []}, headers={"If-Match": etags[0]}),
        await root.put(f"/users/{person.id}/roles", {"role_ids": []}, headers={"If-Match": etags[1]}),
    ]
    assert [answer.status_code for answer in stale] == [412, 412]


async def make_versions(root: Person, person: Person, count: int) -> None:
    """Change the roles of `person` so often."""
    chosen = await role(root, "On and off", {"module_slug": "tasks"})
    for number in range(count):
        roles = [chosen] if number % 2 == 0 else []
        assert (await root.put(f"/users/{person.id}/roles", {"role_ids": roles})).status_code == 200


async def test_old_versions_go_without_leaving_a_gap(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    """Only versions before one that is kept go, whatever a clock wrote on them, and never the newest ones."""
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    await make_versions(root, person, 6)
    table = table_of(PolicyVersion)
    ids = [row.id for row in await database.read_session(job).all(select(table.c.id).order_by(table.c.id))]
    old = update(table).where(table.c.id != ids[-5]).values(at=now() - timedelta(days=39))
    await execute_without_triggers(database.settings, "policy_version", old)

    async def left(kept: int) -> list[int]:
        await prune(database, [old_versions(timedelta(days=38), kept)])
        return [row.id for row in await database.read_session(job).all(select(table.c.id).order_by(table.c.id))]

    assert await left(kept=1000) == ids
    assert await left(kept=6) == ids[-6:]
    assert await left(kept=2) == ids[-5:], "a version between two that are kept stays"
    restored = await root.post(f"/rbac/versions/{ids[-5]}/rollback")
    assert restored.status_code in (200, 204), restored.text
    assert (await root.post(f"/rbac/versions/{ids[0]}/rollback")).status_code == 404
