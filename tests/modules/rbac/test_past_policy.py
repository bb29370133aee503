"""What an explanation says of an instant, past or future, is what the guards said then."""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select, update

from app.core.clock import now
from app.core.context import RequestContext, in_short
from app.core.db.engine import Database
from app.core.db.entity import table_of
from app.core.errors import Unauthenticated
from app.core.runtime.module_info import STANDARD_ACTIONS
from app.modules.rbac.models import PolicyVersion
from tests.answers import refusals
from tests.core.db.triggers import execute_without_triggers
from tests.modules.rbac.oracle import Oracle, read_oracle
from tests.modules.roles.policies import ALL, role
from tests.people import Person, SignedInAs

STEPS, PEOPLE, ROLES = 40, 4, 3
SLUGS = ("tasks", "products", "users")
FLAGS = ("can_create", "can_update", "can_delete", "can_audit")


def names_in_scopes(explanation: Any) -> list[str]:
    """What an explanation says that the user holds, as permissions are written."""
    name = explanation["permission"]
    return [name if scope == "all" else f"{name}@{scope}" for scope in explanation["scopes"]]


async def ask(asker: Person, **params: Any) -> Any:
    """The explanation of one permission, or of all."""
    answer = await asker.get("/rbac/explain" if "permission" in params else "/rbac/explain/all", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Company:
    """People, roles, and random changes of the policy by a superuser."""

    def __init__(self, app: FastAPI, root: Person, chance: random.Random) -> None:
        self.app, self.root, self.chance = app, root, chance
        self.people: list[Person] = []
        self.roles: list[str] = []
        self.modules: dict[str, Any] = {}

    async def found(self, signed_in_as: SignedInAs) -> None:
        self.people = [await signed_in_as() for _ in range(PEOPLE)]
        self.roles = [await role(self.root, f"Role {uuid4()}") for _ in range(ROLES)]
        self.modules = {row["slug"]: row for row in (await self.root.get("/modules")).json()["items"]}
        for each in self.roles:
            await self.root.put(f"/roles/{each}/modules", self.matrix())
        for person in self.people:
            await self.root.put(f"/users/{person.id}/roles", {"role_ids": self.chance.sample(self.roles, 2)})

    def matrix(self) -> dict[str, Any]:
        chosen = self.chance.sample(SLUGS, self.chance.randint(0, len(SLUGS)))
        return {"modules": [{"module_slug": s, **{f: self.chance.random() < 0.5 for f in FLAGS}} for s in chosen]}

    def terms(self) -> dict[str, Any]:
        """Terms whose edges are passed while the test runs."""
        edges = (*[None] * 5, now() + timedelta(seconds=0.05), now() + timedelta(seconds=0.2))
        begins, ends = self.chance.choice(edges), self.chance.choice(edges)
        if begins and ends and begins >= ends:
            begins = None
        return {"valid_from": begins and begins.isoformat(), "valid_until": ends and ends.isoformat()}

    async def change(self) -> None:
        """One change of any kind."""
        root, chance = self.root, self.chance
        user, chosen = chance.choice(self.people).id, chance.choice(self.roles)
        module, is_on = self.modules[chance.choice(SLUGS)], chance.random() < 0.85
        given = [{"role_id": each, **self.terms()} for each in chance.sample(self.roles, chance.randint(0, ROLES))]
        version = (await root.get("/rbac/versions", params={"limit": 5})).json()["items"][-1]["id"]
        calls = [
            *[("PUT", f"/roles/{chosen}/modules", self.matrix())] * 4,
            *[("PUT", f"/users/{user}/roles", {"assignments": given})] * 4,
            ("PATCH", f"/roles/{chosen}", {"is_active": is_on}),
            ("PATCH", f"/roles/{chosen}", {"name": f"Role {uuid4()}"}),
            ("DELETE", f"/roles/{chosen}", None),
            *[("POST", f"/roles/{each}/restore", None) for each in self.roles],
            ("PATCH", f"/modules/{module['id']}", {"is_active": is_on}),
            ("PATCH", f"/modules/{module['id']}", {"group_id": chance.choice([*self.modules.values()])["group_id"]}),
            ("PATCH", f"/module-groups/{module['group_id']}", {"is_active": is_on}),
            ("PATCH", f"/users/{user}", {"is_superuser": not is_on}),
            ("PATCH", f"/users/{user}", {"is_active": is_on}),
            ("DELETE", f"/users/{user}", None),
            *[("POST", f"/users/{each.id}/restore", None) for each in self.people],
            ("POST", f"/rbac/versions/{version}/rollback", None),
        ]
        method, path, body = chance.choice(calls)
        answer = await root.call(method, path, **({"json": body} if body is not None else {}))
        assert answer.status_code < 500, answer.text

    async def gate(self, slugs: list[str]) -> dict[UUID, frozenset[str]]:
        """What the guards allow each person now."""
        found = {}
        for person in self.people:
            try:
                principal = await self.app.state.authenticator.authenticate(person.access_token, RequestContext())
            except Unauthenticated:
                continue  # the sessions of a deactivated user end for good; the oracle knows what is held
            modules = [module for module in self.app.state.modules if module.slug in slugs]
            asked = [f"{each.slug}:{action}" for each in modules for action in (*STANDARD_ACTIONS, *each.actions)]
            found[person.id] = frozenset(filter(principal.may, asked))
        return found


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 4])
async def test_what_an_explanation_says_of_an_instant_is_what_the_gate_said_then(
    app: FastAPI, signed_in_as: SignedInAs, job: RequestContext, seed: int
) -> None:
    root = await signed_in_as(superuser=True)
    company = Company(app, root, random.Random(seed))  # repeatable, not secret
    await company.found(signed_in_as)
    memory: list[tuple[datetime, Oracle, dict[UUID, frozenset[str]]]] = []
    for _ in range(STEPS):
        await company.change()
        before, said, at = now(), await company.gate(list(company.modules)), now()
        truth = await read_oracle(app.state.database, job)
        crossed = {user for user in said if truth.holdings(user, before) != truth.holdings(user, at)}
        memory.append((at, truth, {user: held for user, held in said.items() if user not in crossed}))
        await asyncio.sleep(0.01)

    asked = held = by_gate = 0
    for at, truth, said in memory:
        for person in company.people:
            told = await ask(root, user_id=str(person.id), at=at.isoformat(), near_misses="true")
            allowed = {name for item in told["permissions"] for name in names_in_scopes(item)}
            assert allowed == set(in_short(truth.holdings(person.id, at))), at
            assert person.id not in said or allowed == said[person.id], at
            asked, held, by_gate = asked + 1, held + bool(allowed), by_gate + (person.id in said)
    print(f"{asked} sets of permissions, {held} not empty, {by_gate} compared with the guards")  # noqa: T201  # the evidence
    assert 0.2 < held / asked < 0.95, "questions with one answer only prove nothing"
    assert by_gate > asked / 3


