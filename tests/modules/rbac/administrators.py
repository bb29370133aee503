"""A company whose administrators have partial permissions, and the steps that they take, each of which is checked."""

import json as documents
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from app.core.clock import now
from app.core.config import ApprovalSettings, AuthSettings, Settings
from app.core.context import RequestContext
from app.modules.approvals.models import Approval
from app.modules.roles.models import Module
from tests.databases import Backend, in_a_thread
from tests.fixtures.application import client_of, started
from tests.fixtures.databases import settings_for
from tests.modules.customers import factory as customers
from tests.modules.products import factory as products
from tests.modules.rbac.snapshots import Robot, Snapshot, take_snapshot
from tests.modules.rbac.steps import CHECKS, SECRET_CUSTOMER, SECRET_TASK, Step, escalations
from tests.people import PASSWORD, Person, person

ALL = {"can_create": True, "can_update": True, "can_delete": True, "can_audit": True}
JOB = RequestContext.for_job("test")
NDJSON = "application/x-ndjson"
FOUR_EYES = ("rollback", "grant:audit:read", "grant:users:*", "grant:products:set-price")
"""What waits for a second person in a part of the runs."""


@dataclass
class Company:
    """`act` takes a step through the API and checks it."""

    app: FastAPI
    client: httpx.AsyncClient
    root: Person
    people: dict[str, Person] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    goods: dict[str, str] = field(default_factory=dict)
    priced_at: str = ""
    """When the product had another price."""
    robots: list[Robot] = field(default_factory=list)
    """Keys, of which the first may do what the director may."""

    def of(self, app: FastAPI, client: httpx.AsyncClient) -> "Company":
        """The same company, on a copy of its database that another application has opened."""
        people = {name: replace(person, client=client) for name, person in self.people.items()}
        root, robots = replace(self.root, client=client), [replace(robot, client=client) for robot in self.robots]
        return replace(self, app=app, client=client, root=root, people=people, robots=robots)

    async def snapshot(self) -> Snapshot:
        return await take_snapshot(self.app.state.database.read_session(JOB))

    async def act(
        self, actor: Person, method: str, path: str, json: Any = None, *, lines: Any = None, **params: Any
    ) -> httpx.Response:
        """Take one step; `lines` are sent as a file. Raises Escalation if it did what the actor may not."""
        began, before = now(), await self.snapshot()
        options: dict[str, Any] = {"headers": {"Audit-Reason": "a step"}, "params": params}
        if lines is not None:
            options["headers"]["Content-Type"] = NDJSON
            options["content"] = documents.dumps(lines).encode()
        elif json is not None:
            options["json"] = json
        answer = await actor.call(method, path, **options)
        rules = self.app.state.settings.approvals.required_for
        dry = params.get("dry_run") == "true"
        step = Step(actor, f"{method} {path}", dry, rules, began, before, await self.snapshot(), answer)
        with escalations():
            for check in CHECKS:
                check(step)
            await self.check_key(step)
            await self.check_entries(step)
        return answer

    async def check_key(self, step: Step) -> None:
        """Use a new key: it must not hold more permissions than the actor who made it."""
        made = step.answer.json() if step.answer.status_code == 201 else {}
        if "key" not in made:
            return
        headers = {"Authorization": f"Bearer {made['key']}"}
        found = await self.client.get("/auth/me/permissions", headers=headers)
        opened = {
            f"{row['module_slug']}:{action}{scope}"
            for row in (found.json() if found.status_code == 200 else [])
            for action in (*(name.removeprefix("can_") for name, flag in row.items() if flag is True), *row["actions"])
            for scope in ([f"@{name}" for name in row["scopes"].get(action, ())] or [""])
        }
        assert opened <= step.held, f"the key holds {sorted(opened - step.held)}"

    async def check_entries(self, step: Step) -> None:
        """The entries of an approved change name who approved it, and who asked for it."""
        if step.approved is None:
            return
        query = {"request_id": step.answer.headers["x-request-id"], "entity": "approval"}
        (entry,) = (await self.root.get("/audit/changes", params=query)).json()["items"]
        asked = str(step.approved.requester_id)
        assert (entry["actor_id"], entry["owner_id"]) == (str(step.actor.id), asked)

    async def accept(self, user_id: str, token: str, *, is_open: bool) -> None:
        """Set a password by an invitation, if it `is_open`: that changes this account only, and no permission."""
        before = await self.snapshot()
        answer = await self.client.post("/auth/invitation", json={"token": token, "new_password": PASSWORD})
        after = await self.snapshot()
        changed = {owner for owner, known in before.credentials.items() if after.credentials[owner] != known}
        with escalations():
            assert not answer.is_success or is_open
            assert changed <= ({UUID(user_id)} if answer.is_success else set())
            assert all(before.policy[name] == after.policy[name] for name in before.policy if name != "user")

    async def expire(self, approval: str) -> None:
        """Let the time of a change that waits be over."""
        async with self.app.state.database.unit_of_work(JOB) as session:
            row = await session.load(Approval, UUID(approval))
            row.expires_at = now()

    async def declare(self, slug: str, name: str, *, is_active: bool) -> None:
        """Let the code declare an action or a scope of a module, or stop to, as the start of an application does."""
        async with self.app.state.database.unit_of_work(JOB) as session:
            module = await session.load(Module, UUID(self.modules[slug]))
            for kind in ("actions", "scopes"):
                known = getattr(module, kind)
                setattr(module, kind, [{**a, "is_active": is_active} if a["name"] == name else a for a in known])


