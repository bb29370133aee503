"""The one point that every change of the policy passes, whatever the endpoint: who gains and loses what, and may the
caller do that?

The first flush of a transaction that touches the policy takes the policy's lock and notes what the users and roles
concerned hold. At the commit the same is asked again, and the transaction fails where somebody would gain what the
caller does not hold (`cannot-grant`), lose what the caller does not hold (`dominated`), or where no active superuser
would be left. A change to a user who holds what the caller lacks fails at its flush (`dominated`).
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, event, insert, inspect, or_, select, update
from sqlalchemy.orm import Session as SyncSession

from app.core.context import EVERYTHING, RequestContext
from app.core.db import Database
from app.core.errors import CannotGrant, Dominated, DryRun, LastSuperuser
from app.core.guard import refuse_without_step_up
from app.core.model import Entity
from app.core.repository import table_of
from app.core.types import AnyRow, now
from app.modules.rbac.evaluation import NOTHING, Chain, Standing, permissions_of, standing_of
from app.modules.rbac.events import alters, touched
from app.modules.rbac.images import Image, Key, images
from app.modules.rbac.models import PolicyVersion
from app.modules.rbac.repository import (
    USER,
    chains_in,
    grants,
    modules,
    policy,
    roles,
    user_roles,
    users,
    users_with_chains,
)

CONCERNS = {
    "user": ("user", "id"),
    "user_role": ("user", "user_id"),
    "role": ("role", "id"),
    "role_module": ("role", "role_id"),
    "module": ("module", "id"),
    "module_group": ("group", "id"),
}
"""By table: what a changed row concerns, and the column that names it."""

IDENTITY = frozenset({"email", "username"})
"""Columns of a user by which they sign in: changing one's own takes a second factor, too."""

versions = table_of(PolicyVersion)


def install(database: Database) -> None:
    """Watch every transaction of `database`."""
    step_up = database.settings.auth.step_up_ttl

    def before_flush(session: SyncSession, _context: Any, _instances: Any) -> None:
        rows = touched(session)
        governed = [row for row in rows if governs(row)]
        acted = set(acted_on(rows, session.info["context"]))
        if acted:
            refuse_without_step_up(session.info["context"].principal, step_up)
        if governed or acted:
            change = session.info.setdefault("policy_change", PolicyChange(session.info["context"]))
            change.note(session.connection(), governed, acted)

    def before_commit(session: SyncSession) -> None:
        if not session.in_nested_transaction():
            judge(session, step_up)

    event.listen(database.session_class, "before_flush", before_flush)
    event.listen(database.session_class, "before_commit", before_commit)


def judge(session: SyncSession, step_up: int) -> None:
    """Judge the whole transaction; a dry run ends here, undone. Raises DryRun and what `finish` raises."""
    session.flush()
    context: RequestContext = session.info["context"]
    change: PolicyChange | None = session.info.pop("policy_change", None)
    effects: list[dict[str, Any]] = []
    if change is not None and change.version:
        effects = change.finish(session.connection(), step_up)
    if context.dry_run:
        raise DryRun({"dry_run": True, "effects": effects})
    if change is not None and change.version:
        session.info["policy_version"] = context.policy_version = change.version


def governs(row: Entity) -> bool:
    """Whether the pending change of `row` is one of the policy; making a superuser is, making a user is not."""
    is_new_superuser = inspect(row).pending and getattr(row, "is_superuser", False)
    return is_new_superuser or alters(row, row.governs)


def acted_on(rows: Iterable[Entity], context: RequestContext) -> Iterable[UUID]:
    """The users whom these changes act on. People who sign in may do to themselves what a key must be allowed to."""
    if context.principal is None:
        return
    is_person = context.principal.session_id is not None
    for row in rows:
        if row.acts_on and alters(row, frozenset({"*"})):
            target: UUID = getattr(row, row.acts_on)
            if target != context.principal.user_id or not is_person or alters(row, IDENTITY):
                yield target


