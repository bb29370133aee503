"""Known escalations, each tried on the real policy check and on one with a planted defect, which must be detected."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import now
from app.core.config import Settings
from app.core.context import EVERYTHING, Principal
from app.modules.rbac.engine import access, affected, policy_guard
from app.modules.rbac.engine.policy_guard import PolicyChange
from app.modules.roles import ALWAYS, HeldPermissions
from app.modules.roles.evaluation import held_permissions
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.roles.repository import users
from app.modules.users import User
from tests.databases import Backend, in_a_thread
from tests.fixtures.application import client_of, started
from tests.fixtures.databases import settings_for
from tests.modules.rbac.administrators import Company, company, everything, fresh_name

Attack = Callable[[Company], Awaitable[Any]]
Plant = Callable[[pytest.MonkeyPatch], None]

NOTHING: frozenset[str] = frozenset()


async def assign_oneself(c: Company) -> None:
    lawyer = c.people["lawyer"]
    ids = [c.roles[name] for name in ("people", "policy", "work")]
    await c.act(lawyer, "PUT", f"/users/{lawyer.id}/roles", {"role_ids": ids})


async def fill_own_role(c: Company) -> None:
    await c.act(
        c.people["lawyer"],
        "PUT",
        f"/roles/{c.roles['policy']}/modules",
        {"modules": [everything("roles"), everything("tasks")]},
    )


async def fill_anothers_role(c: Company) -> None:
    path = f"/roles/{c.roles['empty']}/modules"
    await c.act(c.people["lawyer"], "PUT", path, {"modules": [everything("tasks")]})


async def wake_a_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['asleep']}", {"is_active": True})


async def dig_up_a_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "POST", f"/roles/{c.roles['buried']}/restore")


async def open_a_module(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/modules/{c.modules['audit']}", {"is_active": True})


async def open_a_group(c: Company) -> None:
    await c.root.patch(f"/module-groups/{c.groups['work']}", {"is_active": False})
    await c.act(c.people["lawyer"], "PATCH", f"/module-groups/{c.groups['work']}", {"is_active": True})


async def bring_back_a_user(c: Company) -> None:
    await c.act(c.people["registrar"], "PATCH", f"/users/{c.people['absent'].id}", {"is_active": True})


async def crown_oneself(c: Company) -> None:
    registrar = c.people["registrar"]
    await c.act(registrar, "PATCH", f"/users/{registrar.id}", {"is_superuser": True})


async def make_a_superuser(c: Company) -> None:
    name = fresh_name()
    body = {"username": name, "email": f"{name}@example.com", "password": "a long and quiet river"}
    await c.act(c.people["registrar"], "POST", "/users", {**body, "is_superuser": True})


async def assign_for_tomorrow(c: Company) -> None:
    lawyer = c.people["lawyer"]
    kept = [{"role_id": c.roles[name]} for name in ("people", "policy")]
    later = {"role_id": c.roles["work"], "valid_from": (now() + timedelta(days=1)).isoformat()}
    await c.act(lawyer, "PUT", f"/users/{lawyer.id}/roles", {"assignments": [*kept, later]})


async def take_over_by_password(c: Company) -> None:
    await c.act(c.people["registrar"], "POST", f"/users/{c.people['worker'].id}/password")


async def take_over_by_invitation(c: Company) -> None:
    await c.act(c.people["registrar"], "POST", f"/users/{c.people['worker'].id}/invitation")


async def take_over_by_email(c: Company) -> None:
    await c.act(c.people["registrar"], "PATCH", f"/users/{c.people['worker'].id}", {"email": "mine@example.com"})


async def take_over_by_key(c: Company) -> None:
    body = {"name": "mine", "scopes": ["tasks:read", "tasks:delete"]}
    await c.act(c.people["registrar"], "POST", f"/users/{c.people['worker'].id}/api-keys", body)


async def make_a_key_beyond_oneself(c: Company) -> None:
    await c.act(c.people["registrar"], "POST", "/auth/api-keys", {"name": "mine", "scopes": ["tasks:read"]})


async def roll_back_a_removal(c: Company) -> None:
    version = (await c.root.get("/rbac/versions")).json()["items"][0]["id"]
    await c.root.put(f"/users/{c.people['worker'].id}/roles", {"role_ids": [c.roles["empty"]]})
    await c.act(c.people["lawyer"], "POST", f"/rbac/versions/{version}/rollback")


async def use_a_role_that_sleeps(c: Company) -> None:
    """The roles of the sleeper are inactive or deleted, so they give nothing that could be granted."""
    sleeper, lawyer = c.people["sleeper"], c.people["lawyer"]
    ids = [c.roles[name] for name in ("asleep", "people", "policy")]
    await c.root.put(f"/users/{sleeper.id}/roles", {"role_ids": ids})
    await c.act(sleeper, "PUT", f"/users/{lawyer.id}/roles", {"role_ids": [*ids[1:], c.roles["work"]]})


async def outlive_ones_term(c: Company) -> None:
    """The locum has its roles for a day, and gives one to an account of its own for good."""
    await c.act(c.people["locum"], "PUT", f"/users/{c.people['nobody'].id}/roles", {"role_ids": [c.roles["work"]]})


async def outlive_ones_term_by_a_role(c: Company) -> None:
    path = f"/roles/{c.roles['empty']}/modules"
    await c.act(c.people["locum"], "PUT", path, {"modules": [everything("tasks")]})


async def outlive_ones_term_by_a_key(c: Company) -> None:
    body = {"name": "mine", "scopes": ["tasks:read"]}
    await c.act(c.people["locum"], "POST", f"/users/{c.people['worker'].id}/api-keys", body)


async def prolong_in_the_middle(c: Company) -> None:
    """A permission that is given twice is given in between, too: neither the first instant nor the last changes."""
    nobody, day = c.people["nobody"], timedelta(days=1)
    late = {"role_id": c.roles["night"], "valid_from": (now() + 3 * day).isoformat()}
    await c.root.put(f"/users/{nobody.id}/roles", {"assignments": [late]})
    body = {"assignments": [late, {"role_id": c.roles["work"], "valid_until": (now() + 3 * day).isoformat()}]}
    await c.act(c.people["locum"], "PUT", f"/users/{nobody.id}/roles", body)


async def rename_a_stronger_role(c: Company) -> None:
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['work']}", {"name": "Nothing at all"})


async def lift_a_condition(c: Company) -> None:
    await c.root.patch(f"/roles/{c.roles['work']}", {"requires_second_factor": True})
    await c.act(c.people["lawyer"], "PATCH", f"/roles/{c.roles['work']}", {"requires_second_factor": False})


async def end_sessions_above(c: Company) -> None:
    await c.act(c.people["registrar"], "DELETE", f"/users/{c.people['worker'].id}/sessions")


def without(*models: Any) -> Plant:
    """A policy check that ignores some tables."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        for model in models:
            monkeypatch.setattr(model, "policy_columns", NOTHING)

    return plant


