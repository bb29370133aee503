"""The policy guard: every change of the policy passes it, whatever the endpoint.

The first flush of a transaction that changes policy takes the policy lock and records what the affected users and roles
hold. At the commit it compares, and the transaction fails if a user would gain what the caller does not hold
(`cannot-grant`), lose what the caller does not hold (`target-has-more-permissions`), or if no active superuser would be
left. A change of a user who holds what the caller lacks fails at its flush (`target-has-more-permissions`).
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, insert, inspect, select, update
from sqlalchemy.orm import Session as SyncSession

from app.core.clock import now
from app.core.context import EVERYTHING, RequestContext
from app.core.db.engine import Database
from app.core.db.entity import Entity, table_of
from app.core.db.session import AnyRow
from app.core.errors import DryRun
from app.modules.rbac.engine.affected import AFFECTED, has_superuser, held_by_affected_users, held_by_roles
from app.modules.rbac.engine.invalidation import alters, pending_entities
from app.modules.rbac.engine.snapshots import Key, Snapshot, snapshots
from app.modules.rbac.models import PolicyVersion
from app.modules.rbac.repository import policy
from app.modules.roles import NOTHING, CannotGrant, HeldPermissions, LastSuperuser, TargetHasMorePermissions
from app.modules.second_factor import check_step_up

IDENTITY = frozenset({"email", "username"})
"""Columns of a user by which users sign in: changing one's own needs a second factor too."""

versions = table_of(PolicyVersion)


def install(database: Database) -> None:
    """Check every transaction of `database`."""
    step_up_ttl = database.settings.auth.step_up_ttl

    def after_begin(session: SyncSession, _transaction: object, connection: Connection) -> None:
        if session.info["context"].changes_policy:
            connection.execute(select(policy.c.version).with_for_update(key_share=True))

    def before_flush(session: SyncSession, _context: object, _instances: object) -> None:
        context: RequestContext = session.info["context"]
        rows = pending_entities(session)
        governed = [row for row in rows if changes_policy(row)]
        targets = set(target_users(rows, context))
        if targets and context.principal is not None:
            check_step_up(context.principal, step_up_ttl)
        if governed or targets:
            change = session.info.setdefault("policy_change", PolicyChange(context))
            change.record_before(session.connection(), governed, targets)

    def before_commit(session: SyncSession) -> None:
        if not session.in_nested_transaction():
            check_transaction(session, step_up_ttl)

    event.listen(database.session_class, "after_begin", after_begin)
    event.listen(database.session_class, "before_flush", before_flush)
    event.listen(database.session_class, "before_commit", before_commit)


