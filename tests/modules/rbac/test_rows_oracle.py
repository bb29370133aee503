"""What the API shows of the rows of modules with scopes, and lets callers do to them, against loops over the tables."""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.context import EVERYTHING, Actor, Principal, RequestContext
from app.modules.customers.models import Customer
from app.modules.roles import Assignments, AssignmentService, Flags, RoleCreate, RoleService
from app.modules.tasks.models import Task, TaskStatus
from tests.people import Person, person

POLICIES, USERS, ROWS = 6, 4, 3
OWN = {"tasks": ("created_by_id", "assignee_id"), "customers": ("created_by_id",)}
"""From the specification: tasks that one created or is to do, and customers that one created."""
OWN_ACTIONS: dict[str, list[list[str]]] = {"tasks": [[]], "customers": [["read-personal"], ["read-personal", "export"]]}
"""Own actions that a role may grant. Files of tasks need none."""


@dataclass
class World:
    """Users, what roles grant them, and rows."""

    people: list[Person]
    grants: dict[UUID, list[Flags]] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)

    def may(self, user_id: UUID, slug: str, action: str, row: Any) -> bool:
        """Whether a grant of the user permits the action for the row."""
        for grant in self.grants[user_id]:
            permits = permitted_by(grant, action)
            is_own = user_id in [getattr(row, column) for column in OWN[slug]]
            if grant.module_slug == slug and permits and (grant.scope == "all" or is_own):
                return True
        return False

    def may_somewhere(self, user_id: UUID, slug: str, action: str) -> bool:
        return any(grant.module_slug == slug and permitted_by(grant, action) for grant in self.grants[user_id])

    def exported(self, user_id: UUID, slug: str) -> set[str] | None:
        """The ids of the rows in a file of the user's; None where there is none."""
        if slug == "tasks":
            return self.shown(user_id, slug)
        return self.shown(user_id, slug, "export") if self.may_somewhere(user_id, slug, "export") else None

    def shown(self, user_id: UUID, slug: str, also: str = "read", *, deleted: bool = False) -> set[str]:
        """The ids of the rows that the user sees in a list, and to which the user may do another action."""
        actions = ("read", "delete") if deleted else ("read", also)
        return {
            str(row.id)
            for row in self.rows[slug]
            if (row.deleted_at is not None) == deleted
            and all(self.may(user_id, slug, action, row) for action in actions)
        }


def permitted_by(grant: Flags, action: str) -> bool:
    """Whether a grant permits an action."""
    return action == "read" or action in grant.actions or getattr(grant, f"can_{action}", False)


def acting_as(user: Person) -> RequestContext:
    principal = Principal(user.id, user.username, frozenset({EVERYTHING}), now() + timedelta(hours=1))
    return RequestContext(actor=Actor("user", user.id), principal=principal)


def invent_grants(chance: random.Random) -> list[list[Flags]]:
    """What a few roles grant: some or all rows of some modules."""
    return [
        [
            Flags(
                module_slug=slug,
                scope=chance.choice(["all", "own", "own"]),
                actions=chance.choice(OWN_ACTIONS[slug]),
                **{f"can_{action}": chance.random() < 0.5 for action in ("create", "update", "delete")},
            )
            for slug in OWN
            if chance.random() < 0.7
        ]
        for _ in range(4)
    ]


async def invent(app: FastAPI, client: httpx.AsyncClient, chance: random.Random, rows: dict[str, list[Any]]) -> World:
    """A random policy, and random rows beside those of earlier worlds."""
    world = World([await person(app, client) for _ in range(USERS)], rows=rows)
    database = app.state.database
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        made = [(await RoleService(session).create(RoleCreate(name=uuid4().hex)), g) for g in invent_grants(chance)]
        for role, grants in made:
            await RoleService(session).replace_matrix(role.id, grants)
        for user in world.people:
            given = chance.sample(made, chance.choice([1, 1, 2]))
            await AssignmentService(session).replace(user.id, Assignments(role_ids=[role.id for role, _ in given]))
            world.grants[user.id] = [grant for _, grants in given for grant in grants]
    for user in world.people:
        async with database.unit_of_work(acting_as(user)) as session:
            for slug in OWN:
                added = invent_rows(slug, world, chance)
                session.add_all(added)
                world.rows[slug] += added
            await session.flush()
    return world


