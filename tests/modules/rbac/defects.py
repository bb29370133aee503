"""Defects of the policy check, of the guards and of the modules, each planted for one test."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import now
from app.core.context import EVERYTHING, EVERYWHERE, Principal
from app.core.db import row_access
from app.core.http.inner_request import InnerRequest
from app.modules.api_keys import service as keys
from app.modules.api_keys.service import ApiKeyService
from app.modules.approvals import hooks, models, router, service
from app.modules.approvals.service import DecisionService
from app.modules.approvals.waiting import needs
from app.modules.approvals.waiting.needs import Approved
from app.modules.rbac.engine import access, affected, policy_guard
from app.modules.rbac.engine.policy_guard import PolicyChange
from app.modules.roles import ALWAYS, GrantPath, HeldPermissions
from app.modules.roles.evaluation import held_permissions
from app.modules.roles.repository import users

Plant = Callable[[pytest.MonkeyPatch], None]

NOTHING: frozenset[str] = frozenset()


def replaced(owner: Any, name: str, value: Any) -> Plant:
    """What is called `name` is another thing."""
    return lambda monkeypatch: monkeypatch.setattr(owner, name, value)


def unchecked(owner: Any, name: str) -> Plant:
    """A check that refuses nothing."""
    return replaced(owner, name, lambda *_, **__: None)


no_gains = unchecked(PolicyChange, "check_differences")
names_unchecked = unchecked(PolicyChange, "check_names")
terms_ignored = replaced(HeldPermissions, "gains_outside", lambda *_: NOTHING)
any_scope = replaced(Principal, "may", lambda *_: True)
endless_keys = replaced(keys, "is_within", lambda *_: True)
obstacles_forgotten = replaced(held_permissions, "inactive_links", lambda *_: iter(()))


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

    monkeypatch.setattr(keys, "held_by_user", all_of_it)


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
    monkeypatch.setattr(policy_guard, "check_takeovers", lambda *_: None)


def endless_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyChange, "own_spans", property(lambda self: dict.fromkeys(self.held, (ALWAYS,))))


def scopes_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission for some rows counts as the same for all."""

    def not_held(change: PolicyChange, asked: frozenset[str]) -> list[str]:
        held = {name.partition("@")[0] for name in change.held}
        return sorted(name for name in asked if name.partition("@")[0] not in held)

    monkeypatch.setattr(PolicyChange, "not_held", not_held)
    terms_ignored(monkeypatch)


def own_actions_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission to set prices is given by those who lack it."""
    not_held = PolicyChange.not_held
    monkeypatch.setattr(
        PolicyChange, "not_held", lambda self, asked: [n for n in not_held(self, asked) if "set-price" not in n]
    )
    terms_ignored(monkeypatch)


def update_implies_own_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    def effective(path: GrantPath) -> frozenset[str]:
        own = {f"{path.slug}:{each['name']}" for each in path.module_actions} if path.can_update else set()
        return path.permissions | own

    monkeypatch.setattr(GrantPath, "effective_permissions", property(effective))


async def always(*_: Any, **__: Any) -> bool:
    return True


async def never(*_: Any, **__: Any) -> bool:
    return False


def keys_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "within", lambda scopes, _: scopes)
    monkeypatch.setattr(ApiKeyService, "check_scopes", nothing)


async def nothing(*_: Any, **__: Any) -> None:
    pass


def scopes_of_keys_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key counts as its owner in the check of the policy."""
    owner = property(lambda self: self.users[self.context.principal.user_id].effective)
    monkeypatch.setattr(PolicyChange, "held", owner)


def rules_without_scopes(rule: str, gained: frozenset[str]) -> list[str]:
    return [name for name in gained if name == rule.removeprefix("grant:")]


def rules_without_superusers(rule: str, gained: frozenset[str]) -> list[str]:
    return [name for name in gained if name != EVERYTHING and name == rule.removeprefix("grant:")]


def rollback_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_of = needs.needs_of
    without = lambda session, rules: needs_of(session, [rule for rule in rules if rule != "rollback"])  # noqa: E731
    monkeypatch.setattr(hooks, "needs_of", without)


def clock_of_approvals_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    began = now() - timedelta(hours=1)
    for module in (models, service):
        monkeypatch.setattr(module, "now", lambda: began)


def approver_unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user has asked for is made whatever the approver holds."""
    not_held = PolicyChange.not_held
    monkeypatch.setattr(
        PolicyChange, "not_held", lambda self, asked: [] if self.context.owner_id else not_held(self, asked)
    )
    terms_ignored(monkeypatch)
    monkeypatch.setattr(InnerRequest, "authorize", nothing_at_once)


def nothing_at_once(*_: Any, **__: Any) -> None:
    pass


def decisions_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was approved waits on, and can be approved again."""
    monkeypatch.setattr(DecisionService, "finish", nothing)


def requester_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Approved, "check", nothing_at_once)
    monkeypatch.setattr(router.WaitingChange, "check_requester", nothing_at_once)


def others_withdraw(monkeypatch: pytest.MonkeyPatch) -> None:
    async def withdraw(decisions: DecisionService, id: Any) -> Any:
        return await decisions.finish(id, models.ApprovalState.withdrawn)

    monkeypatch.setattr(DecisionService, "withdraw", withdraw)


def own_counts_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_access, "scopes_in", lambda *_: EVERYWHERE)
    row_access.access_by.cache_clear()
    monkeypatch.setattr(row_access, "access_by", row_access.access_by.__wrapped__)