def check_transaction(session: SyncSession, step_up_ttl: int) -> None:
    """Check the whole transaction. A dry run ends here. Raises DryRun, and what `check_and_store` raises."""
    session.flush()
    context: RequestContext = session.info["context"]
    change: PolicyChange | None = session.info.pop("policy_change", None)
    effects: list[dict[str, Any]] = []
    if change is not None and change.version:
        effects = change.check_and_store(session.connection(), step_up_ttl)
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

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self.version = 0
        self.affected: dict[str, set[UUID]] = {kind: set() for kind in ("user", "role", "module", "group")}
        self.users: dict[UUID, HeldPermissions] = {}
        self.roles: dict[UUID, HeldPermissions] = {}
        self.snapshots: dict[Key, Snapshot | None] = {}

    def record_before(self, connection: Connection, governed: list[Entity], targets: set[UUID]) -> None:
        """Record rows, users and roles as they are before a flush. Raises TargetHasMorePermissions."""
        if governed and not self.version:
            connection.execute(update(policy).values(version=policy.c.version + 1))
            self.version = connection.execute(select(policy.c.version)).scalar_one()
        for row in governed:
            kind, column = AFFECTED[str(row.__tablename__)]
            self.affected[kind].add(getattr(row, column))
        if self.context.principal is not None:
            self.affected["user"].add(self.context.principal.user_id)
        self.affected["user"] |= targets
        keys = {(str(row.__tablename__), row.id) for row in governed} - self.snapshots.keys()
        self.snapshots |= snapshots(connection, keys)
        for user_id, (_, held) in held_by_affected_users(connection, self.affected).items():
            self.users.setdefault(user_id, held)
        for role_id, held in held_by_roles(connection, self.affected["role"]).items():
            self.roles.setdefault(role_id, held)
        self.check_targets(targets)

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

    def not_held(self, permissions: frozenset[str]) -> list[str]:
        """Those of `permissions` that the caller does not hold."""
        held = self.held
        return [] if EVERYTHING in held else sorted(permissions - held)

    def check_targets(self, targets: set[UUID]) -> None:
        """Raise TargetHasMorePermissions for a user who holds what the caller lacks."""
        for user_id in targets:
            if lacking := self.not_held(self.users.get(user_id, NOTHING).latent):
                raise TargetHasMorePermissions(f"This user holds what you do not: {describe(lacking)}.")

    def check_and_store(self, connection: Connection, step_up_ttl: int) -> list[dict[str, Any]]:
        """Check the whole change and store it as a policy version. Returns who gains and loses which permissions.

        Raises StepUpRequired, CannotGrant, TargetHasMorePermissions, LastSuperuser.
        """
        if self.context.principal is not None:
            check_step_up(self.context.principal, step_up_ttl)
        after = held_by_affected_users(connection, self.affected)
        pairs = [(self.users.get(user_id, NOTHING), held) for user_id, (_, held) in after.items()]
        roles = held_by_roles(connection, self.affected["role"])
        role_pairs = [(self.roles.get(role_id, NOTHING), held) for role_id, held in roles.items()]
        self.check_differences(pairs + role_pairs)
        self.check_own_terms(after)
        if any(EVERYTHING in before.effective for before in self.users.values()) and not has_superuser(connection):
            raise LastSuperuser("This is the last active superuser.")
        effects = [
            effect
            for row, held in after.values()
            if (effect := effect_on(row, self.users.get(row.id, NOTHING), held)) is not None
        ]
        self.store_version(connection, effects)
        return effects

    def check_differences(self, pairs: list[tuple[HeldPermissions, HeldPermissions]]) -> None:
        """Raise CannotGrant, TargetHasMorePermissions for differences beyond what the caller holds."""
        if gained := self.not_held(frozenset().union(*(before.gains(after) for before, after in pairs))):
            raise CannotGrant(f"You cannot grant what you do not hold: {describe(gained)}.")
        if lost := self.not_held(frozenset().union(*(after.gains(before) for before, after in pairs))):
            raise TargetHasMorePermissions(f"You cannot take away what you do not hold: {describe(lost)}.")

    def check_own_terms(self, after: dict[UUID, tuple[AnyRow, HeldPermissions]]) -> None:
        """Raise CannotGrant for callers who extend what they themselves hold for a limited time."""
        principal = self.context.principal
        if principal is None or EVERYTHING in self.held or principal.user_id not in after:
            return
        before = self.users.get(principal.user_id, NOTHING)
        if longer := sorted(before.extensions(after[principal.user_id][1])):
            raise CannotGrant(f"You cannot hold for longer what you were given for a time: {describe(longer)}.")

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


def effect_on(row: AnyRow, before: HeldPermissions, after: HeldPermissions) -> dict[str, Any] | None:
    """The permissions that the user in `row` gains and loses now; None if there are none."""
    gained, lost = sorted(after.effective - before.effective), sorted(before.effective - after.effective)
    if not gained and not lost:
        return None
    return {"user_id": str(row.id), "username": row.username, "gained": gained, "lost": lost}


def describe(permissions: list[str]) -> str:
    """Permissions in the words of an error."""
    return ", ".join("everything, as a superuser does" if name == EVERYTHING else name for name in permissions)