def careless(model: Any) -> Plant:
    """A policy check that takes changes of a table for changes of no user."""
    return lambda monkeypatch: monkeypatch.setattr(model, "target_user_column", None)


def both(*plants: Plant) -> Plant:
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        for one in plants:
            one(monkeypatch)

    return plant


def no_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyChange, "check_differences", lambda *_: None)


def only_named_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affected, "is_affected", lambda ids: users.c.id.in_(ids["user"]))
    monkeypatch.setattr(policy_guard, "held_by_roles", lambda *_: {})


def only_latent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldPermissions, "gains", lambda self, later: later.latent - self.latent)


def only_effective(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldPermissions, "gains", lambda self, later: later.effective - self.effective)


def unbounded_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        access, "held_permissions", lambda *_, **__: HeldPermissions(frozenset({EVERYTHING}), frozenset({EVERYTHING}))
    )

    async def all_of_it(*_: Any) -> HeldPermissions:
        return HeldPermissions(frozenset({EVERYTHING}), frozenset({EVERYTHING}))

    monkeypatch.setattr("app.modules.api_keys.service.held_by_user", all_of_it)


def any_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Principal, "may", lambda *_: True)


def rollback_as_system(monkeypatch: pytest.MonkeyPatch) -> None:
    not_held = PolicyChange.not_held
    monkeypatch.setattr(
        PolicyChange, "not_held", lambda self, asked: [] if self.context.restores else not_held(self, asked)
    )


def latent_counts_as_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyChange, "held", property(lambda self: self.users[self.context.principal.user_id].latent))
    endless_terms(monkeypatch)