class PolicyChange:
    """What one transaction does to the policy: how everything concerned was before, to be compared at the end."""

    def __init__(self, context: RequestContext) -> None:
        self.context = context
        self.version = 0
        self.concerned: dict[str, set[UUID]] = {kind: set() for kind in ("user", "role", "module", "group")}
        self.users: dict[UUID, Standing] = {}
        self.roles: dict[UUID, Standing] = {}
        self.images: dict[Key, Image | None] = {}

    def note(self, connection: Connection, governed: list[Entity], acted: set[UUID]) -> None:
        """Before a flush: remember how its rows, users and roles are. Raises Dominated."""
        if governed and not self.version:
            connection.execute(update(policy).values(version=policy.c.version + 1))
            self.version = connection.execute(select(policy.c.version)).scalar_one()
        for row in governed:
            kind, column = CONCERNS[str(row.__tablename__)]
            self.concerned[kind].add(getattr(row, column))
        if self.context.principal is not None:
            self.concerned["user"].add(self.context.principal.user_id)
        self.concerned["user"] |= acted
        keys = {(str(row.__tablename__), row.id) for row in governed} - self.images.keys()
        self.images |= images(connection, keys)
        for user_id, (_, found) in self.user_standings(connection).items():
            self.users.setdefault(user_id, found)
        for role_id, found in role_standings(connection, self.concerned["role"]).items():
            self.roles.setdefault(role_id, found)
        self.refuse_dominated(acted)

    @property
    def held(self) -> frozenset[str]:
        """What the caller held when the transaction began; commands act as the system, which holds everything."""
        principal = self.context.principal
        if principal is None:
            return frozenset({EVERYTHING}) if self.context.actor.kind == "system" else frozenset()
        stored = self.users.get(principal.user_id, NOTHING).effective
        if EVERYTHING in stored:
            return principal.permissions
        return stored & principal.permissions

    def beyond(self, permissions: frozenset[str]) -> list[str]:
        held = self.held
        return [] if EVERYTHING in held else sorted(permissions - held)

    def refuse_dominated(self, acted: set[UUID]) -> None:
        for user_id in acted:
            if lacking := self.beyond(self.users.get(user_id, NOTHING).latent):
                raise Dominated(f"This user holds what you do not: {words(lacking)}.")

    def finish(self, connection: Connection, step_up: int) -> list[dict[str, Any]]:
        """Judge the whole change, and write it down as a policy version. Returns who gains and loses what."""
        if self.context.principal is not None:
            refuse_without_step_up(self.context.principal, step_up)
        after = self.user_standings(connection)
        pairs = [(self.users.get(user_id, NOTHING), found) for user_id, (_, found) in after.items()]
        roles = role_standings(connection, self.concerned["role"])
        role_pairs = [(self.roles.get(role_id, NOTHING), found) for role_id, found in roles.items()]
        self.refuse(pairs + role_pairs)
        self.refuse_stretch(after)
        if any(EVERYTHING in before.effective for before in self.users.values()) and not has_superuser(connection):
            raise LastSuperuser("This is the last active superuser.")
        effects = [
            effect
            for row, found in after.values()
            if (effect := effect_on(row, self.users.get(row.id, NOTHING), found)) is not None
        ]
        self.write(connection, effects)
        return effects

    def refuse(self, pairs: list[tuple[Standing, Standing]]) -> None:
        """Raise CannotGrant, Dominated for what goes beyond what the caller holds."""
        if gained := self.beyond(frozenset().union(*(before.gains(after) for before, after in pairs))):
            raise CannotGrant(f"You cannot grant what you do not hold: {words(gained)}.")
        if lost := self.beyond(frozenset().union(*(after.gains(before) for before, after in pairs))):
            raise Dominated(f"You cannot take away what you do not hold: {words(lost)}.")

    def refuse_stretch(self, after: dict[UUID, tuple[AnyRow, Standing]]) -> None:
        """Raise CannotGrant for callers who hold something for a time and make that longer for themselves."""
        principal = self.context.principal
        if principal is None or EVERYTHING in self.held or principal.user_id not in after:
            return
        before = self.users.get(principal.user_id, NOTHING)
        if longer := sorted(before.stretched(after[principal.user_id][1])):
            raise CannotGrant(f"You cannot hold for longer what you were given for a time: {words(longer)}.")

    def write(self, connection: Connection, effects: list[dict[str, Any]]) -> None:
        context = self.context
        later = images(connection, self.images)
        changes = [
            {"entity": key[0], "id": str(key[1]), "old": old, "new": later[key]}
            for key, old in self.images.items()
            if old != later[key]
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

    def user_standings(self, connection: Connection) -> dict[UUID, tuple[AnyRow, Standing]]:
        """What every user holds whom the noted rows concern, in this transaction, now."""
        statement = users_with_chains(*USER).where(concerning(self.concerned))
        found: dict[UUID, tuple[AnyRow, list[Chain]]] = {}
        for row in connection.execute(statement):
            known = found.setdefault(row.id, (row, []))[1]
            known += chains_in([row])
        return {row.id: (row, standing_of(row, chains, now())) for row, chains in found.values()}


def concerning(ids: dict[str, set[UUID]]) -> ColumnElement[bool]:
    """Users who are named, have one of the roles, or have a role that grants one of the modules."""
    changed = select(modules.c.id).where(or_(modules.c.id.in_(ids["module"]), modules.c.group_id.in_(ids["group"])))
    granting = select(grants.c.role_id).where(grants.c.module_id.in_(changed))
    having = select(user_roles.c.user_id).where(
        or_(user_roles.c.role_id.in_(ids["role"]), user_roles.c.role_id.in_(granting))
    )
    return or_(users.c.id.in_(ids["user"]), users.c.id.in_(having))


def role_standings(connection: Connection, ids: set[UUID]) -> dict[UUID, Standing]:
    """What these roles hand to whoever has them."""
    on = roles.c.is_active & roles.c.deleted_at.is_(None)
    columns = (modules.c.slug, grants.c.can_create, grants.c.can_update, grants.c.can_delete)
    statement = select(roles.c.id, on.label("is_on"), *columns).select_from(roles).join(grants).join(modules)
    found: dict[UUID, Standing] = dict.fromkeys(ids, NOTHING)
    for row in connection.execute(statement.where(roles.c.id.in_(ids), grants.c.is_active)):
        known = found[row.id]
        latent = known.latent | permissions_of(row)
        found[row.id] = Standing(latent, latent if row.is_on else frozenset())
    return found


def has_superuser(connection: Connection) -> bool:
    """Whether somebody is left who can sign in and do everything; a service account cannot."""
    people = select(users.c.id).where(users.c.is_superuser, users.c.is_service.is_(False))
    active = people.where(users.c.is_active, users.c.deleted_at.is_(None))
    return connection.execute(active.limit(1)).first() is not None


def effect_on(row: AnyRow, before: Standing, after: Standing) -> dict[str, Any] | None:
    gained, lost = sorted(after.effective - before.effective), sorted(before.effective - after.effective)
    if not gained and not lost:
        return None
    return {"user_id": str(row.id), "username": row.username, "gained": gained, "lost": lost}


def words(permissions: list[str]) -> str:
    return ", ".join("everything, as a superuser does" if name == EVERYTHING else name for name in permissions)
