"""Known escalations: each gains nothing, and gains something once a defect is planted, which the checks detect."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import Settings
from app.core.context import RequestContext
from app.core.db import field_access, repository, row_access
from app.core.db.field_access import FieldAccess
from app.core.db.masks import NO_MASK
from app.core.http.guards import Authenticated
from app.modules.approvals import hooks
from app.modules.approvals.service import ApprovalService
from app.modules.approvals.waiting import needs
from app.modules.audit.changes.masks import Masks
from app.modules.invitations import service as invitations
from app.modules.invitations.one_time import tokens
from app.modules.rbac.engine import access, policy_guard
from app.modules.rbac.engine.access import Access
from app.modules.roles import GrantPath
from app.modules.roles.evaluation import held_permissions
from app.modules.roles.models import Module, ModuleGroup, Role, RoleModule, UserRole
from app.modules.users import User
from tests.databases import Backend
from tests.modules.rbac import attacks, defects
from tests.modules.rbac.administrators import FOUR_EYES, Company, Founded
from tests.modules.rbac.defects import Plant, both, careless, replaced, unchecked, without
from tests.modules.rbac.steps import Escalation
from tests.roles import as_role


@dataclass(frozen=True)
class Case:
    """An attack, and a defect by which it succeeds."""

    attack: Callable[[Company], Awaitable[Any]]
    plant: Plant
    rules: tuple[str, ...] = ()
    """What needs the approval of a second person."""


OWN = ("grant:customers:read-personal",)

CASES: dict[str, Case] = {
    "assign oneself": Case(attacks.assign_oneself, without(UserRole)),
    "assign oneself, gains unchecked": Case(attacks.assign_oneself, defects.no_gains),
    "give a role to many": Case(attacks.give_a_role_to_many, without(UserRole)),
    "fill one's own role": Case(attacks.fill_own_role, without(RoleModule)),
    "fill several roles": Case(attacks.fill_several_roles, without(RoleModule)),
    "fill another's role, users forgotten": Case(attacks.fill_anothers_role, defects.only_named_users),
    "wake a role": Case(attacks.wake_a_role, without(Role)),
    "wake a role, only latent": Case(attacks.wake_a_role, defects.only_latent),
    "dig up a role": Case(attacks.dig_up_a_role, without(Role)),
    "open a module": Case(attacks.open_a_module, without(Module)),
    "open a group": Case(attacks.open_a_group, without(ModuleGroup)),
    "bring back a user": Case(attacks.bring_back_a_user, both(careless(User), defects.only_latent)),
    "crown oneself": Case(attacks.crown_oneself, without(User)),
    "make a superuser": Case(attacks.make_a_superuser, defects.no_gains),
    "assign for tomorrow": Case(attacks.assign_for_tomorrow, defects.only_effective),
    "use a role that sleeps": Case(attacks.use_a_role_that_sleeps, defects.latent_counts_as_held),
    "read by a role that sleeps": Case(attacks.read_by_a_role_that_sleeps, defects.obstacles_forgotten),
    "outlive one's term": Case(attacks.outlive_ones_term, defects.endless_terms),
    "outlive one's term by a role": Case(attacks.outlive_ones_term_by_a_role, defects.endless_terms),
    "prolong in the middle": Case(attacks.prolong_in_the_middle, defects.endless_terms),
    "take over by password": Case(attacks.take_over_by_password, defects.targets_unchecked),
    "take over by e-mail": Case(attacks.take_over_by_email, careless(User)),
    "end sessions above": Case(attacks.end_sessions_above, defects.targets_unchecked),
    "rename a stronger role": Case(attacks.rename_a_stronger_role, defects.names_unchecked),
    # rows
    "give all rows for own": Case(attacks.give_all_rows_for_own, defects.scopes_ignored),
    "widen one's own role": Case(attacks.widen_the_own_role, defects.scopes_ignored),
    "read rows of others": Case(attacks.read_rows_of_others, defects.own_counts_as_all),
    "read one row of another": Case(attacks.read_one_row_of_another, defects.own_counts_as_all),
    "change what one may only read": Case(
        attacks.change_a_row_that_one_may_only_read, replaced(row_access, "is_within", defects.always)
    ),
    "read in a scope that vanished": Case(
        attacks.read_in_a_scope_that_vanished,
        replaced(held_permissions, "names_of", lambda declared: {each["name"] for each in declared}),
    ),
    # own actions
    "give an action that one lacks": Case(attacks.give_an_action_that_one_lacks, defects.own_actions_ignored),
    "give what the code does not declare": Case(
        attacks.give_what_the_code_does_not_declare, defects.only_effective
    ),
    "use an action that vanished": Case(
        attacks.use_an_action_that_vanished, replaced(GrantPath, "inactive_actions", defects.NOTHING)
    ),
    "move stock without the action": Case(
        attacks.move_stock_without_the_action, defects.update_implies_own_actions
    ),
    # fields
    "set a price, implied by update": Case(attacks.set_a_price, defects.update_implies_own_actions),
    "set a price": Case(attacks.set_a_price, unchecked(FieldAccess, "check_writing")),
    "set a price in bulk": Case(attacks.set_a_price_in_bulk, unchecked(FieldAccess, "check_writing")),
    "set a price by an import": Case(attacks.set_a_price_by_an_import, unchecked(FieldAccess, "check_writing")),
    "set a price by a revert": Case(attacks.set_a_price_by_a_revert, unchecked(FieldAccess, "check_writing")),
    "set the price of a new product": Case(
        attacks.set_the_price_of_a_new_product, unchecked(FieldAccess, "check_new")
    ),
    "read personal data in a list": Case(
        attacks.read_personal_data_in_a_list, replaced(FieldAccess, "mask", NO_MASK)
    ),
    "read personal data of one": Case(
        attacks.read_personal_data_of_one, replaced(FieldAccess, "mask", NO_MASK)
    ),
    "read personal data in the history": Case(
        attacks.read_personal_data_in_the_history, replaced(Masks, "has", lambda *_: False)
    ),
    "read personal data of others": Case(
        attacks.read_personal_data_of_others, replaced(FieldAccess, "mask", NO_MASK)
    ),
    "sort others by personal data": Case(
        attacks.sort_others_by_personal_data, unchecked(repository, "check_asked")
    ),
    "set a price outside one's brands": Case(
        attacks.set_a_price_outside_ones_brands, replaced(field_access, "is_outside", defects.never)
    ),
    "sort by personal data": Case(attacks.sort_by_personal_data, unchecked(repository, "check_asked")),
    # conditions
    "lift a condition": Case(attacks.lift_a_condition, defects.names_unchecked),
    "narrow a stronger role": Case(attacks.narrow_a_stronger_role, defects.names_unchecked),
    "act without the second factor": Case(
        attacks.act_without_the_second_factor, replaced(access, "require_second_factor", lambda _: False)
    ),
    "act from another network": Case(attacks.act_from_another_network, unchecked(Access, "check_address")),
    # keys
    "take over by key": Case(attacks.take_over_by_key, both(defects.targets_unchecked, defects.any_scope)),
    "a key beyond oneself": Case(attacks.make_a_key_beyond_oneself, defects.unbounded_keys),
    "a key for all rows": Case(attacks.make_a_key_for_all_rows, defects.keys_of_all_rows),
    "a key for an action": Case(attacks.make_a_key_for_an_action, defects.keys_of_all_rows),
    "outlive one's term by a key": Case(attacks.outlive_ones_term_by_a_key, defects.endless_keys),
    "use more than the scopes of a key": Case(
        attacks.use_more_than_the_scopes_of_a_key, both(defects.scopes_of_keys_ignored, defects.endless_terms)
    ),
    "let a key act on its owner": Case(
        attacks.let_a_key_act_on_its_owner, replaced(policy_guard, "target_users", lambda *_: ())
    ),
    # invitations
    "take over by invitation": Case(attacks.take_over_by_invitation, defects.targets_unchecked),
    "accept an invitation twice": Case(
        attacks.accept_an_invitation_twice, replaced(invitations, "is_open", lambda *_: True)
    ),
    "accept an invitation after a deactivation": Case(
        attacks.accept_an_invitation_after_a_deactivation, replaced(tokens, "is_equal", lambda *_: True)
    ),
    # dry runs and rollback
    "keep a dry run": Case(
        attacks.preview_and_keep, replaced(RequestContext, "dry_run", property(lambda _: False, lambda *_: None))
    ),
    "roll back a removal": Case(
        attacks.roll_back_a_removal, both(defects.rollback_as_system, defects.terms_ignored)
    ),
    "roll back to a wider scope": Case(
        attacks.roll_back_to_a_wider_scope, both(defects.rollback_as_system, defects.terms_ignored)
    ),
    # four eyes
    "grant alone": Case(attacks.grant_alone, replaced(hooks, "needs_of", lambda *_: []), FOUR_EYES),
    "grant own rows alone": Case(
        attacks.grant_own_rows_alone, replaced(needs, "find_named", defects.rules_without_scopes), OWN
    ),
    "crown alone": Case(
        attacks.crown_alone, replaced(needs, "find_named", defects.rules_without_superusers), FOUR_EYES
    ),
    "roll back alone": Case(attacks.roll_back_alone, defects.rollback_needs_none, FOUR_EYES),
    "approve one's own": Case(attacks.approve_ones_own, unchecked(ApprovalService, "check_other"), FOUR_EYES),
    "reject one's own": Case(attacks.reject_ones_own, unchecked(ApprovalService, "check_other"), FOUR_EYES),
    "withdraw that of another": Case(attacks.withdraw_that_of_another, defects.others_withdraw, FOUR_EYES),
    "approve what has expired": Case(
        attacks.approve_what_has_expired, defects.clock_of_approvals_stands, FOUR_EYES
    ),
    "approve beyond oneself": Case(attacks.approve_beyond_oneself, defects.approver_unbounded, FOUR_EYES),
    "approve without editing roles": Case(
        attacks.approve_without_editing_roles, defects.approver_unbounded, FOUR_EYES
    ),
    "approve twice": Case(attacks.approve_twice, defects.decisions_forgotten, FOUR_EYES),
    "approve for one who lost it": Case(
        attacks.approve_for_a_requester_who_lost_it, defects.requester_unchecked, FOUR_EYES
    ),
    "approve by a key": Case(
        attacks.approve_by_a_key, unchecked(Authenticated, "check_restrictions"), FOUR_EYES
    ),
}  # fmt: skip
cases = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(scope="module")
def founded(backend: Backend, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    """The company, whose database each test clones."""
    made = Founded.found(backend, template, tmp_path_factory.mktemp("company"))
    yield made
    backend.drop(made.database)


@pytest.fixture
def database_url(backend: Backend, founded: Founded) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    yield backend.create(name, founded.database)
    backend.drop(name)


@pytest.fixture
def settings(database_url: str, founded: Founded, tmp_path: Path, case: Case) -> Settings:
    return as_role(founded.settings(database_url, tmp_path / "var", case.rules), "app")


@pytest.fixture
def firm(app: FastAPI, client: httpx.AsyncClient, founded: Founded) -> Company:
    return founded.company.of(app, client)


@cases
async def test_an_attack_gains_nothing_unless_a_defect_is_planted(
    firm: Company, backend: Backend, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    """The checks pass without the defect, and fail with it. A defect is in Python, and planted on one database."""
    await case.attack(firm)

    if backend.name == "sqlite":
        case.plant(monkeypatch)
        firm.app.state.authenticator.cache.entries.clear()
        with pytest.raises(Escalation):
            await case.attack(firm)


def test_enough_defects_are_planted() -> None:
    assert len(CASES) >= 70
