"""Administrators with partial permissions do everything that the API offers, in any order; every step is checked."""

import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from app.core.clock import now
from tests.databases import Backend
from tests.machines import AppMachine, play
from tests.modules.rbac.administrators import ACTORS, PEOPLE, ROLES, Company, company, fresh_name
from tests.people import Person

EXAMPLES, STEPS = int(os.environ.get("ADMINISTRATORS", "8")), 30

actors = st.sampled_from(ACTORS)
people = st.sampled_from([*PEOPLE, "root"])
roles = st.sampled_from(list(ROLES))
slugs = st.sampled_from(["tasks", "users", "roles", "audit"])
flags = st.fixed_dictionaries({f"can_{action}": st.booleans() for action in ("create", "update", "delete")})
grants = st.tuples(slugs, flags, st.sampled_from(["all", "all", "own"])).map(lambda drawn: grant_of(*drawn))
matrices = st.lists(grants, max_size=3, unique_by=lambda grant: grant["module_slug"])
days = st.sampled_from([None, -1, 1, 3])
dry = st.sampled_from([False, False, False, True])


class Administrators(AppMachine):
    """Each run begins in a new company."""

    @initialize()
    def found_a_company(self) -> None:
        self.company: Company = self.run(company(self.app, self.client))

    def person(self, name: str) -> Person:
        return self.company.root if name == "root" else self.company.people[name]

    def act(self, actor: str, method: str, path: str, json: Any = None, *, dry_run: bool = False) -> None:
        params = {"dry_run": "true"} if dry_run else {}
        answer = self.run(self.company.act(self.person(actor), method, path, json, **params))
        counts["steps"] += 1
        counts["allowed"] += answer.is_success

    @rule(actor=actors, role=roles, matrix=matrices, dry_run=dry)
    def edit_a_role(self, actor: str, role: str, matrix: Any, dry_run: bool) -> None:  # drawn
        self.act(actor, "PUT", f"/roles/{self.company.roles[role]}/modules", {"modules": matrix}, dry_run=dry_run)

    @rule(actor=actors, edits=st.dictionaries(roles, matrices, min_size=1, max_size=3))
    def edit_several_roles(self, actor: str, edits: dict[str, Any]) -> None:
        body = [{"role_id": self.company.roles[role], "modules": matrix} for role, matrix in edits.items()]
        self.act(actor, "PATCH", "/roles/matrix", {"roles": body})

    @rule(actor=actors, role=roles, is_active=st.booleans(), dry_run=dry)
    def switch_a_role(self, actor: str, role: str, is_active: bool, dry_run: bool) -> None:  # drawn
        self.act(actor, "PATCH", f"/roles/{self.company.roles[role]}", {"is_active": is_active}, dry_run=dry_run)

    @rule(actor=actors, role=roles)
    def rename_a_role(self, actor: str, role: str) -> None:
        self.act(actor, "PATCH", f"/roles/{self.company.roles[role]}", {"name": fresh_name()})

    @rule(actor=actors, role=roles, restore=st.booleans())
    def delete_or_restore_a_role(self, actor: str, role: str, restore: bool) -> None:  # drawn
        path = f"/roles/{self.company.roles[role]}"
        self.act(actor, *(("POST", f"{path}/restore") if restore else ("DELETE", path)))

    @rule(actor=actors, slug=slugs, is_active=st.booleans())
    def switch_a_module(self, actor: str, slug: str, is_active: bool) -> None:  # drawn
        self.act(actor, "PATCH", f"/modules/{self.company.modules[slug]}", {"is_active": is_active})

    @rule(actor=actors, group=st.sampled_from(["work", "system"]), slug=slugs, is_active=st.booleans())
    def switch_or_move_a_group(self, actor: str, group: str, slug: str, is_active: bool) -> None:  # drawn
        self.act(actor, "PATCH", f"/module-groups/{self.company.groups[group]}", {"is_active": is_active})
        self.act(actor, "PATCH", f"/modules/{self.company.modules[slug]}", {"group_id": self.company.groups[group]})

    @rule(
        actor=actors, victim=people, given=st.lists(st.tuples(roles, days, days), max_size=3, unique_by=lambda t: t[0])
    )
    def assign(self, actor: str, victim: str, given: Any) -> None:
        body = [
            {"role_id": self.company.roles[role], "valid_from": instant(begins), "valid_until": instant(ends)}
            for role, begins, ends in given
        ]
        self.act(actor, "PUT", f"/users/{self.person(victim).id}/roles", {"assignments": body})

    @rule(actor=actors, role=roles, named=st.sets(people, min_size=1, max_size=3), begins=days, ends=days, dry_run=dry)
    def change_holders(self, actor: str, role: str, named: set[str], begins: Any, ends: Any, dry_run: bool) -> None:
        first, *others = [str(self.person(name).id) for name in sorted(named)]
        body = {"assign": others, "unassign": [first], "valid_from": instant(begins), "valid_until": instant(ends)}
        self.act(actor, "POST", f"/roles/{self.company.roles[role]}/users", body, dry_run=dry_run)
        self.act(actor, "POST", f"/roles/{self.company.roles[role]}/users", {"assign": [first, *others]})

    @rule(actor=actors, victim=people, is_active=st.booleans(), is_superuser=st.booleans())
    def change_a_user(self, actor: str, victim: str, is_active: bool, is_superuser: bool) -> None:  # drawn
        path = f"/users/{self.person(victim).id}"
        self.act(actor, "PATCH", path, {"is_active": is_active})
        self.act(actor, "PATCH", path, {"is_superuser": is_superuser})
        self.act(actor, "PATCH", path, {"email": f"{fresh_name()}@example.com"})

    @rule(actor=actors, victim=people)
    def take_over_a_user(self, actor: str, victim: str) -> None:
        path = f"/users/{self.person(victim).id}"
        self.act(actor, "POST", f"{path}/password")
        self.act(actor, "POST", f"{path}/invitation")
        self.act(actor, "DELETE", f"{path}/sessions")
        self.act(actor, "DELETE", f"{path}/second-factor")

    @rule(actor=actors, victim=people, restore=st.booleans())
    def delete_or_restore_a_user(self, actor: str, victim: str, restore: bool) -> None:  # drawn
        path = f"/users/{self.person(victim).id}"
        self.act(actor, *(("POST", f"{path}/restore") if restore else ("DELETE", path)))

    @rule(
        actor=actors,
        victim=people,
        scopes=st.lists(st.tuples(slugs, st.sampled_from(["read", "update", "read@own"])), min_size=1),
        ends=st.sampled_from([None, 1, 3]),
    )
    def make_keys(self, actor: str, victim: str, scopes: Any, ends: int | None) -> None:
        names = [f"{slug}:{action}" for slug, action in scopes]
        body = {"name": "key", "scopes": names, "expires_at": instant(ends)}
        self.act(actor, "POST", f"/users/{self.person(victim).id}/api-keys", body)
        self.act(actor, "POST", "/auth/api-keys", body)

    @rule(actor=actors, back=st.integers(0, 12), dry_run=dry)
    def roll_back(self, actor: str, back: int, dry_run: bool) -> None:  # drawn
        found = self.run(self.company.root.get("/rbac/versions", params={"limit": 100})).json()["items"]
        version = found[min(back, len(found) - 1)]["id"]
        self.act(actor, "POST", f"/rbac/versions/{version}/rollback", dry_run=dry_run)


def grant_of(slug: str, chosen: dict[str, bool], scope: str) -> dict[str, Any]:
    """A grant as a request has it. Of the modules here, the rows of tasks have a scope."""
    return {"module_slug": slug, **chosen, "scope": scope if slug == "tasks" else "all"}


def instant(day: int | None) -> str | None:
    return (now() + timedelta(days=day)).isoformat() if day is not None else None


counts = {"steps": 0, "allowed": 0}


@pytest.mark.timeout(300)
def test_no_step_grants_more_than_its_actor_holds(sqlite_template: tuple[Backend, str]) -> None:
    play(Administrators, sqlite_template, EXAMPLES, STEPS)

    print(counts)  # noqa: T201  # the evidence, with -s
    assert counts["steps"] >= EXAMPLES * 10
    assert counts["allowed"] >= counts["steps"] * 0.1, "where nothing is allowed, the test proves nothing"
