"""The day of an auditor whose role has `audit:read` alone: names, explanations, the policy, and nothing to change."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.db.engine import Database
from tests.answers import statuses
from tests.modules.audit.sealer.sealed import seal_all, sealer_of
from tests.modules.roles.policies import role
from tests.people import Person, SignedInAs


@pytest.fixture
async def auditor(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as("audit:read")


@pytest.fixture
async def admin(signed_in_as: SignedInAs) -> Person:
    return await signed_in_as(superuser=True)


@pytest.fixture
async def carla(signed_in_as: SignedInAs) -> Person:
    """The user about whom the auditor asks. She mistyped her password."""
    carla = await signed_in_as("tasks:create")
    await carla.client.post("/auth/token", data={"username": carla.username, "password": "wrong and long enough"})
    return carla


Find = Callable[[Any], list[Any]]


async def test_every_question_of_the_day_is_answered_with_names(
    auditor: Person, admin: Person, carla: Person, database: Database
) -> None:
    keeper = await role(admin, "Stock keeper", {"module_slug": "products"})
    assigned = await admin.put(f"/users/{carla.id}/roles", {"role_ids": [keeper]})
    call = assigned.headers["attest-call-id"]
    await seal_all(sealer_of(database))
    version = assigned.headers["policy-version"]
    explained = f"user_id={carla.id}&permission=products:read"

    def items(key: str) -> Find:
        return lambda body: [item[key] for item in body["items"]]

    questions: dict[str, tuple[str, Find]] = {
        "who did it": (f"/audit/calls/{call}", lambda body: [body["actor_name"], body["request"]["item_name"]]),
        "what it changed": (
            f"/audit/calls/{call}",
            lambda body: [name for entry in body["changes"]["items"] for name in entry["names"].values()],
        ),
        "who tried to be her": (f"/audit/access?subject_id={carla.id}", items("subject_name")),
        "what she did": (
            f"/audit/actors/{carla.id}/timeline",
            lambda body: [item["request"]["subject_name"] for item in body["items"] if item["kind"] == "sign-in"],
        ),
        "who signed in": (f"/auth/logins?user_id={carla.id}", items("username")),
        "who holds it": ("/rbac/who-can?permission=products:read", items("username")),
        "why she holds it": (
            f"/rbac/explain?{explained}",
            lambda body: [body["username"], *(each["role"] for each in body["reasons"])],
        ),
        "who changed the policy": ("/rbac/versions?limit=1", items("actor_name")),
        "who got which role": (
            f"/rbac/versions/{version}",
            lambda body: [name for change in body["changes"] for name in change["names"].values()],
        ),
        "which roles may what": ("/roles/matrix?q=keeper", items("role_name")),
        "how a role came to be": (f"/roles/{keeper}/history", items("item_name")),
        "what happens now": ("/audit/feed?limit=1000", items("item_name")),
        "how often": ("/audit/summary?by=actor&sort=-count", items("actor_name")),
    }
    answers = {question: await auditor.get(path) for question, (path, _) in questions.items()}
    names = {question: set(find(answers[question].json())) for question, (_, find) in questions.items()}

    assert statuses(answers) == dict.fromkeys(questions, 200)
    assert names["who did it"] == {admin.username, carla.username}
    assert {carla.username, "Stock keeper"} <= names["what it changed"]
    assert names["who tried to be her"] == names["what she did"] == names["who signed in"] == {carla.username}
    assert names["who holds it"] >= {carla.username, admin.username}
    assert names["why she holds it"] == {carla.username, "Stock keeper"}
    assert names["who changed the policy"] == {admin.username}
    assert {carla.username, "Stock keeper"} <= names["who got which role"]
    assert names["which roles may what"] == {"Stock keeper"}
    assert names["how a role came to be"] == {"Stock keeper"}
    assert {carla.username, "Stock keeper", "Products"} <= names["what happens now"]
    assert admin.username in names["how often"]


async def test_everything_else_is_refused(auditor: Person, admin: Person, carla: Person) -> None:
    keeper = await role(admin, "Stock keeper", {"module_slug": "products"})
    version = (await admin.get("/rbac/versions?limit=1")).json()["items"][0]["id"]

    answers = {
        "the list of users": await auditor.get("/users"),
        "a user": await auditor.get(f"/users/{carla.id}"),
        "the roles of a user": await auditor.get(f"/users/{carla.id}/roles"),
        "the sessions of a user": await auditor.get(f"/users/{carla.id}/sessions"),
        "the list of roles": await auditor.get("/roles"),
        "the users of a role": await auditor.get(f"/roles/{keeper}/users"),
        "a change of a role": await auditor.patch(f"/roles/{keeper}", {"name": "Other"}),
        "a change of the matrix": await auditor.patch("/roles/matrix", {"roles": []}),
        "a rollback": await auditor.post(f"/rbac/versions/{version}/rollback"),
        "the end of a session": await auditor.delete(f"/users/{carla.id}/sessions"),
        "an erasure": await auditor.post(f"/users/{carla.id}/erase", headers={"Audit-Reason": "no"}),
        "hidden roles": await auditor.get("/roles/matrix?deleted=only"),
    }

    assert statuses(answers) == dict.fromkeys(answers, 403)


async def test_an_auditor_of_one_module_asks_nothing_about_the_policy(signed_in_as: SignedInAs) -> None:
    of_tasks = await signed_in_as("tasks:audit")

    for path in ("/rbac/who-can?permission=tasks:read", "/rbac/versions", "/roles/matrix", "/auth/logins"):
        assert (await of_tasks.get(path)).status_code == 403, path