def invent_rows(slug: str, world: World, chance: random.Random) -> list[Any]:
    states: list[dict[str, Any]] = [{}, {}, {"deleted_at": now()}]
    if slug == "customers":
        return [
            Customer(first_name="A", last_name="B", email=f"{uuid4().hex}@example.com", **chance.choice(states))
            for _ in range(ROWS)
        ]
    doers = [*(user.id for user in world.people), None]
    return [
        Task(
            title=uuid4().hex,
            status=chance.choice([*TaskStatus]),
            assignee_id=chance.choice(doers),
            **chance.choice(states),
        )
        for _ in range(ROWS)
    ]


async def check_lists(world: World, user: Person, slug: str) -> int:
    """Lists, counts, files and summaries have the rows that the oracle names, and nothing of others."""
    truth = world.shown(user.id, slug)
    page = (await user.get(f"/{slug}", params={"limit": 100, "total": "exact"})).json()
    file = await user.get(f"/{slug}", params={"format": "ndjson"})
    rows = {orjson.loads(line)["id"] for line in file.text.splitlines()} if file.status_code == 200 else None
    summary = (await user.get(f"/{slug}/summary", params={"by": "status"})).json()
    found = (await user.get(f"/{slug}", params={"q": "b", "total": True})).json() if slug == "customers" else page
    assert {item["id"] for item in page["items"]} == truth
    assert rows == world.exported(user.id, slug)
    assert page["total"] == summary["total"] == found["total"] == len(truth)
    hidden = await user.get(f"/{slug}", params={"deleted": "only", "limit": 100, "total": "exact"})
    if not world.may_somewhere(user.id, slug, "delete"):
        assert hidden.status_code == 403
        return len(truth)
    assert {item["id"] for item in hidden.json()["items"]} == world.shown(user.id, slug, deleted=True)
    return len(truth)


async def check_items(world: World, user: Person, slug: str) -> int:
    """Each row is there, or there is none; it can be changed, or that is refused."""
    asked = 0
    for row in world.rows[slug]:
        is_shown = str(row.id) in world.shown(user.id, slug)
        expected = {"get": 200 if is_shown else 404, "history": 200 if is_shown else 404, "patch": 404}
        may_restore = row.deleted_at is not None and str(row.id) in world.shown(user.id, slug, deleted=True)
        expected["history"] = 200 if may_restore else expected["history"]
        if not world.may_somewhere(user.id, slug, "update"):
            expected["patch"] = 403
        elif is_shown:
            expected["patch"] = 200 if world.may(user.id, slug, "update", row) else 403
        answers = {
            "get": await user.get(f"/{slug}/{row.id}"),
            "history": await user.get(f"/{slug}/{row.id}/history"),
            "patch": await user.patch(f"/{slug}/{row.id}", {}),
        }
        assert {name: answer.status_code for name, answer in answers.items()} == expected, (slug, row)
        asked += len(answers)
    return asked


@pytest.mark.parametrize("half", [0, 1])
async def test_the_api_shows_what_the_tables_say(app: FastAPI, client: httpx.AsyncClient, half: int) -> None:
    asked = shown = 0
    rows: dict[str, list[Any]] = {slug: [] for slug in OWN}
    for seed in range(half * POLICIES // 2, (half + 1) * POLICIES // 2):
        world = await invent(app, client, random.Random(seed), rows)  # repeatable, not secret
        for user in world.people:
            for slug in OWN:
                if not world.may_somewhere(user.id, slug, "read"):
                    assert (await user.get(f"/{slug}")).status_code == 403
                    continue
                shown += await check_lists(world, user, slug)
                asked += await check_items(world, user, slug)

    print(f"{asked} questions about rows, {shown} rows listed")  # noqa: T201  # the evidence, with -s
    assert asked > 300