def robot_of(owner: Person, made: dict[str, Any]) -> Robot:
    """The caller with a new key."""
    ends = datetime.fromisoformat(made["expires_at"]) if made["expires_at"] else None
    return Robot(UUID(made["user_id"]), made["name"], owner.client, made["key"], "", frozenset(made["scopes"]), ends)


async def company(app: FastAPI, client: httpx.AsyncClient) -> Company:
    """Strong roles in every state, users who have them, and administrators who have less, or for a day."""
    made = Company(app, client, await person(app, client, superuser=True))
    root = made.root
    made.modules = {m["slug"]: m["id"] for m in (await root.get("/modules")).json()["items"]}
    made.groups = {g["slug"]: g["id"] for g in (await root.get("/module-groups")).json()["items"]}
    for name, grants in ROLES.items():
        made.roles[name] = (await root.post("/roles", {"name": name})).json()["id"]
        await root.put(f"/roles/{made.roles[name]}/modules", {"modules": grants})
    for name, roles in PEOPLE.items():
        made.people[name] = await person(app, client)
        ends = {"valid_until": (now() + timedelta(days=1)).isoformat()} if name in FOR_A_DAY else {}
        assignments = [{"role_id": made.roles[role], **ends} for role in roles]
        await root.put(f"/users/{made.people[name].id}/roles", {"assignments": assignments})
    await root.patch(f"/roles/{made.roles['asleep']}", {"is_active": False})
    await root.delete(f"/roles/{made.roles['buried']}")
    await root.patch(f"/modules/{made.modules['audit']}", {"is_active": False})
    await root.patch(f"/users/{made.people['absent'].id}", {"is_active": False})
    for path, body in GOODS.items():
        answer = await root.post(path, body)
        assert answer.status_code == 201, answer.text
        made.goods[path] = f"{path}/{answer.json()['id']}"
    made.priced_at = now().isoformat()
    await root.patch(made.goods["/products"], {"price": "21.50"})
    director = made.people["director"]
    scopes = sorted((await made.snapshot()).held_by(director))
    made.robots = [robot_of(director, (await director.post("/auth/api-keys", {"name": "R", "scopes": scopes})).json())]
    return made


def everything(slug: str, *actions: str, scope: str = "all") -> dict[str, Any]:
    return {"module_slug": slug, **ALL, "actions": list(actions), "scope": scope}


GOODS: Mapping[str, dict[str, Any]] = {
    "/products": products.body(),
    "/customers": {**customers.body(), "first_name": SECRET_CUSTOMER},
    "/tasks": {"title": SECRET_TASK},
}
"""A row of each of these modules, which the superuser created."""
ROLES: Mapping[str, list[dict[str, Any]]] = {
    "people": [everything("users")],
    "policy": [everything("roles")],
    "work": [everything("tasks")],
    "night": [everything("tasks")],
    "audit": [everything("audit")],
    "asleep": [everything("tasks"), everything("audit")],
    "buried": [everything("tasks")],
    "errands": [everything("tasks", scope="own")],
    "eyes": [everything("approvals")],
    "goods": [everything("products", "move-stock", "set-price")],
    "storage": [{"module_slug": "products", "can_update": True, "actions": ["move-stock"]}],
    "clients": [everything("customers", "read-personal")],
    "callers": [everything("customers", "read-personal", scope="own")],
    "desk": [everything("customers")],
    "empty": [],
}
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "registrar": ("people",),
    "lawyer": ("people", "policy"),
    "director": ("people", "policy", "work", "goods", "eyes"),
    "examiner": ("people", "policy", "work", "eyes"),
    "locum": ("people", "policy", "work"),
    "deputy": ("people", "work", "eyes", "desk"),
    "dispatcher": ("people", "policy", "errands", "storage", "callers"),
    "worker": ("work",),
    "runner": ("errands",),
    "merchant": ("goods", "clients"),
    "porter": ("storage", "desk"),
    "caller": ("callers",),
    "sleeper": ("asleep", "buried"),
    "watcher": ("audit",),
    "absent": ("work",),
    "nobody": ("empty",),
}
FOR_A_DAY = {"locum"}
ACTORS = ("director", "examiner", "dispatcher", "locum", "deputy", "lawyer", "registrar", "porter", "sleeper")


@dataclass(frozen=True)
class Founded:
    """A company, the database that has it, and where the keys are that signed its tokens."""

    company: Company
    backend: Backend
    database: str
    keys: Path

    @classmethod
    def found(cls, backend: Backend, template: str, folder: Path) -> "Founded":
        name = f"company_{uuid4().hex}"
        settings = settings_for(backend.create(name, template), folder, auth=LONG_SESSIONS)

        async def found() -> Company:
            async with started(settings) as app, client_of(app) as client:
                return await company(app, client)

        return cls(in_a_thread(found), backend, name, settings.state_dir / "keys")

    def settings(self, url: str, folder: Path, rules: tuple[str, ...] = ()) -> Settings:
        """The settings of an application on a copy of the database, in which what `rules` name waits for approval."""
        shutil.copytree(self.keys, folder / "keys")
        return settings_for(url, folder, auth=LONG_SESSIONS, approvals=ApprovalSettings(required_for=rules))


LONG_SESSIONS = AuthSettings(access_ttl=86_400)


def fresh_name() -> str:
    return f"u{uuid4().hex[:12]}"
