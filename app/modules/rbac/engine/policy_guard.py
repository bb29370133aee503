"""The policy guard: every change of the policy passes it, whatever the endpoint.

The first flush of a transaction that changes policy takes the policy lock and records what the affected users and roles
hold. At the commit it compares, and the transaction fails if a user would gain what the caller does not hold
(`cannot-grant`) or would hold it for longer than the caller does, lose what the caller does not hold
(`target-has-more-permissions`), or if no active superuser would be left. A change of a user who holds what the caller
lacks, and a new name or condition of what the caller lacks, fails at its flush (`target-has-more-permissions`); a
request on the account of another user fails before its first query.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from app.core.clock import now
from app.core.context import EVERYTHING, RequestContext
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.db.session import Session
from app.core.db.unit_of_work.change import Change
from app.modules.rbac.engine.affected import (
    AFFECTED,
    check_own_address,
    has_superuser,
    held_by_affected_users,
    held_by_roles,
    named_permissions,
)
from app.modules.rbac.engine.effects import EFFECTS, Effects, describe, effect_on, without_name
from app.modules.rbac.engine.governed_rows import changes_policy, opened_accounts, target_users
from app.modules.rbac.engine.snapshots import Key, Snapshot, snapshots
from app.modules.rbac.models import PolicyVersion
from app.modules.rbac.repository import policy
from app.modules.roles import (
    NOTHING,
    CannotGrant,
    HeldPermissions,
    LastSuperuser,
    Spans,
    TargetHasMorePermissions,
    describe_terms,
    time_before,
)
from app.modules.second_factor import check_step_up

versions = table_of(PolicyVersion)


def install(database: Database) -> None:
    """Check every transaction of `database`."""
    step_up_ttl = database.settings.auth.step_up_ttl

    async def after_begin(session: Session) -> None:
        context = session.context
        if context.changes_policy:
            await session.run(select(policy.c.version).with_for_update(key_share=True))
        if context.target_user_id is not None and "policy_change" not in session.info:
            change = change_of(session, step_up_ttl)
            await change.record_before(session, [], {context.target_user_id}, [])

    async def before_write(session: Session, changes: Sequence[Change]) -> None:
        await check_flush(session, changes, step_up_ttl)

    database.hooks.after_begin.append(after_begin)
    database.hooks.before_write.append(before_write)
    database.hooks.before_commit.append(check_transaction)
    database.hooks.after_commit.append(tell_version)


async def check_flush(session: Session, changes: Sequence[Change], step_up_ttl: int) -> None:
    """Record what the changes affect, and check on whom they act. Raises what `record_before` raises."""
    rows = [(row, change) for change in changes if isinstance(row := change.row, Entity)]
    governed = [row for row, change in rows if changes_policy(row, change)]
    targets = set(target_users(rows, session.context))
    renamed = [row for row, change in rows if change.alters(row.relied_on)]
    if governed or targets or renamed:
        whole = change_of(session, step_up_ttl)
        await whole.record_before(session, governed, targets, renamed)
        check_takeovers(whole, set(opened_accounts(rows)))


def change_of(session: Session, step_up_ttl: int) -> "PolicyChange":
    """The change of the policy that this transaction makes."""
    if "policy_change" not in session.info:
        session.info["policy_change"] = PolicyChange(session.context, step_up_ttl)
    change: PolicyChange = session.info["policy_change"]
    return change


async def check_transaction(session: Session) -> None:
    """Check the whole transaction, and tell later hooks and the preview its effects. Raises as `check_and_store`."""
    context = session.context
    change: PolicyChange | None = session.info.pop("policy_change", None)
    effects: list[dict[str, Any]] = []
    if change is not None and change.version:
        effects = await change.check_and_store(session)
        session.info[EFFECTS] = Effects(effects, change.gained, change.lost)
        session.info["policy_version"] = change.version
    if context.dry_run:
        context.preview = {"effects": effects, **context.preview}


def tell_version(session: Session) -> None:
    """Tell the response which version the transaction has made."""
    session.context.policy_version = session.info.get("policy_version", session.context.policy_version)


class PolicyChange:
    """A change of the policy in one transaction, with everything affected as it was before, to compare at the end."""

    def __init__(self, context: RequestContext, step_up_ttl: int) -> None:
        self.context = context
        self.step_up_ttl = step_up_ttl
        self.version = 0
        self.at: datetime | None = None
        self.affected: dict[str, set[UUID]] = {kind: set() for kind in ("user", "role", "module", "group")}
        self.users: dict[UUID, HeldPermissions] = {}
        self.roles: dict[UUID, HeldPermissions] = {}
        self.snapshots: dict[Key, Snapshot | None] = {}
        self.gained: frozenset[str] = frozenset()
        self.lost: frozenset[str] = frozenset()

    async def record_before(
        self, session: Session, governed: list[Entity], targets: set[UUID], renamed: list[Entity]
    ) -> None:
        """Record rows, users and roles as they are before a flush. Raises TargetHasMorePermissions, StepUpRequired."""
        if governed and not self.version:
            await session.run(update(policy).values(version=policy.c.version + 1))
            self.version = (await session.run(select(policy.c.version))).scalar_one()
        # one instant for the whole comparison: what begins or ends by the clock meanwhile is no change
        self.at = self.at or now()
        for row in governed:
            kind, column = AFFECTED[str(row.__tablename__)]
            self.affected[kind].add(getattr(row, column))
        if self.context.principal is not None:
            self.affected["user"].add(self.context.principal.user_id)
        self.affected["user"] |= targets
        keys = {(str(row.__tablename__), row.id) for row in governed} - self.snapshots.keys()
        self.snapshots |= await snapshots(session, keys)
        for user_id, (_, held) in (await held_by_affected_users(session, self.affected, self.at)).items():
            self.users.setdefault(user_id, held)
        for role_id, held in (await held_by_roles(session, self.affected["role"])).items():
            self.roles.setdefault(role_id, held)
        self.check_targets(targets)
        self.check_names(await named_permissions(session, renamed))
        if targets:
            self.check_step_up()

    @property
    def held(self) -> frozenset[str]:
        """The caller's permissions when the transaction began. Commands act as the system, which holds everything."""
        principal = self.context.principal
        if principal is None:
            return frozenset({EVERYTHING}) if self.context.actor.kind == "system" else frozenset()
        stored = self.users.get(principal.user_id, NOTHING).effective
        if EVERYTHING in stored:
            return principal.permissions
        return stored & principal.permissions

    @property
    def own_spans(self) -> Spans:
        """When the caller holds each permission. What an API key holds ends with the key."""
        principal = self.context.principal
        if principal is None:
            return {}
        spans = self.users.get(principal.user_id, NOTHING).active_spans
        known = {name: spans.get(EVERYTHING) or spans.get(name, ()) for name in self.held}
        if principal.api_key_id is None:
            return known
        return {name: time_before(principal.expires_at, found) for name, found in known.items()}

    def not_held(self, permissions: frozenset[str]) -> list[str]:
        """Those of `permissions` that the caller does not hold. What is held for all rows is held in each scope."""
        held = self.held
        beyond = () if EVERYTHING in held else permissions - held
        return sorted(name for name in beyond if name.partition("@")[0] not in held)

    def check_targets(self, targets: set[UUID]) -> None:
        """Raise TargetHasMorePermissions for a user who holds what the caller lacks."""
        for user_id in targets:
            if lacking := self.not_held(self.users.get(user_id, NOTHING).latent):
                raise TargetHasMorePermissions(f"This user holds what you do not: {describe(lacking)}.")

    def check_names(self, named: frozenset[str]) -> None:
        """Raise TargetHasMorePermissions for a new name or condition of what gives `named`, which the caller lacks.

        Others grant by these: a role with the name of a weaker one would be given away by mistake.
        """
        if lacking := self.not_held(named):
            detail = f"You cannot rename, or set conditions of, what gives more than you hold: {describe(lacking)}."
            raise TargetHasMorePermissions(detail)

    def check_step_up(self) -> None:
        """Raise StepUpRequired. It comes after every refusal: the factor is asked of those who may."""
        if self.context.principal is not None:
            check_step_up(self.context.principal, self.step_up_ttl)

    async def check_and_store(self, session: Session) -> list[dict[str, Any]]:
        """Check the whole change and store it as a policy version. Returns who gains and loses which permissions.

        Raises CannotGrant, TargetHasMorePermissions, LastSuperuser, LocksCallerOut, StepUpRequired.
        """
        after = await held_by_affected_users(session, self.affected, self.at or now())
        pairs = [(self.users.get(user_id, NOTHING), held) for user_id, (_, held) in after.items()]
        roles = await held_by_roles(session, self.affected["role"])
        role_pairs = [(self.roles.get(role_id, NOTHING), held) for role_id, held in roles.items()]
        self.check_differences(pairs, role_pairs)
        if any(EVERYTHING in before.effective for before in self.users.values()) and not await has_superuser(session):
            raise LastSuperuser("This is the last active superuser.")
        await check_own_address(session)
        self.check_step_up()
        effects = [
            effect
            for row, held in after.values()
            if (effect := effect_on(row, self.users.get(row.id, NOTHING), held)) is not None
        ]
        await self.store_version(session, effects)
        return effects

    def check_differences(
        self,
        users: list[tuple[HeldPermissions, HeldPermissions]],
        roles: list[tuple[HeldPermissions, HeldPermissions]],
    ) -> None:
        """Raise CannotGrant, TargetHasMorePermissions for differences beyond what the caller holds.

        The time counts for users only: a role gives nothing to anybody until a user has it.
        """
        pairs = users + roles
        self.gained = frozenset().union(*(before.gains(after) for before, after in pairs))
        self.lost = frozenset().union(*(after.gains(before) for before, after in pairs))
        if gained := self.not_held(self.gained):
            raise CannotGrant(f"You cannot grant what you do not hold: {describe(gained)}.")
        if lost := self.not_held(self.lost):
            raise TargetHasMorePermissions(f"You cannot take away what you do not hold: {describe(lost)}.")
        if EVERYTHING in self.held:
            return
        own = self.own_spans
        for before, after in users:
            if longer := before.gains(after) & before.gains_outside(own, after):
                raise CannotGrant(f"You cannot grant for longer than you hold it: {describe_terms(longer, own)}.")

    async def store_version(self, session: Session, effects: list[dict[str, Any]]) -> None:
        """Store the change as a policy version."""
        context = self.context
        after = await snapshots(session, self.snapshots)
        changes = [
            {"entity": key[0], "id": str(key[1]), "old": old, "new": after[key]}
            for key, old in self.snapshots.items()
            if old != after[key]
        ]
        version = {
            "id": self.version,
            "at": now(),
            "request_id": context.request_id,
            "actor_kind": context.actor.kind,
            "actor_id": context.actor.id,
            "actor_name": context.actor.logged_name,
            "caller_id": context.caller_id,
            "restores": context.restores,
            "changes": changes,
            "effects": [without_name(effect) for effect in effects],
        }
        await session.run(insert(versions), version)


def check_takeovers(change: PolicyChange, user_ids: set[UUID]) -> None:
    """Raise TargetHasMorePermissions for another user who holds for longer than the caller does."""
    principal = change.context.principal
    if principal is None or EVERYTHING in change.held:
        return
    own = change.own_spans
    for user_id in user_ids - {principal.user_id}:
        if longer := NOTHING.gains_outside(own, change.users.get(user_id, NOTHING)):
            raise TargetHasMorePermissions(f"This user holds for longer than you: {describe_terms(longer, own)}.")
