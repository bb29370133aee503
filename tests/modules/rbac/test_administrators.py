"""Administrators with partial permissions do everything that the API offers, in any order; every step is checked."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from app.core.config import Settings
from tests.databases import Backend
from tests.machines import AppMachine, play
from tests.modules.rbac.administrators import (
    ACTORS,
    FOUR_EYES,
    PEOPLE,
    ROLES,
    Company,
    Founded,
    fresh_name,
    robot_of,
)
from tests.modules.rbac.drawn import dry, edits, instant, matrices, names, requests, scopes, terms, words
from tests.modules.rbac.snapshots import ADDRESS, Robot
from tests.people import Person

LONG = os.environ.get("ADMINISTRATORS")
"""The number of runs in the long form."""
RUNS, STEPS = (int(LONG), 50) if LONG else (16, 30)
PARTS = max(2, RUNS // 25)
"""In the odd ones of these parts of the runs, changes wait for a second person."""

deciders = st.sampled_from(["root", "director", "examiner", "deputy", "lawyer", "robot"])
actors = st.sampled_from([*ACTORS, "robot", "root"])
people = st.sampled_from([*PEOPLE, "root"])
roles = st.sampled_from(list(ROLES))
slugs = st.sampled_from(["tasks", "users", "roles", "audit", "products", "customers", "approvals"])
networks = st.sampled_from([[], [], [f"{ADDRESS}/32"], ["198.51.100.0/24"]])
turns = st.integers(0, 12)


class Administrators(AppMachine):
    """Each run begins in a copy of the same company."""

    founded: ClassVar[Founded]
    needs_approval: ClassVar[tuple[str, ...]]

    def configure(self, url: str, folder: Path) -> Settings:
        return self.founded.settings(url, folder, self.needs_approval)

    @initialize()
    def enter_the_company(self) -> None:
        self.company: Company = self.founded.company.of(self.app, self.client)
        self.waiting: list[str] = []
        self.tokens: list[tuple[str, str]] = []
        counts["runs"] += 1

    def person(self, name: str) -> Person:
        if name in ("robot", "root"):
            return self.company.root if name == "root" else self.company.robots[-1]
        return self.company.people[name]

    def act(self, actor: str | Person, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """What the answer has, where the step succeeds."""
        caller = self.person(actor) if isinstance(actor, str) else actor
        options |= {"dry_run": "true"} if options.pop("dry_run", False) else {}
        answer = self.run(self.company.act(caller, method, path, json, **options))
        counts["steps"] += 1
        counts["allowed"] += answer.is_success
        counts["waiting"] += answer.status_code == 202
        counts["by keys"] += isinstance(caller, Robot) and answer.is_success
        if answer.status_code == 202:
            self.waiting.append(answer.json()["id"])
        return answer.json() if answer.headers.get("content-type") == "application/json" and answer.is_success else {}

    @rule(actor=actors, role=roles, matrix=matrices, dry_run=dry)
    def edit_a_role(self, actor: str, role: str, matrix: Any, dry_run: bool) -> None:  # drawn
        self.act(actor, "PUT", f"/roles/{self.company.roles[role]}/modules", {"modules": matrix}, dry_run=dry_run)

    @rule(actor=actors, edits=edits(roles), dry_run=dry)
    def edit_several_roles(self, actor: str, edits: dict[str, Any], dry_run: bool) -> None:  # drawn
        body = [{"role_id": self.company.roles[role], "modules": matrix} for role, matrix in edits.items()]
        self.act(actor, "PATCH", "/roles/matrix", {"roles": body}, dry_run=dry_run)

    @rule(actor=actors, role=roles, is_active=st.booleans(), dry_run=dry)
    def switch_a_role(self, actor: str, role: str, is_active: bool, dry_run: bool) -> None:  # drawn
        self.act(actor, "PATCH", f"/roles/{self.company.roles[role]}", {"is_active": is_active}, dry_run=dry_run)

    @rule(actor=actors, role=roles, asks=st.sampled_from([False, False, False, True]), networks=networks, dry_run=dry)
    def name_and_condition_a_role(
        self, actor: str, role: str, asks: bool, networks: Any, dry_run: bool
    ) -> None:  # drawn
        path = f"/roles/{self.company.roles[role]}"
        self.act(actor, "PATCH", path, {"name": fresh_name()}, dry_run=dry_run)
        self.act(actor, "PATCH", path, {"requires_second_factor": asks, "allowed_networks": networks}, dry_run=dry_run)

    @rule(actor=actors, role=roles, restore=st.booleans(), dry_run=dry)
    def delete_or_restore_a_role(self, actor: str, role: str, restore: bool, dry_run: bool) -> None:  # drawn
        path = f"/roles/{self.company.roles[role]}"
        self.act(actor, *(("POST", f"{path}/restore") if restore else ("DELETE", path)), dry_run=dry_run)

    @rule(actor=actors, slug=slugs, is_active=st.booleans(), group=st.sampled_from(["work", "system"]))
    def switch_or_move_a_module(self, actor: str, slug: str, is_active: bool, group: str) -> None:  # drawn
        module, place = f"/modules/{self.company.modules[slug]}", self.company.groups[group]
        self.act(actor, "PATCH", module, {"is_active": is_active})
        self.act(actor, "PATCH", f"/module-groups/{place}", {"is_active": is_active})
        self.act(actor, "PATCH", module, {"group_id": place})

    @rule(named=names, is_active=st.booleans())
    def declare_an_action_or_scope(self, named: tuple[str, str], is_active: bool) -> None:  # drawn
        self.run(self.company.declare(*named, is_active=is_active))

    @rule(role=roles, slug=slugs)
    def mend(self, role: str, slug: str) -> None:
        """The superuser makes that what is switched off does not stay so for the rest of the run."""
        usable = {"is_active": True, "requires_second_factor": False, "allowed_networks": []}
        self.act("root", "PATCH", f"/roles/{self.company.roles[role]}", usable)
        self.act("root", "PATCH", f"/modules/{self.company.modules[slug]}", {"is_active": True})

    @rule(actor=actors, victim=people, given=st.lists(st.tuples(roles, terms), max_size=4, unique_by=lambda t: t[0]))
    def assign(self, actor: str, victim: str, given: Any) -> None:
        body = [{"role_id": self.company.roles[role], **window()} for role, window in given]
        self.act(actor, "PUT", f"/users/{self.person(victim).id}/roles", {"assignments": body})

    @rule(actor=actors, role=roles, named=st.sets(people, min_size=1, max_size=3), window=terms, dry_run=dry)
    def change_holders(self, actor: str, role: str, named: set[str], window: Any, dry_run: bool) -> None:  # drawn
        first, *others = [str(self.person(name).id) for name in sorted(named)]
        path = f"/roles/{self.company.roles[role]}/users"
        self.act(actor, "POST", path, {"assign": others, "unassign": [first], **window()}, dry_run=dry_run)
        self.act(actor, "POST", path, {"assign": [first, *others]})

    @rule(actor=actors, victim=people, is_active=st.booleans(), is_superuser=st.booleans())
    def change_a_user(self, actor: str, victim: str, is_active: bool, is_superuser: bool) -> None:  # drawn
        path = f"/users/{self.person(victim).id}"
        self.act(actor, "PATCH", path, {"is_active": is_active})
        self.act(actor, "PATCH", path, {"email": f"{fresh_name()}@example.com"})
        if actor != "root":
            self.act(actor, "PATCH", path, {"is_superuser": is_superuser})

    @rule(actor=actors, victim=people)
    def take_over_a_user(self, actor: str, victim: str) -> None:
        path = f"/users/{self.person(victim).id}"
        if victim != actor:
            self.act(actor, "POST", f"{path}/password")
        self.act(actor, "DELETE", f"{path}/second-factor")
        if victim not in ("root", actor):
            self.act(actor, "DELETE", f"{path}/sessions")

    @rule(actor=actors, victim=people)
    def invite(self, actor: str, victim: str) -> None:
        user_id = str(self.person(victim).id)
        made = self.act(actor, "POST", f"/users/{user_id}/invitation")
        self.tokens += [(user_id, made["token"])] if made else []

    @rule(turn=turns)
    def accept_an_invitation(self, turn: int) -> None:
        if self.tokens:
            user_id, token = self.tokens[turn % len(self.tokens)]
            is_newest = token == [other for owner, other in self.tokens if owner == user_id][-1]
            self.run(self.company.accept(user_id, token, is_open=is_newest))
            self.tokens = [known for known in self.tokens if known[0] != user_id or not is_newest]

    @rule(actor=actors, victim=people, restore=st.booleans())
    def delete_or_restore_a_user(self, actor: str, victim: str, restore: bool) -> None:  # drawn
        path = f"/users/{self.person(victim).id}"
        self.act(actor, *(("POST", f"{path}/restore") if restore else ("DELETE", path)))

    @rule(actor=actors, victim=people, named=scopes, ends=st.sampled_from([None, 1, 3]))
    def make_keys(self, actor: str, victim: str, named: Any, ends: int | None) -> None:
        for owner, path in ((victim, f"/users/{self.person(victim).id}/api-keys"), (actor, "/auth/api-keys")):
            wanted = named or sorted(self.run(self.company.snapshot()).held_by(self.person(owner)))[:200]
            body = {"name": "key", "scopes": wanted, "expires_at": instant(ends)}
            made = self.act(actor, "POST", path, body) if wanted else {}
            self.company.robots += [robot_of(self.person(owner), made)] if made else []

    @rule(deciders=st.lists(deciders, min_size=1, max_size=3), turn=turns, word=words)
    def decide(self, deciders: list[str], turn: int, word: str) -> None:
        for actor in deciders if self.waiting else ():
            path = f"/approvals/{self.waiting[-1 - turn % len(self.waiting)]}"
            self.act(actor, "GET", f"{path}/preview")
            counts[word] += bool(self.act(actor, "POST", f"{path}/{word}"))

    @rule(actor=actors, decider=deciders, role=st.sampled_from(["empty", "storage", "errands"]), given=st.booleans())
    def ask_and_decide(self, actor: str, decider: str, role: str, given: bool) -> None:  # drawn
        """What often waits: a price tag for a role, or the role of those who administer users for one of them."""
        grant = {"module_slug": "products", "can_update": True, "actions": ["set-price"]}
        path, user_id = f"/roles/{self.company.roles[role]}/modules", str(self.person("nobody").id)
        if given:
            self.act(actor, "POST", f"/roles/{self.company.roles['people']}/users", {"assign": [user_id]})
        else:
            self.act(actor, "PUT", path, {"modules": [grant]})
        self.decide([decider], 0, "approve")

    @rule(turn=turns)
    def let_a_request_expire(self, turn: int) -> None:
        if self.waiting and turn == 0:
            self.run(self.company.expire(self.waiting[-1]))

    @rule(actor=actors, back=turns, dry_run=dry)
    def roll_back(self, actor: str, back: int, dry_run: bool) -> None:  # drawn
        found = self.run(self.company.root.get("/rbac/versions", params={"limit": 100})).json()["items"]
        version = found[min(back, len(found) - 1)]["id"]
        self.act(actor, "POST", f"/rbac/versions/{version}/rollback", dry_run=dry_run)

    @rule(actor=actors, request=requests)
    def trade(self, actor: str, request: Any) -> None:
        method, path, options = request(self.company)
        self.act(actor, method, path, **options)


counts: Counter[str] = Counter()


@pytest.fixture(scope="module")
def founded(sqlite_template: tuple[Backend, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    backend, template = sqlite_template
    made = Founded.found(backend, template, tmp_path_factory.mktemp("company"))
    yield made
    backend.drop(made.database)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_step_grants_more_than_its_actor_holds(founded: Founded, part: int) -> None:
    counts.clear()
    rules = FOUR_EYES if part % 2 else ()
    machine = type(f"Part{part}", (Administrators,), {"founded": founded, "needs_approval": rules})

    play(machine, (founded.backend, founded.database), RUNS // PARTS, STEPS, part)

    print(dict(counts))  # noqa: T201  # the evidence, with -s
    assert counts["steps"] >= RUNS // PARTS * 10
    assert counts["allowed"] >= counts["steps"] * 0.1, "where nothing is allowed, the test proves nothing"
    assert bool(counts["waiting"]) == bool(rules)
