"""People who call the API in tests."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from app.core.context import ALL_ROWS, RequestContext
from app.modules.roles import ACTIONS, Assignments, AssignmentService, Flags, RoleCreate, RoleService
from app.modules.sessions import SessionTokens
from app.modules.users import User

PASSWORD = "correct horse battery staple"
FIRST_PASSWORD = "a long and quiet river"
"""One that an administrator types for a new user."""
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$O4dw7t0bg3DunfMewxgDQA$YKjHPbhsP/+6cpLyHMTm0MBOLX/qovgZODL18ze51w4"
"""With the cheap parameters of `tests/fixtures/process.py`."""


@dataclass
class Person:
    """A caller who is signed in: `await person.get("/tasks")`."""

    id: UUID
    username: str
    client: httpx.AsyncClient
    access_token: str
    refresh_token: str

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access_token}", **options.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, **({"json": json} if json is not None else {}), **options)

    async def patch(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return await self.call("PATCH", path, json=json, **options)

    async def put(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return await self.call("PUT", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("DELETE", path, **options)


async def choose_password(person: Person, current: str = FIRST_PASSWORD) -> None:
    """Replace a one-time password by `PASSWORD`."""
    answer = await person.post("/auth/me/password", {"current_password": current, "new_password": PASSWORD})
    assert answer.status_code == 204, answer.text


SignedInAs = Callable[..., Awaitable[Person]]
"""The type of the fixture `signed_in_as`."""


async def person(
    app: FastAPI, client: httpx.AsyncClient, permissions: tuple[str, ...] = (), *, superuser: bool = False
) -> Person:
    """Make a user with exactly `permissions`, by a role of its own, and a session.

    A module of which some are for other rows than others needs a role for each scope.
    """
    name = f"u{uuid4().hex[:12]}"
    context = RequestContext.for_job("test")
    async with app.state.database.unit_of_work(context) as session:
        user = User(username=name, email=f"{name}@example.com", password_hash=PASSWORD_HASH, is_superuser=superuser)
        session.add(user)
        await session.flush()
        roles = RoleService(session)
        made = [
            (await roles.create(RoleCreate(name=f"{name}{number or ''}")), flags)
            for number, flags in enumerate(matrices(permissions))
        ]
        for role, flags in made:
            await roles.replace_matrix(role.id, flags)
        if made:
            await AssignmentService(session).replace(user.id, Assignments(role_ids=[role.id for role, _ in made]))
        sessions = SessionTokens(app.state.database, app.state.access_tokens, context)
        pair = await sessions.open(session, user.id)
    return Person(user.id, name, client, pair.access_token, pair.refresh_token)


def matrices(permissions: tuple[str, ...]) -> list[list[Flags]]:
    """The smallest matrices that grant `permissions`, at most one scope of each module in each of them.

    A flag brings read with it, in the scope of `tasks:update@own`.
    """
    actions: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for permission in permissions:
        name, _, scope = permission.partition("@")
        slug, _, action = name.partition(":")
        actions[slug][scope or ALL_ROWS].add(action)
    flags = [[grant(slug, scope, wanted) for scope, wanted in by_scope.items()] for slug, by_scope in actions.items()]
    return [[each for each in row if each is not None] for row in zip_longest(*flags)]


def grant(slug: str, scope: str, wanted: set[str]) -> Flags:
    """The flags of a module that grant some actions in a scope."""
    return Flags(
        module_slug=slug,
        can_create="create" in wanted,
        can_update="update" in wanted,
        can_delete="delete" in wanted,
        can_audit="audit" in wanted,
        actions=sorted(wanted - {"read", *ACTIONS}),
        scope=scope,
    )
