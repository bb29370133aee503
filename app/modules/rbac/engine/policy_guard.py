"""The policy guard: every change of the policy passes it, whatever the endpoint.

The first flush of a transaction that changes policy takes the policy lock and records what the affected users and roles
hold. At the commit it compares, and the transaction fails if a user would gain what the caller does not hold
(`cannot-grant`) or would hold it for longer than the caller does, lose what the caller does not hold
(`target-has-more-permissions`), or if no active superuser would be left. A change of a user who holds what the caller
lacks, and a new name for what the caller lacks, fails at its flush (`target-has-more-permissions`); a request on the
account of another user fails before its first query.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, insert, inspect, select, update
from sqlalchemy.orm import Session as SyncSession

from app.core.clock import now
from app.core.context import EVERYTHING, RequestContext
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.errors import DryRun
from app.modules.rbac.engine.affected import (
    AFFECTED,
    has_superuser,
    held_by_affected_users,
    held_by_roles,
    named_permissions,
)
from app.modules.rbac.engine.effects import describe, effect_on
from app.modules.rbac.engine.invalidation import alters, pending_entities
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

IDENTITY = frozenset({"email", "username"})
"""Columns of a user by which users sign in: changing one's own needs a second factor too."""

SIGN_IN = IDENTITY | {"password_hash"}
"""Columns of a user whose change lets the caller sign in as that user, and so gain what that user holds."""

versions = table_of(PolicyVersion)


def install(database: Database) -> None:
    """Check every transaction of `database`."""
    step_up_ttl = database.settings.auth.step_up_ttl

    def after_begin(session: SyncSession, _transaction: object, connection: Connection) -> None:
        context: RequestContext = session.info["context"]
        if context.changes_policy:
            connection.execute(select(policy.c.version).with_for_update(key_share=True))
        if context.target_user_id is not None and "policy_change" not in session.info:
            change_of(session, step_up_ttl).record_before(connection, [], {context.target_user_id}, [])

    def before_flush(session: SyncSession, _context: object, _instances: object) -> None:
        check_flush(session, step_up_ttl)

    def before_commit(session: SyncSession) -> None:
        if not session.in_nested_transaction():
            check_transaction(session)

    event.listen(database.session_class, "after_begin", after_begin)
    event.listen(database.session_class, "before_flush", before_flush)
    event.listen(database.session_class, "before_commit", before_commit)


def check_flush(session: SyncSession, step_up_ttl: int) -> None:
    """Record what the pending changes affect, and check on whom they act. Raises what `record_before` raises."""
    rows = pending_entities(session)
    governed = [row for row in rows if changes_policy(row)]
    targets = set(target_users(rows, session.info["context"]))
    renamed = [row for row in rows if alters(row, row.recognized_by)]
    if governed or targets or renamed:
        change = change_of(session, step_up_ttl)
        change.record_before(session.connection(), governed, targets, renamed)
        check_takeovers(change, {row.id for row in rows if alters(row, SIGN_IN) and row.target_user_column})


def change_of(session: SyncSession, step_up_ttl: int) -> "PolicyChange":
    """The change of the policy that this transaction makes."""
    if "policy_change" not in session.info:
        session.info["policy_change"] = PolicyChange(session.info["context"], step_up_ttl)
    change: PolicyChange = session.info["policy_change"]
    return change


def check_transaction(session: SyncSession) -> None:
    """Check the whole transaction. A dry run ends here. Raises DryRun, and what `check_and_store` raises."""
    session.flush()
    context: RequestContext = session.info["context"]
    change: PolicyChange | None = session.info.pop("policy_change", None)
    effects: list[dict[str, Any]] = []
    if change is not None and change.version:
        effects = change.check_and_store(session.connection())
    if context.dry_run:
        raise DryRun({"dry_run": True, "effects": effects})
    if change is not None and change.version:
        session.info["policy_version"] = context.policy_version = change.version


def changes_policy(row: Entity) -> bool:
    """Whether the pending change of `row` changes policy. Creating a superuser does; creating another user does not."""
    is_new_superuser = inspect(row).pending and getattr(row, "is_superuser", False)
    return is_new_superuser or alters(row, row.policy_columns)


