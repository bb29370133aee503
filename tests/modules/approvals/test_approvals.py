"""Four eyes: changes wait until a second person approves them."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from sqlalchemy import select
from sqlmodel import col

from app.core.clock import now
from app.core.config import ApprovalSettings, Settings
from app.core.context import RequestContext
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.http.route import Route
from app.core.http.transaction import Postponed
from app.modules.approvals.hooks import prune_rules
from app.modules.approvals.models import Approval
from app.modules.approvals.router import must_wait
from app.modules.sessions.models import AuthSession
from tests.core.db.pruning import prune
from tests.fixtures.application import client_of, started
from tests.modules.roles.policies import role, role_of
from tests.modules.second_factor.devices import enrolled
from tests.people import PASSWORD, Person, SignedInAs, person

RULES = ("rollback", "erasure", "grant:audit:read", "grant:users:*")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with changes that wait."""
    return settings.model_copy(update={"approvals": ApprovalSettings(required_for=RULES)})


CARLA = {"first_name": "Carla", "last_name": "Customer", "email": "carla@example.com"}
AUDITOR = {"modules": [{"module_slug": "audit"}]}


async def wait_for(answer: httpx.Response, person: Person) -> dict[str, Any]:
    """The approval for which the change of `answer` waits."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/approvals/{answer.json()['id']}"
    found: dict[str, Any] = (await person.get(f"/approvals/{answer.json()['id']}")).json()
    assert found == answer.json()
    assert found["state"] == "pending"
    return found


async def ask(person: Person, name: str = "Auditors", **options: Any) -> dict[str, Any]:
    """Ask for a role that may read the audit log."""
    made = await role(person, name)
    answer = await person.put(f"/roles/{made}/modules", AUDITOR, **options)
    return {**await wait_for(answer, person), "role": made}


async def grants_of(person: Person, id: str) -> list[str]:
    return [each["module_slug"] for each in (await person.get(f"/roles/{id}/modules")).json()["modules"]]


async def approve(person: Person, asked: dict[str, Any], what: str = "approve") -> httpx.Response:
    return await person.post(f"/approvals/{asked['id']}/{what}")


async def test_a_grant_waits_until_a_second_person_approves(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    asked = await ask(asking, headers={"Audit-Reason": "yearly audit", "X-Request-ID": "ask"})

    before = await grants_of(asking, asked["role"])
    version = int((await asking.get("/approvals")).headers["policy-version"])
    preview = (await second.get(f"/approvals/{asked['id']}/preview")).json()
    own = await approve(asking, asked)
    done = await approve(second, asked)
    again = await approve(second, asked)

    assert before == []
    assert (asked["policy_version"], done.headers["policy-version"]) == (version, str(version + 1))
    assert (asked["requester"]["name"], asked["needs"], asked["reason"]) == (
        asking.username,
        ["grant:audit:read"],
        "yearly audit",
    )
    assert (asked["method"], asked["path"]) == ("PUT", f"/api/v1/roles/{asked['role']}/modules")
    assert preview["dry_run"] == {"dry_run": True, "effects": [], "needs_approval": ["grant:audit:read"]}
    assert (preview["body"], preview["problem"]) == (AUDITOR, None)
    assert (own.status_code, own.json()["code"]) == (403, "own-approval")
    assert (done.status_code, done.json()["state"], done.json()["decided_by"]["name"]) == (
        200,
        "approved",
        second.username,
    )
    assert (again.status_code, again.json()["code"]) == (409, "approval-not-waiting")
    assert await grants_of(asking, asked["role"]) == ["audit"]


async def test_the_entries_name_who_asked_and_who_approved(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    asked = await ask(asking, headers={"Audit-Reason": "yearly audit"})

    await second.post(f"/approvals/{asked['id']}/approve", headers={"X-Request-ID": "yes"})

    entries = (await second.get("/audit/changes", params={"request_id": "yes"})).json()["items"]
    assert {each["entity"] for each in entries} == {"role", "role_module", "approval"}
    for each in entries:
        assert (each["actor_id"], each["actor_name"]) == (str(second.id), second.username)
        assert (each["owner_id"], each["reason"]) == (str(asking.id), "yearly audit")
    (version,) = (await second.get("/rbac/versions", params={"request_id": "yes"})).json()["items"]
    assert version["actor_name"] == second.username


async def test_a_rollback_waits(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    made = await role(asking, "Rolled back", {"module_slug": "tasks"})
    (newest,) = (await asking.get("/rbac/versions", params={"limit": 1})).json()["items"]
    (await asking.put(f"/roles/{made}/modules", {"modules": []})).raise_for_status()

    asked = await wait_for(await asking.post(f"/rbac/versions/{newest['id']}/rollback"), asking)
    before = await grants_of(asking, made)
    (await approve(second, asked)).raise_for_status()

    assert (asked["needs"], before) == (["rollback"], [])
    assert await grants_of(asking, made) == ["tasks"]


async def test_an_erasure_waits(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    customer = (await asking.post("/customers", CARLA)).json()
    reason = {"headers": {"Audit-Reason": "asked to be forgotten"}}

    asked = await wait_for(await asking.post(f"/customers/{customer['id']}/erase", **reason), asking)
    there = await asking.get(f"/customers/{customer['id']}")
    (await approve(second, asked)).raise_for_status()
    gone = await asking.get(f"/customers/{customer['id']}")
    (erasure,) = (await second.get("/audit/erasures")).json()["items"]

    assert asked["needs"] == ["erasure"]
    assert (there.json()["first_name"], gone.status_code) == ("Carla", 404)
    assert (erasure["actor_name"], erasure["reason"]) == (second.username, "asked to be forgotten")


async def test_nothing_passes_by_another_way(signed_in_as: SignedInAs, database: Database) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("audit:read")
    other, mine = await signed_in_as(), str(await role_of(person, root))
    another = await role_of(await signed_in_as("audit:read"), root)
    empty = await role(root, "Still empty")
    modules = {each["slug"]: each for each in (await root.get("/modules")).json()["items"]}
    await signed_in_as("users:read")
    new = {"username": "newroot", "email": "newroot@example.com", "password": PASSWORD, "is_superuser": True}

    async def toggle(path: str) -> httpx.Response:
        (await root.patch(path, {"is_active": False})).raise_for_status()
        return await root.patch(path, {"is_active": True})

    async def restore() -> httpx.Response:
        (await root.delete(f"/roles/{mine}")).raise_for_status()
        return await root.post(f"/roles/{mine}/restore")

    async def revert(path: str) -> httpx.Response:
        at = (await root.get(path)).json()["updated_at"]
        (await root.patch(path, {"is_active": False})).raise_for_status()
        return await root.post(f"{path}/revert", {"at": at}, headers={"Audit-Reason": "back"})

    calls = {
        "matrix": await root.patch("/roles/matrix", {"roles": [{"role_id": empty, **AUDITOR}]}),
        "set": await root.put(f"/roles/{empty}/modules", AUDITOR),
        "assignment": await root.put(f"/users/{other.id}/roles", {"role_ids": [mine]}),
        "module": await toggle(f"/modules/{modules['users']['id']}"),
        "group": await toggle(f"/module-groups/{modules['audit']['group_id']}"),
        "reverted": await revert(f"/roles/{another}"),
        "superuser": await root.patch(f"/users/{other.id}", {"is_superuser": True}),
        "new superuser": await root.post("/users", new),
        "restored": await restore(),
    }

    assert {call: answer.status_code for call, answer in calls.items()} == dict.fromkeys(calls, 202)
    assert (await person.get("/audit/changes")).status_code == 403
    assert (await other.get("/users")).status_code == 403


async def test_a_file_cannot_wait(signed_in_as: SignedInAs, app: FastAPI) -> None:
    """No import changes the policy yet. One that did would be refused, because its body is not kept."""
    request = Request({"type": "http", "state": {"context": RequestContext()}, "route": route_of(app, "import_tasks")})

    with pytest.raises(Postponed, match="a second person: grant:audit:read"):
        await must_wait(["grant:audit:read"], []).handler(request)


def route_of(app: FastAPI, name: str) -> Route:
    found = [route.original_route for route in iter_route_contexts(app.routes) if route.name == name]
    assert isinstance(found[0], Route)
    return found[0]


async def test_what_would_be_refused_is_refused_at_once(signed_in_as: SignedInAs) -> None:
    root, weak = await signed_in_as(superuser=True), await signed_in_as("roles:update")
    made = await role(root, "Out of reach")

    answer = await weak.put(f"/roles/{made}/modules", AUDITOR)

    assert (answer.status_code, answer.json()["code"]) == (403, "cannot-grant")
    assert (await root.get("/approvals")).json()["items"] == []


async def test_other_changes_do_not_wait_and_a_dry_run_says_what_would(signed_in_as: SignedInAs) -> None:
    root = await signed_in_as(superuser=True)
    made = await role(root, "Tasks only", {"module_slug": "tasks"})

    dry = await root.put(f"/roles/{made}/modules", AUDITOR, params={"dry_run": "true"})
    (await root.put(f"/roles/{made}/modules", {"modules": []})).raise_for_status()

    assert dry.json() == {"dry_run": True, "effects": [], "needs_approval": ["grant:audit:read"]}
    assert (await root.get("/approvals")).json()["items"] == []


async def test_an_approver_needs_what_the_change_needs(signed_in_as: SignedInAs) -> None:
    root, third = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    half = await signed_in_as("approvals:update", "roles:update")
    stranger, able = (
        await signed_in_as("roles:update"),
        await signed_in_as("approvals:update", "roles:update", "audit:read"),
    )
    asked = await ask(root)

    preview = (await half.get(f"/approvals/{asked['id']}/preview")).json()
    refused = await approve(half, asked)
    hidden = [await stranger.get(f"/approvals/{asked['id']}{end}") for end in ("", "/preview")]
    listed = (await stranger.get("/approvals")).json()["items"]
    waiting = [(await third.get("/approvals", params={"waiting": is_one})).json()["items"] for is_one in (True, False)]
    done = await approve(able, asked)

    assert (preview["dry_run"], preview["problem"]) == (None, "cannot-grant")
    assert (refused.status_code, refused.json()["code"]) == (403, "cannot-grant")
    assert ([each.status_code for each in hidden], listed) == ([404, 404], [])
    assert [[each["id"] for each in found] for found in waiting] == [[asked["id"]], []]
    assert (done.status_code, done.json()["state"]) == (200, "approved")


async def test_a_key_of_the_requester_does_not_approve(signed_in_as: SignedInAs) -> None:
    """Neither does a key of anybody: it is no second person."""
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    asked, scopes = (
        await ask(asking),
        ["approvals:read", "approvals:update", "roles:read", "roles:update", "audit:read"],
    )

    for owner in (asking, second):
        key = (await owner.post("/auth/api-keys", {"name": "Robot", "scopes": scopes})).json()["key"]
        robot = Person(owner.id, "robot", owner.client, key, "")
        assert (await approve(robot, asked)).status_code == 403
    assert (await approve(second, asked)).status_code == 200


async def test_a_change_by_a_key_waits_for_another_person_than_its_owner(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    scopes = ["roles:read", "roles:update", "roles:create", "audit:read"]
    key = (await asking.post("/auth/api-keys", {"name": "Robot", "scopes": scopes})).json()["key"]

    asked = await ask(Person(asking.id, "robot", asking.client, key, ""))

    assert (await approve(asking, asked)).json()["code"] == "own-approval"
    assert (await approve(asking, asked, "reject")).json()["code"] == "own-approval"
    assert (await approve(second, asked)).status_code == 200


async def test_it_is_rejected_or_withdrawn(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    one, other = await ask(asking, "One"), await ask(asking, "Other")

    rejected, not_own = await approve(second, one, "reject"), await approve(second, other, "withdraw")
    withdrawn = await approve(asking, other, "withdraw")

    assert (rejected.json()["state"], rejected.json()["decided_by"]["id"]) == ("rejected", str(second.id))
    assert (not_own.status_code, withdrawn.json()["state"]) == (403, "withdrawn")
    for asked in (one, other):
        assert (await approve(second, asked)).json()["code"] == "approval-not-waiting"
        assert await grants_of(second, asked["role"]) == []


async def test_it_expires(signed_in_as: SignedInAs, database: Database, job: RequestContext) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    asked = await ask(asking)
    async with database.unit_of_work(job) as session:
        row = await session.load(Approval, UUID(asked["id"]))
        assert row is not None
        row.expires_at = now()

    answers = [await approve(second, asked, what) for what in ("approve", "reject")]
    answers.append(await approve(asking, asked, "withdraw"))

    assert [each.json()["code"] for each in answers] == ["approval-not-waiting"] * 3
    assert (await second.get(f"/approvals/{asked['id']}")).json()["state"] == "expired"
    assert (await second.get(f"/approvals/{asked['id']}/preview")).status_code == 409
    assert (await second.get("/approvals", params={"waiting": "true"})).json()["items"] == []
    assert await grants_of(second, asked["role"]) == []


async def test_it_fails_where_the_state_has_changed(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    made = await role(asking, "Changed meanwhile")
    version = (await asking.get(f"/roles/{made}")).headers["etag"]
    answer = await asking.put(f"/roles/{made}/modules", AUDITOR, headers={"If-Match": version})
    asked = await wait_for(answer, asking)
    (await asking.patch(f"/roles/{made}", {"description": "Another version"})).raise_for_status()

    preview = (await second.get(f"/approvals/{asked['id']}/preview")).json()
    failed = await approve(second, asked)
    shown = (await second.get(f"/approvals/{asked['id']}")).json()

    assert preview["problem"] == "stale-version"
    assert (failed.status_code, failed.json()["code"]) == (412, "stale-version")
    assert (shown["state"], shown["problem"]) == ("failed", "stale-version")
    assert shown["decided_by"]["name"] == second.username


async def test_it_fails_where_a_name_was_taken(signed_in_as: SignedInAs) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    new = {"username": "newroot", "email": "newroot@example.com", "password": PASSWORD}
    asked = await wait_for(await asking.post("/users", {**new, "is_superuser": True}), asking)
    (await asking.post("/users", new)).raise_for_status()

    preview = (await second.get(f"/approvals/{asked['id']}/preview")).json()
    failed = await approve(second, asked)
    shown = (await second.get(f"/approvals/{asked['id']}")).json()

    assert preview["problem"] == "already-exists"
    assert (failed.status_code, failed.json()["code"]) == (409, "already-exists")
    assert (shown["state"], shown["problem"]) == ("failed", "already-exists")


@pytest.mark.parametrize("loss", ["user", "role"])
async def test_it_fails_where_the_requester_may_not_any_more(
    signed_in_as: SignedInAs, database: Database, job: RequestContext, loss: str
) -> None:
    second, asking = (
        await signed_in_as(superuser=True),
        await signed_in_as("roles:create", "roles:update", "audit:read"),
    )
    asked = await ask(asking)
    if loss == "user":
        (await second.patch(f"/users/{asking.id}", {"is_active": False})).raise_for_status()
    else:
        reader = await role(second, "Roles only", {"module_slug": "roles", "can_update": True})
        (await second.put(f"/users/{asking.id}/roles", {"role_ids": [reader]})).raise_for_status()

    failed = await approve(second, asked)

    assert (failed.status_code, failed.json()["code"]) == (409, "requester-may-not")
    assert (await second.get(f"/approvals/{asked['id']}")).json()["state"] == "failed"
    assert await grants_of(second, asked["role"]) == []


async def test_two_who_approve_at_once_make_it_once(signed_in_as: SignedInAs) -> None:
    asking = await signed_in_as(superuser=True)
    others = [await signed_in_as(superuser=True) for _ in range(3)]
    asked = await ask(asking)

    answers = await asyncio.gather(*(approve(each, asked) for each in others))

    assert Counter(each.status_code for each in answers) == {200: 1, 409: 2}
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"approval-not-waiting"}
    assert (await asking.get(f"/approvals/{asked['id']}")).json()["state"] == "approved"
    entries = (await asking.get("/audit/changes", params={"entity": "role_module", "action": "create"})).json()["items"]
    assert len(entries) == 1


async def test_a_retry_with_its_key_asks_once(signed_in_as: SignedInAs) -> None:
    asking = await signed_in_as(superuser=True)
    (newest,) = (await asking.get("/rbac/versions", params={"limit": 1})).json()["items"]
    await role(asking, "After it", {"module_slug": "tasks"})
    path, key = f"/rbac/versions/{newest['id']}/rollback", {"Idempotency-Key": "again"}

    first, second = [await asking.post(path, headers=key) for _ in range(2)]

    assert (first.status_code, second.status_code) == (202, 202)
    assert (second.headers["idempotency-replayed"], second.content) == ("true", first.content)
    assert second.headers["location"] == first.headers["location"]
    assert len((await asking.get("/approvals")).json()["items"]) == 1


async def test_an_approver_verifies_the_second_factor(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    asked = await ask(asking)
    await enrolled(second)
    async with database.unit_of_work(job) as session:
        mine = select(AuthSession).where(col(AuthSession.user_id) == second.id)
        (opened,) = (await session.execute(mine)).scalars()
        opened.verified_at = None

    answer = await approve(second, asked)

    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient-user-authentication")
    assert (await asking.get(f"/approvals/{asked['id']}")).json()["state"] == "pending"


async def test_a_password_is_neither_stored_nor_shown(signed_in_as: SignedInAs, database: Database) -> None:
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    new = {"username": "newroot", "email": "newroot@example.com", "password": "s3cret-canary-1", "is_superuser": True}

    asked = await wait_for(await asking.post("/users", new), asking)
    preview = await second.get(f"/approvals/{asked['id']}/preview")
    stored = await database.read_session(RequestContext.for_job("test")).first(select(table_of(Approval)))
    entries = await second.get("/audit/changes", params={"entity": "approval"})
    (await approve(second, asked)).raise_for_status()
    left = await database.read_session(RequestContext.for_job("test")).first(select(table_of(Approval)))

    assert preview.json()["body"]["username"] == "newroot"
    assert asked["needs"] == ["grant:*"]
    for text in (str(stored), preview.text, entries.text):
        assert "canary" not in text
    assert left is not None
    assert left.content is None, "kept while it waits only"


async def test_what_tells_of_an_erased_person_is_forgotten(signed_in_as: SignedInAs) -> None:
    root, second, other = [await signed_in_as(superuser=True) for _ in range(3)]
    new = {"username": f"{other.username}.2", "email": "two@example.com", "password": PASSWORD, "is_superuser": True}
    asked = await wait_for(await root.post("/users", new), root)
    erasing = await root.post(f"/users/{other.id}/erase", headers={"Audit-Reason": "asked"})
    (await approve(second, await wait_for(erasing, root))).raise_for_status()

    assert (await root.get(f"/approvals/{asked['id']}")).json()["state"] == "withdrawn"


async def test_it_waits_and_is_made_behind_a_proxy(settings: Settings) -> None:
    async with started(settings.model_copy(update={"root_path": "/attest"})) as app, client_of(app) as client:
        client.base_url = httpx.URL("http://attest.test/attest/api/v1")
        asking, second = [await person(app, client, superuser=True) for _ in range(2)]
        made = await role(asking, "Auditors")

        answer = await asking.put(f"/roles/{made}/modules", AUDITOR)
        done = await second.post(f"/approvals/{answer.json()['id']}/approve")

    assert answer.headers["location"] == f"/attest/api/v1/approvals/{answer.json()['id']}"
    assert answer.json()["path"] == f"/api/v1/roles/{made}/modules"
    assert (done.status_code, done.json()["state"]) == (200, "approved")


async def test_old_ones_are_pruned(signed_in_as: SignedInAs, database: Database, job: RequestContext) -> None:
    asking = await signed_in_as(superuser=True)
    old, new = await ask(asking, "Old"), await ask(asking, "New")
    async with database.unit_of_work(job) as session:
        row = await session.load(Approval, UUID(old["id"]))
        assert row is not None
        row.expires_at = now() - timedelta(days=366)

    await prune(database, prune_rules(database.settings))

    assert [each["id"] for each in (await asking.get("/approvals")).json()["items"]] == [new["id"]]


async def test_an_altered_one_cannot_be_approved(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    """A row that the database alone changed: another requester, who could approve what was asked for."""
    asking, second = await signed_in_as(superuser=True), await signed_in_as(superuser=True)
    asked = await ask(asking)
    async with database.unit_of_work(job) as session:
        row = await session.load(Approval, UUID(asked["id"]))
        assert row is not None
        row.requester_id = second.id

    assert (await approve(asking, asked)).status_code == 409
    assert await grants_of(second, asked["role"]) == []
