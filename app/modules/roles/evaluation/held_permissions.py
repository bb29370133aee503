"""Computes what a user holds. Enforcement, explanation and the policy guard all use the functions of this file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.core.clock import now
from app.core.context import ALL_ROWS, EVERYTHING
from app.core.db.session import AnyRow, Session
from app.modules.roles.evaluation.spans import ALWAYS, Spans, Timed, is_within, spans_of
from app.modules.roles.models import names_of
from app.modules.roles.repository import USER_COLUMNS, GrantPath, grant_paths_in, users, users_with_grant_paths


@dataclass(frozen=True, slots=True)
class HeldPermissions:
    """The permissions of a user or role: `effective` now, `latent` if every link were active. A superuser holds `*`.

    `spans` says when assignments give each latent permission, `active_spans` when they do while no link changes.
    """

    latent: frozenset[str] = frozenset()
    effective: frozenset[str] = frozenset()
    spans: Spans = field(default_factory=dict)
    active_spans: Spans = field(default_factory=dict)

    def gains(self, later: "HeldPermissions") -> frozenset[str]:
        """Permissions that `later` adds: those that were not held, or not at every time at which they are now."""
        return (later.latent - self.latent) | (later.effective - self.effective) | self.gains_outside({}, later)

    def gains_outside(self, lent: Spans, later: "HeldPermissions") -> frozenset[str]:
        """Permissions that `later` gives at a time at which they were neither held nor `lent`."""
        return frozenset(
            name
            for before, after in ((self.spans, later.spans), (self.active_spans, later.active_spans))
            for name, spans in after.items()
            if not is_within(spans, (*before.get(name, ()), *lent.get(name, ()), *lent.get(name.partition("@")[0], ())))
        )


NOTHING = HeldPermissions()
NOT_STARTED = "assignment-not-started"


def inactive_links(path: GrantPath, at: datetime) -> Iterator[str]:
    """The reasons why the path grants nothing at this instant; none if it is active."""
    if not path.assignment_active:
        yield "assignment-inactive"
    if path.valid_from is not None and at < path.valid_from:
        yield NOT_STARTED
    if has_ended(path, at):
        yield "assignment-expired"
    if path.role_deleted_at is not None:
        yield "role-deleted"
    if not path.role_active:
        yield "role-inactive"
    if not path.grant_active:
        yield "grant-inactive"
    if not path.module_active:
        yield "module-inactive"
    if not path.group_active:
        yield "group-inactive"
    if path.scope != ALL_ROWS and path.scope not in names_of(path.module_scopes):
        yield "scope-inactive"


def has_ended(path: GrantPath, at: datetime) -> bool:
    return path.valid_until is not None and path.valid_until <= at


def permissions_of_paths(paths: Iterable[GrantPath], at: datetime) -> frozenset[str]:
    """The permissions that the active ones of `paths` grant."""
    permissions: set[str] = set()
    for path in paths:
        if next(inactive_links(path, at), None) is None:
            permissions |= path.effective_permissions
    return frozenset(permissions)


def has_no_other_obstacle(path: GrantPath, at: datetime) -> bool:
    """Whether the path grants something now, or will once its assignment begins."""
    return all(reason == NOT_STARTED for reason in inactive_links(path, at))


def held_permissions(
    paths: Iterable[GrantPath], at: datetime, *, is_superuser: bool, is_enabled: bool
) -> HeldPermissions:
    """The permissions of a user with these grant paths. `is_enabled`: the user is active and visible."""
    known = list(paths)
    lasting = [path for path in known if not has_ended(path, at)]
    active = [path for path in lasting if has_no_other_obstacle(path, at)]
    always = {EVERYTHING: (ALWAYS,)} if is_superuser else {}
    spans = {**always, **spans_of(((path, path.permissions) for path in lasting), at)}
    if not is_enabled:
        return HeldPermissions(frozenset(spans), frozenset(), spans)
    effective = permissions_of_paths(active, at).union(always)
    active_spans = spans_of(((path, path.effective_permissions) for path in active), at)
    return HeldPermissions(frozenset(spans), effective, spans, {**always, **active_spans})


def held_by(user: AnyRow, paths: Iterable[GrantPath], at: datetime) -> HeldPermissions:
    """The permissions of a user, given a row with `is_superuser`, `is_active` and `deleted_at`."""
    is_enabled = user.is_active and user.deleted_at is None
    return held_permissions(paths, at, is_superuser=user.is_superuser, is_enabled=is_enabled)


def next_change(terms: Iterable[Timed], at: datetime) -> datetime | None:
    """The next instant at which an assignment begins or ends."""
    edges = [edge for term in terms for edge in (term.valid_from, term.valid_until) if edge is not None]
    return min((edge for edge in edges if edge > at), default=None)


async def held_by_user(session: Session, user_id: UUID) -> HeldPermissions:
    """What a user holds now, in this transaction; nothing where there is no such user."""
    rows = await session.all(users_with_grant_paths(*USER_COLUMNS).where(users.c.id == user_id))
    return held_by(rows[0], grant_paths_in(rows), now()) if rows else NOTHING
