"""A company whose administrators have partial permissions, and the checks of every step that they take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from app.core.clock import now
from app.core.context import RequestContext
from app.core.db.session import Session
from app.modules.api_keys import ApiKey
from app.modules.invitations.models import Invitation
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.second_factor import SecondFactor
from app.modules.sessions import AuthSession
from app.modules.users import User
from tests.modules.rbac.oracle import Oracle, rows
from tests.people import Person, person

ALL = {"can_create": True, "can_update": True, "can_delete": True, "can_audit": True}
CREDENTIALS = ("password_hash", "email", "username", "is_active", "deleted_at", "must_change_password", "is_superuser")

RELIED_ON = ("name", "description", "requires_second_factor", "allowed_networks")


@dataclass(frozen=True)
class Snapshot:
    """The policy and the credentials, as the tables hold them."""

    oracle: Oracle
    credentials: dict[UUID, tuple[Any, ...]]
    superusers: frozenset[UUID]
    policy: tuple[Any, ...]

    def now(self, user_id: UUID) -> frozenset[str]:
        return self.oracle.holdings(user_id)

    def at(self, user_id: UUID, at: datetime) -> frozenset[str]:
        """What the user holds at an instant if no link changes until then; nothing before the user exists."""
        return self.oracle.holdings(user_id, at) if user_id in self.credentials else frozenset()

    def ever(self, user_id: UUID) -> frozenset[str]:
        """Also permissions of assignments that begin later."""
        return frozenset().union(*(self.at(user_id, instant) for instant in instants()))


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

    def of(self, app: FastAPI, client: httpx.AsyncClient) -> "Company":
        """The same company, on a copy of its database that another application has opened."""
        people = {name: replace(person, client=client) for name, person in self.people.items()}
        return replace(self, app=app, client=client, root=replace(self.root, client=client), people=people)

    async def snapshot(self) -> Snapshot:
        async with self.app.state.database.unit_of_work(RequestContext.for_job("test")) as session:
            return await self.read(session)

    async def read(self, session: Session) -> Snapshot:
        models = {"user": User, "role": Role, "link": UserRole, "grant": RoleModule, "module": Module}
        tables = {name: await rows(session, model) for name, model in {**models, "group": ModuleGroup}.items()}
        keys, sessions = await rows(session, ApiKey), await rows(session, AuthSession)
        factors, invitations = await rows(session, SecondFactor), await rows(session, Invitation)
        credentials = {
            user.id: (
                *(getattr(user, name) for name in CREDENTIALS),
                sum(key.user_id == user.id for key in keys),
                sum(row.user_id == user.id and row.revoked_at is None for row in sessions),
                [factor.confirmed_at for factor in factors if factor.user_id == user.id],
                [invitation.token_hash for invitation in invitations if invitation.user_id == user.id],
            )
            for user in tables["user"]
        }
        superusers = frozenset(u.id for u in tables["user"] if u.is_superuser and u.is_active and not u.deleted_at)
        policy = tuple(tuple(sorted(str(row.model_dump()) for row in found)) for found in tables.values())
        return Snapshot(Oracle(tables), credentials, superusers, policy)

    async def act(self, actor: Person, method: str, path: str, json: Any = None, **params: Any) -> httpx.Response:
        """Take one step. Raises AssertionError if a user gained what the actor does not hold, now or at that time."""
        before = await self.snapshot()
        held = before.now(actor.id)
        answer = await actor.call(method, path, params=params, **({"json": json} if json is not None else {}))
        after = await self.snapshot()
        assert answer.status_code < 500, answer.text
        if params.get("dry_run"):
            assert after.policy == before.policy, "a dry run changes nothing"
        assert after.superusers == before.superusers, "only superusers make and unmake superusers"
        for instant in instants():
            lent = held & before.at(actor.id, instant)
            for user_id in after.credentials:
                gained = after.at(user_id, instant) - before.at(user_id, instant)
                assert gained <= lent, f"{method} {path} gave {sorted(gained - lent)} at {instant}"
        self.check_credentials(actor, held, before, after)
        self.check_names(held, before, after)
        await self.check_key(answer, held)
        self.check_term_of_key(answer, actor, before)
        return answer

    def check_credentials(self, actor: Person, held: frozenset[str], before: Snapshot, after: Snapshot) -> None:
        for user_id, known in before.credentials.items():
            is_above = user_id in before.superusers or not before.ever(user_id) <= held
            if user_id != actor.id and is_above:
                assert after.credentials[user_id] == known, "administered a user who holds more"

    def check_names(self, held: frozenset[str], before: Snapshot, after: Snapshot) -> None:
        """Nobody renames a role that grants more than they hold, or changes its conditions."""
        for role in after.oracle.tables["role"]:
            known = [row for row in before.oracle.tables["role"] if row.id == role.id]
            if known and any(getattr(role, name) != getattr(known[0], name) for name in RELIED_ON):
                granted = before.oracle.granted(role.id)
                assert granted <= held, f"renamed what grants {sorted(granted - held)}, or changed its conditions"

    async def check_key(self, answer: httpx.Response, held: frozenset[str]) -> None:
        """Use a new key: it must not hold more permissions than the actor who made it."""
        made = answer.json() if answer.status_code == 201 else {}
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
        assert opened <= held, f"the key holds {sorted(opened - held)}"

    def check_term_of_key(self, answer: httpx.Response, actor: Person, before: Snapshot) -> None:
        """A key of another user must not hold permissions after the actor who made it, and may know it, lost them."""
        made = answer.json() if answer.status_code == 201 else {}
        if "key" not in made or made["user_id"] == str(actor.id):
            return
        for instant in instants():
            if made["expires_at"] is None or datetime.fromisoformat(made["expires_at"]) > instant:
                held, scopes = before.at(UUID(made["user_id"]), instant), frozenset(made["scopes"])
                opened = {name for name in held if name in scopes or name.partition("@")[0] in scopes}
                assert opened <= before.at(actor.id, instant), f"the key holds {sorted(opened)} at {instant}"


def instants() -> list[datetime]:
    """Now, and after each edge of the windows that the steps choose."""
    return [now() + timedelta(days=day) for day in (0, 2, 4)]


async def company(app: FastAPI, client: httpx.AsyncClient) -> Company:
    """Strong roles in every state, users who have them, and administrators who have less, or for a day."""
    made = Company(app, client, await person(app, client, superuser=True))
    root = made.root
    made.modules = {m["slug"]: m["id"] for m in (await root.get("/modules")).json()["items"]}
    made.groups = {g["slug"]: g["id"] for g in (await root.get("/module-groups")).json()["items"]}
    for name, slugs in ROLES.items():
        made.roles[name] = (await root.post("/roles", {"name": name})).json()["id"]
        scope = {"scope": "own" if name in OF_OWN_ROWS else "all"}
        grants = [{"module_slug": slug, **ALL, **scope} for slug in slugs]
        await root.put(f"/roles/{made.roles[name]}/modules", {"modules": grants})
    for name, roles in PEOPLE.items():
        made.people[name] = await person(app, client)
        await root.put(f"/users/{made.people[name].id}/roles", {"role_ids": [made.roles[role] for role in roles]})
    await root.put(
        f"/users/{made.people['locum'].id}/roles",
        {
            "assignments": [
                {"role_id": made.roles[role], "valid_until": (now() + timedelta(days=1)).isoformat()}
                for role in PEOPLE["locum"]
            ]
        },
    )
    await root.patch(f"/roles/{made.roles['asleep']}", {"is_active": False})
    await root.delete(f"/roles/{made.roles['buried']}")
    await root.patch(f"/modules/{made.modules['audit']}", {"is_active": False})
    await root.patch(f"/users/{made.people['absent'].id}", {"is_active": False})
    return made


ROLES: Mapping[str, tuple[str, ...]] = {
    "people": ("users",),
    "policy": ("roles",),
    "work": ("tasks",),
    "night": ("tasks",),
    "audit": ("audit",),
    "asleep": ("tasks", "audit"),
    "buried": ("tasks",),
    "errands": ("tasks",),
    "empty": (),
}
OF_OWN_ROWS = {"errands"}
"""Roles that grant the rows of those who have them only."""
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "registrar": ("people",),
    "lawyer": ("people", "policy"),
    "director": ("people", "policy", "work"),
    "locum": ("people", "policy", "work"),
    "deputy": ("people", "work"),
    "dispatcher": ("people", "policy", "errands"),
    "worker": ("work",),
    "runner": ("errands",),
    "sleeper": ("asleep", "buried"),
    "watcher": ("audit",),
    "absent": ("work",),
    "nobody": ("empty",),
}
ACTORS = ("director", "dispatcher", "locum", "deputy", "lawyer", "registrar", "sleeper")


def fresh_name() -> str:
    return f"u{uuid4().hex[:12]}"


def everything(slug: str) -> dict[str, Any]:
    return {"module_slug": slug, **ALL}


__all__ = ["ACTORS", "ALL", "PEOPLE", "ROLES", "Company", "company", "everything", "fresh_name"]