def targets_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyChange, "check_targets", lambda *_: None)
    monkeypatch.setattr("app.modules.rbac.engine.policy_guard.check_takeovers", lambda *_: None)


def terms_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldPermissions, "gains_outside", lambda *_: NOTHING)


def endless_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyChange, "own_spans", property(lambda self: dict.fromkeys(self.held, (ALWAYS,))))


def endless_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.modules.api_keys.service.is_within", lambda *_: True)


def names_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyChange, "check_names", lambda *_: None)


def obstacles_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_permissions, "inactive_links", lambda *_: iter(()))


ATTACKS: dict[str, tuple[Attack, Plant]] = {
    "assign oneself": (assign_oneself, without(UserRole)),
    "assign oneself, gains unchecked": (assign_oneself, no_gains),
    "fill one's own role": (fill_own_role, without(RoleModule)),
    "fill another's role, users forgotten": (fill_anothers_role, only_named_users),
    "wake a role": (wake_a_role, without(Role)),
    "wake a role, only latent": (wake_a_role, only_latent),
    "dig up a role": (dig_up_a_role, without(Role)),
    "open a module": (open_a_module, without(Module)),
    "open a group": (open_a_group, without(ModuleGroup)),
    "bring back a user": (bring_back_a_user, both(careless(User), only_latent)),
    "crown oneself": (crown_oneself, without(User)),
    "make a superuser": (make_a_superuser, no_gains),
    "assign for tomorrow": (assign_for_tomorrow, only_effective),
    "take over by password": (take_over_by_password, targets_unchecked),
    "take over by invitation": (take_over_by_invitation, targets_unchecked),
    "take over by e-mail": (take_over_by_email, careless(User)),
    "take over by key": (take_over_by_key, both(targets_unchecked, any_scope)),
    "a key beyond oneself": (make_a_key_beyond_oneself, unbounded_keys),
    "roll back a removal": (roll_back_a_removal, both(rollback_as_system, terms_ignored)),
    "outlive one's term": (outlive_ones_term, endless_terms),
    "outlive one's term by a role": (outlive_ones_term_by_a_role, endless_terms),
    "outlive one's term by a key": (outlive_ones_term_by_a_key, endless_keys),
    "prolong in the middle": (prolong_in_the_middle, endless_terms),
    "rename a stronger role": (rename_a_stronger_role, names_unchecked),
    "lift a condition": (lift_a_condition, names_unchecked),
    "use a role that sleeps": (use_a_role_that_sleeps, latent_counts_as_held),
}


@dataclass(frozen=True)
class Founded:
    """A company, the name of its database, and where the keys are that signed its tokens."""

    company: Company
    database: str
    keys: Path


@pytest.fixture(scope="module")
def founded(backend: Backend, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    """The company, whose database each test clones."""
    name = f"company_{uuid4().hex}"
    settings = settings_for(backend.create(name, template), tmp_path_factory.mktemp("company"))

    async def found() -> Company:
        async with started(settings) as app, client_of(app) as client:
            return await company(app, client)

    yield Founded(in_a_thread(found), name, settings.state_dir / "keys")
    backend.drop(name)


@pytest.fixture
def database_url(backend: Backend, founded: Founded) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    yield backend.create(name, founded.database)
    backend.drop(name)


@pytest.fixture
def settings(settings: Settings, founded: Founded) -> Settings:
    shutil.copytree(founded.keys, settings.state_dir / "keys")
    return settings


@pytest.fixture
def firm(app: FastAPI, client: httpx.AsyncClient, founded: Founded) -> Company:
    return founded.company.of(app, client)


@pytest.mark.parametrize("attack", [*dict.fromkeys(a for a, _ in ATTACKS.values()), end_sessions_above])
async def test_an_attack_gains_nothing(firm: Company, attack: Attack) -> None:
    before = await firm.snapshot()

    await attack(firm)

    assert (await firm.snapshot()).superusers == before.superusers


@pytest.mark.parametrize(("attack", "plant"), ATTACKS.values(), ids=list(ATTACKS))
async def test_a_planted_defect_is_detected(
    firm: Company, monkeypatch: pytest.MonkeyPatch, attack: Attack, plant: Plant
) -> None:
    plant(monkeypatch)

    with pytest.raises(AssertionError):
        await attack(firm)