async def test_a_future_instant_is_judged_by_the_terms_of_today(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    chosen = await role(root, "On loan", {"module_slug": "tasks"})
    begins, ends = now() + timedelta(days=1), now() + timedelta(days=3)
    given = {"role_id": chosen, "valid_from": begins.isoformat(), "valid_until": ends.isoformat()}
    await root.put(f"/users/{person.id}/roles", {"assignments": [given]})

    told = {
        days: await ask(
            root, user_id=str(person.id), permission="tasks:read", at=(now() + timedelta(days=days)).isoformat()
        )
        for days in (0, 2, 4)
    }

    assert {days: found["allowed"] for days, found in told.items()} == {0: False, 2: True, 4: False}
    assert [told[days]["near_misses"][0]["effect"] for days in (0, 4)] == [
        "assignment-not-started",
        "assignment-expired",
    ]


async def test_an_instant_before_the_user_or_the_first_known_version_has_no_answer(
    signed_in_as: SignedInAs, database: Database, job: RequestContext
) -> None:
    root, early = await signed_in_as(superuser=True), now()
    person = await signed_in_as("tasks:read")
    question = {"user_id": str(person.id), "permission": "tasks:read"}
    unborn = await root.get("/rbac/explain", params={**question, "at": early.isoformat()})
    versions = table_of(PolicyVersion)
    ids = [row.id for row in await database.read_session(job).all(select(versions.c.id).order_by(versions.c.id))]
    old = update(versions).where(versions.c.id < ids[-1]).values(at=now() - timedelta(days=40))
    await execute_without_triggers(database.settings, "policy_version", old)
    await execute_without_triggers(database.settings, "policy_version", delete(versions).where(versions.c.id < ids[-1]))

    unknown = await root.get("/rbac/explain", params={**question, "at": early.isoformat()})
    known = await root.get("/rbac/explain", params={**question, "at": now().isoformat()})

    assert refusals({"unborn": unborn}) == {"unborn": (404, "not-found")}
    (error,) = unknown.json()["errors"]
    assert (unknown.status_code, error["pointer"], error["code"]) == (422, "/query/at", "before-first-version")
    assert error["params"]["earliest"] == (await root.get("/rbac/versions")).json()["items"][-1]["at"]
    assert known.json()["allowed"] is True


async def test_a_user_is_found_by_the_name_in_any_spelling(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:read")

    told = await ask(root, username=f" {person.username.upper()} ", permission="tasks:read")
    answers = {
        "unknown": await root.get("/rbac/explain/all", params={"username": "nobody.here"}),
        "an e-mail address": await root.get("/rbac/explain/all", params={"username": f"{person.username}@example.com"}),
        "no user": await root.get("/rbac/explain/all"),
        "two users": await root.get("/rbac/explain/all", params={"username": "a", "user_id": str(root.id)}),
        "without permission": await person.get("/rbac/explain/all", params={"username": person.username}),
    }

    assert (told["user_id"], told["allowed"]) == (str(person.id), True)
    assert refusals(answers) == {
        "unknown": (404, "not-found"),
        "an e-mail address": (404, "not-found"),
        "no user": (422, "invalid-fields"),
        "two users": (422, "invalid-fields"),
        "without permission": (403, "permission-denied"),
    }
    assert [answers[name].json()["errors"][0]["code"] for name in ("no user", "two users")] == ["one-user"] * 2


async def test_all_permissions_of_a_user_are_explained_at_once(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as("tasks:create", "users:read")
    mine = {"user_id": str(person.id)}

    told, almost = await ask(root, **mine), await ask(root, **mine, near_misses="true")
    of_root = await ask(root, user_id=str(root.id))

    single = {
        item["permission"]: await ask(root, **mine, permission=item["permission"]) for item in told["permissions"]
    }
    assert list(single) == ["tasks:create", "tasks:read", "users:read"]
    assert [{**item, "at": None} for item in told["permissions"]] == [{**each, "at": None} for each in single.values()]
    assert {item["permission"]: item["allowed"] for item in almost["permissions"]}["tasks:delete"] is False
    modules = (await root.get("/modules")).json()["items"]
    assert len(of_root["permissions"]) == sum(5 + len(module["actions"]) for module in modules)
    assert {item["detail"] for item in of_root["permissions"]} == {"A superuser may do everything."}


async def test_a_grant_that_was_taken_back_is_known_with_its_terms(signed_in_as: SignedInAs) -> None:
    root, person = await signed_in_as(superuser=True), await signed_in_as()
    chosen = await role(root, "Gone", {"module_slug": "products", **ALL})
    ends = (now() + timedelta(days=1)).replace(microsecond=0)
    given = {"role_id": chosen, "valid_until": ends.isoformat()}
    await root.put(f"/users/{person.id}/roles", {"assignments": [given]})
    then = now().isoformat()
    await root.put(f"/users/{person.id}/roles", {"role_ids": []})
    await root.put(f"/roles/{chosen}/modules", {"modules": []})
    await root.delete(f"/roles/{chosen}")

    told = await ask(root, user_id=str(person.id), permission="products:delete", at=then)

    assert (told["allowed"], told["reasons"][0]["role"]) == (True, "Gone")
    assert (await ask(root, user_id=str(person.id), permission="products:delete"))["allowed"] is False
