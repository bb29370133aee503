"""Computes what a user holds. Enforcement, explanation and the policy guard all use the functions of this file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from app.core.clock import now
from app.core.context import EVERYTHING
from app.core.db.session import AnyRow, Session
from app.modules.roles.repository import USER_COLUMNS, GrantPath, grant_paths_in, users, users_with_grant_paths

Spans = Mapping[str, tuple[datetime, datetime]]
"""From when and until when each permission is given."""


@dataclass(frozen=True, slots=True)
class HeldPermissions:
    """The permissions of a user or role: `effective` now, `latent` if every link were active. A superuser holds `*`.

    `spans` says from when and until when assignments give each latent permission.
    """

    latent: frozenset[str] = frozenset()
    effective: frozenset[str] = frozenset()
    spans: Spans = field(default_factory=dict)

    def gains(self, later: "HeldPermissions") -> frozenset[str]:
        """Permissions that `later` adds: those that were not held, or not from so early or to so late an instant."""
        return (later.latent - self.latent) | (later.effective - self.effective) | self.extensions(later)

    def extensions(self, later: "HeldPermissions") -> frozenset[str]:
        """Permissions that were held before and are held for longer in `later`."""
        shared = self.spans.keys() & later.spans.keys()
        return frozenset(
            name
            for name in shared
            if later.spans[name][0] < self.spans[name][0] or later.spans[name][1] > self.spans[name][1]
        )


NOTHING = HeldPermissions()
ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def inactive_links(path: GrantPath, at: datetime) -> Iterator[str]:
    """The reasons why the path grants nothing at this instant; none if it is active."""
    if not path.assignment_active:
        yield "assignment-inactive"
    if path.valid_from is not None and at < path.valid_from:
        yield "assignment-not-started"
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


def has_ended(path: GrantPath, at: datetime) -> bool:
    return path.valid_until is not None and path.valid_until <= at


def permissions_of_paths(paths: Iterable[GrantPath], at: datetime) -> frozenset[str]:
    """The permissions that the active ones of `paths` grant."""
    permissions: set[str] = set()
    for path in paths:
        if next(inactive_links(path, at), None) is None:
            permissions |= path.permissions
    return frozenset(permissions)


def held_permissions(
    paths: Iterable[GrantPath], at: datetime, *, is_superuser: bool, is_enabled: bool
) -> HeldPermissions:
    """The permissions of a user with these grant paths. `is_enabled`: the user is active and visible."""
    known = list(paths)
    always = frozenset({EVERYTHING}) if is_superuser else frozenset()
    lasting = [path for path in known if not has_ended(path, at)]
    latent = always.union(*(path.permissions for path in lasting))
    effective = always | permissions_of_paths(known, at) if is_enabled else frozenset()
    return HeldPermissions(latent, effective, spans(lasting, at))


def held_by(user: AnyRow, paths: Iterable[GrantPath], at: datetime) -> HeldPermissions:
    """The permissions of a user, given a row with `is_superuser`, `is_active` and `deleted_at`."""
    is_enabled = user.is_active and user.deleted_at is None
    return held_permissions(paths, at, is_superuser=user.is_superuser, is_enabled=is_enabled)


def spans(paths: Iterable[GrantPath], at: datetime) -> Spans:
    """From when and until when each permission is given. One that has begun counts as given since ever."""
    result: dict[str, tuple[datetime, datetime]] = {}
    for path in paths:
        begins = path.valid_from if path.valid_from is not None and path.valid_from > at else ALWAYS[0]
        ends = path.valid_until or ALWAYS[1]
        for name in path.permissions:
            first, last = result.get(name, (begins, ends))
            result[name] = (min(first, begins), max(last, ends))
    return result


def next_change(paths: Iterable[GrantPath], at: datetime) -> datetime | None:
    """The next instant at which an assignment begins or ends."""
    edges = [edge for path in paths for edge in (path.valid_from, path.valid_until) if edge is not None]
    return min((edge for edge in edges if edge > at), default=None)


async def permissions_of_user(session: Session, user_id: UUID) -> frozenset[str]:
    """The permissions that a user holds now, in this transaction; none for a user who may not act."""
    rows = await session.all(users_with_grant_paths(*USER_COLUMNS).where(users.c.id == user_id))
    if not rows:
        return frozenset()
    return held_by(rows[0], grant_paths_in(rows), now()).effective