def target_users(rows: Iterable[Entity], context: RequestContext) -> Iterable[UUID]:
    """The users on whom these changes act.

    A session may change its own user, except the columns by which users sign in; an API key may not.
    """
    if context.principal is None:
        return
    has_session = context.principal.session_id is not None
    for row in rows:
        if row.target_user_column and alters(row, frozenset({"*"})):
            target: UUID = getattr(row, row.target_user_column)
            if target != context.principal.user_id or not has_session or alters(row, IDENTITY):
                yield target


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

    def record_before(
        self, connection: Connection, governed: list[Entity], targets: set[UUID], renamed: list[Entity]
    ) -> None:
        """Record rows, users and roles as they are before a flush. Raises TargetHasMorePermissions, StepUpRequired."""
        if governed and not self.version:
            connection.execute(update(policy).values(version=policy.c.version + 1))
            self.version = connection.execute(select(policy.c.version)).scalar_one()
        # one instant for the whole comparison: what begins or ends by the clock meanwhile is no change
        self.at = self.at or now()
        for row in governed:
            kind, column = AFFECTED[str(row.__tablename__)]
            self.affected[kind].add(getattr(row, column))
        if self.context.principal is not None:
            self.affected["user"].add(self.context.principal.user_id)
        self.affected["user"] |= targets
        keys = {(str(row.__tablename__), row.id) for row in governed} - self.snapshots.keys()
        self.snapshots |= snapshots(connection, keys)
        for user_id, (_, held) in held_by_affected_users(connection, self.affected, self.at).items():
            self.users.setdefault(user_id, held)
        for role_id, held in held_by_roles(connection, self.affected["role"]).items():
            self.roles.setdefault(role_id, held)
        self.check_targets(targets)
        self.check_names(connection, renamed)
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
        """Those of `permissions` that the caller does not hold."""
        held = self.held
        return [] if EVERYTHING in held else sorted(permissions - held)

    def check_targets(self, targets: set[UUID]) -> None:
        """Raise TargetHasMorePermissions for a user who holds what the caller lacks."""
        for user_id in targets:
            if lacking := self.not_held(self.users.get(user_id, NOTHING).latent):
                raise TargetHasMorePermissions(f"This user holds what you do not: {describe(lacking)}.")

    def check_names(self, connection: Connection, renamed: list[Entity]) -> None:
        """Raise TargetHasMorePermissions for a new name of something that gives what the caller lacks.

        Others grant by these names: a role with the name of a weaker one would be given away by mistake.
        """
        if lacking := self.not_held(named_permissions(connection, renamed)):
            raise TargetHasMorePermissions(f"You cannot rename what gives more than you hold: {describe(lacking)}.")

    def check_step_up(self) -> None:
        """Raise StepUpRequired. It comes after every refusal: the factor is asked of those who may."""
        if self.context.principal is not None:
            check_step_up(self.context.principal, self.step_up_ttl)

    def check_and_store(self, connection: Connection) -> list[dict[str, Any]]:
        """Check the whole change and store it as a policy version. Returns who gains and loses which permissions.

        Raises CannotGrant, TargetHasMorePermissions, LastSuperuser, StepUpRequired.
        """
        after = held_by_affected_users(connection, self.affected, self.at or now())
        pairs = [(self.users.get(user_id, NOTHING), held) for user_id, (_, held) in after.items()]
        roles = held_by_roles(connection, self.affected["role"])
        role_pairs = [(self.roles.get(role_id, NOTHING), held) for role_id, held in roles.items()]
        self.check_differences(pairs, role_pairs)
        if any(EVERYTHING in before.effective for before in self.users.values()) and not has_superuser(connection):
            raise LastSuperuser("This is the last active superuser.")
        self.check_step_up()
        effects = [
            effect
            for row, held in after.values()
            if (effect := effect_on(row, self.users.get(row.id, NOTHING), held)) is not None
        ]
        self.store_version(connection, effects)
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
        if gained := self.not_held(frozenset().union(*(before.gains(after) for before, after in pairs))):
            raise CannotGrant(f"You cannot grant what you do not hold: {describe(gained)}.")
        if lost := self.not_held(frozenset().union(*(after.gains(before) for before, after in pairs))):
            raise TargetHasMorePermissions(f"You cannot take away what you do not hold: {describe(lost)}.")
        if EVERYTHING in self.held:
            return
        own = self.own_spans
        for before, after in users:
            if longer := before.gains(after) & before.gains_outside(own, after):
                raise CannotGrant(f"You cannot grant for longer than you hold it: {describe_terms(longer, own)}.")

    def store_version(self, connection: Connection, effects: list[dict[str, Any]]) -> None:
        """Store the change as a policy version."""
        context = self.context
        after = snapshots(connection, self.snapshots)
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
            "actor_name": context.actor.name,
            "restores": context.restores,
            "changes": changes,
            "effects": effects,
        }
        connection.execute(insert(versions), version)


def check_takeovers(change: PolicyChange, user_ids: set[UUID]) -> None:
    """Raise TargetHasMorePermissions for another user who holds for longer than the caller does."""
    principal = change.context.principal
    if principal is None or EVERYTHING in change.held:
        return
    own = change.own_spans
    for user_id in user_ids - {principal.user_id}:
        if longer := NOTHING.gains_outside(own, change.users.get(user_id, NOTHING)):
            raise TargetHasMorePermissions(f"This user holds for longer than you: {describe_terms(longer, own)}.")
