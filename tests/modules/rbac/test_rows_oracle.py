"""What the API shows of the rows of modules with scopes, and of their fields, and lets callers do to them.

The truth is what loops over the tables find.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.context import EVERYTHING, Actor, Principal, RequestContext
from app.modules.brands.models import Brand
from app.modules.customers.models import Customer
from app.modules.products.models import Product
from app.modules.roles import Assignments, AssignmentService, Flags, RoleCreate, RoleService
from app.modules.tasks.models import Task, TaskStatus
from tests.contract.governed import names_of
from tests.modules.customers import factory as customers
from tests.people import Person, person

POLICIES, USERS, ROWS = 6, 4, 3
NUMBERS = count(2)
"""Values that no field has yet."""
OWN = {"tasks": ("created_by_id", "assignee_id"), "customers": ("created_by_id",), "products": ()}
"""From the specification: tasks that one created or is to do, and customers that one created."""
SCOPES = {"tasks": "own", "customers": "own", "products": "brands"}
"""Products are in the scope of who created their brand, while that is there."""
OWN_ACTIONS: dict[str, list[list[str]]] = {
    "tasks": [[]],
    "customers": [[], ["read-personal"], ["export"], ["read-personal", "export"]],
    "products": [[], ["set-price"], ["set-price", "export"]],
}
"""Own actions that a role may grant. Files of tasks need none."""
FIELDS = {"customers": ("notes", "read-personal"), "products": ("price", "set-price")}
"""A field of each module that has such fields, and the action that it needs to be written."""


@dataclass
class World:
    """Users, what roles grant them, and rows."""

    people: list[Person]
    grants: dict[UUID, list[Flags]] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    brands: list[Brand] = field(default_factory=list)

    def is_own(self, user_id: UUID, slug: str, row: Any) -> bool:
        """Whether a row is in the scope of the user."""
        if slug == "products":
            brands = [each for each in self.brands if each.id == row.brand_id and each.deleted_at is None]
            return user_id in [brand.created_by_id for brand in brands]
        return user_id in [getattr(row, column) for column in OWN[slug]]

    def may(self, user_id: UUID, slug: str, action: str, row: Any) -> bool:
        """Whether a grant of the user permits the action for the row."""
        for grant in self.grants[user_id]:
            permits = permitted_by(grant, action)
            is_within = grant.scope == "all" or self.is_own(user_id, slug, row)
            if grant.module_slug == slug and permits and is_within:
                return True
        return False

    def may_everywhere(self, user_id: UUID, slug: str, action: str) -> bool:
        grants = [grant for grant in self.grants[user_id] if grant.scope == "all"]
        return any(grant.module_slug == slug and permitted_by(grant, action) for grant in grants)

    def masked(self, user_id: UUID, row: Any) -> list[str]:
        """The fields of a customer that the user does not see."""
        return [] if self.may(user_id, "customers", "read-personal", row) else names_of(customers)

    def may_ask(self, user_id: UUID) -> bool:
        """Whether the user may search customers: what is personal must be shown in all that the user reads."""
        reads_all = self.may_everywhere(user_id, "customers", "read")
        holds = self.may_everywhere if reads_all else self.may_somewhere
        return holds(user_id, "customers", "read-personal")

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


TWO_ROLES = [
    [Flags(module_slug=slug, scope="all", can_update=True) for slug in FIELDS],
    [Flags(module_slug=slug, scope=SCOPES[slug], actions=[action]) for slug, (_, action) in FIELDS.items()],
]
"""One role gives all rows, and another one the action of a field in some of them."""


def invent_grants(chance: random.Random) -> list[list[Flags]]:
    """What a few roles grant: some or all rows of some modules."""
    return [
        [
            Flags(
                module_slug=slug,
                scope=chance.choice(["all", SCOPES[slug]]),
                actions=chance.choice(OWN_ACTIONS[slug]),
                **{f"can_{action}": chance.random() < 0.5 for action in ("create", "update", "delete")},
            )
            for slug in OWN
            if chance.random() < 0.8
        ]
        for _ in range(6)
    ] + TWO_ROLES


async def invent(app: FastAPI, client: httpx.AsyncClient, chance: random.Random, before: World) -> World:
    """A random policy, and random rows beside those of earlier worlds."""
    people = [await person(app, client) for _ in range(USERS)]
    world = World(people, rows=before.rows, brands=before.brands)
    database = app.state.database
    async with database.unit_of_work(RequestContext.for_job("test")) as session:
        made = [(await RoleService(session).create(RoleCreate(name=uuid4().hex)), g) for g in invent_grants(chance)]
        for role, grants in made:
            await RoleService(session).replace_matrix(role.id, grants)
        for user in world.people:
            given = made[-2:] if user is world.people[0] else chance.sample(made, chance.choice([1, 2, 2]))
            await AssignmentService(session).replace(user.id, Assignments(role_ids=[role.id for role, _ in given]))
            world.grants[user.id] = [grant for _, grants in given for grant in grants]
    for user in world.people:
        async with database.unit_of_work(acting_as(user)) as session:
            brands = [Brand(name=uuid4().hex, deleted_at=deleted_at) for deleted_at in (None, now())]
            session.add_all(brands)
            await session.flush()
            world.brands += brands
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
    if slug == "products":
        first, *brands = [brand.id for brand in world.brands[-2 * USERS :]]
        return [
            Product(
                sku=uuid4().hex,
                name="A",
                price=Decimal(1),
                currency="EUR",
                brand_id=chance.choice([*brands, None, *[first] * 4]),
                **chance.choice(states),
            )
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
    lines = [orjson.loads(line) for line in file.text.splitlines()] if file.status_code == 200 else None
    summary = (await user.get(f"/{slug}/summary", params={"by": "status"})).json()
    assert {item["id"] for item in page["items"]} == truth
    assert (None if lines is None else {item["id"] for item in lines}) == world.exported(user.id, slug)
    assert page["total"] == summary["total"] == len(truth)
    check_masks(world, user, slug, [*page["items"], *(lines or [])])
    if slug == "customers":
        found = await user.get(f"/{slug}", params={"q": "b", "total": True})
        assert found.status_code == (200 if world.may_ask(user.id) else 403)
        assert found.status_code == 403 or found.json()["total"] == len(truth)
    hidden = await user.get(f"/{slug}", params={"deleted": "only", "limit": 100, "total": "exact"})
    if not world.may_somewhere(user.id, slug, "delete"):
        assert hidden.status_code == 403
        return len(truth)
    assert {item["id"] for item in hidden.json()["items"]} == world.shown(user.id, slug, deleted=True)
    check_masks(world, user, slug, hidden.json()["items"])
    return len(truth)


def check_masks(world: World, user: Person, slug: str, items: list[dict[str, Any]]) -> None:
    """Items have the fields that the oracle names, and no others."""
    if slug == "customers":
        rows = {str(row.id): row for row in world.rows[slug]}
        for item in items:
            masked = world.masked(user.id, rows[item["id"]])
            assert item["masked_fields"] == masked
            assert (item["email"] is None) == bool(masked)


async def check_fields(world: World, user: Person, slug: str, partly: Counter[str]) -> int:
    """A field is shown, and written, in those rows in which the caller holds its action.

    `partly` counts the callers who hold it in some of the rows only that they read.
    """
    if slug not in FIELDS:
        return 0
    name, action = FIELDS[slug]
    asked = 0
    held = {world.may(user.id, slug, action, row) for row in world.rows[slug] if sees(world, user, slug, row)}
    partly[slug] += len(held) > 1
    for row in world.rows[slug]:
        if not sees(world, user, slug, row):
            continue
        expected = 200 if all(world.may(user.id, slug, each, row) for each in ("update", action)) else 403
        value = str(next(NUMBERS))
        answer = await user.patch(f"/{slug}/{row.id}", {name: value})
        assert answer.status_code == expected, (slug, row)
        shown = (await user.get(f"/{slug}/{row.id}")).json()
        history = (await user.get(f"/{slug}/{row.id}/history")).json()["items"]
        check_masks(world, user, slug, [shown, *([answer.json()] if expected == 200 else [])])
        assert (str(shown[name]).split(".")[0] == value) == (expected == 200)
        if slug == "customers":
            is_masked = history[-1]["changes"]["email"]["new"] == {"$masked": True}
            assert is_masked == bool(world.masked(user.id, row))
        asked += 3
    return asked


def sees(world: World, user: Person, slug: str, row: Any) -> bool:
    return str(row.id) in world.shown(user.id, slug)


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
    partly: Counter[str] = Counter()
    world = World([], rows={slug: [] for slug in OWN})
    for seed in range(half * POLICIES // 2, (half + 1) * POLICIES // 2):
        world = await invent(app, client, random.Random(seed), world)  # repeatable, not secret
        for user in world.people:
            for slug in OWN:
                if not world.may_somewhere(user.id, slug, "read"):
                    assert (await user.get(f"/{slug}")).status_code == 403
                    continue
                shown += await check_lists(world, user, slug)
                asked += await check_items(world, user, slug)
                asked += await check_fields(world, user, slug, partly)

    print(f"{asked} questions about rows, {shown} rows listed")  # noqa: T201  # the evidence, with -s
    assert asked > 300
    assert all(partly[slug] for slug in FIELDS), "an action in all rows, or in none, proves nothing of scopes"
