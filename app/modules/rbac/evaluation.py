"""What a chain of links grants. Enforcement, explanation and the policy check all ask the functions of this file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from app.core.context import EVERYTHING

ACTIONS = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Chain:
    """user —assignment— role —grant— module —group: everything on the way to one module's permissions."""

    user_id: UUID
    assignment_active: bool
    valid_from: datetime | None
    valid_until: datetime | None
    role_id: UUID
    role_name: str
    role_active: bool
    role_deleted_at: datetime | None
    grant_active: bool
    can_create: bool
    can_update: bool
    can_delete: bool
    slug: str
    module_active: bool
    group_active: bool

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self)


class Grant(Protocol):
    """A module and the flags of a role in it."""

    @property
    def slug(self) -> str: ...
    @property
    def can_create(self) -> bool: ...
    @property
    def can_update(self) -> bool: ...
    @property
    def can_delete(self) -> bool: ...


def permissions_of(grant: Grant) -> frozenset[str]:
    """What a grant says: a granted module is readable, flags add the rest."""
    flags = zip(ACTIONS, (grant.can_create, grant.can_update, grant.can_delete), strict=True)
    return frozenset({f"{grant.slug}:read", *(f"{grant.slug}:{action}" for action, flag in flags if flag)})


Spans = Mapping[str, tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user (or role) holds: `latent` were every part active, `effective` now. A superuser holds `*`.

    `spans` says from when and until when assignments give each latent permission.
    """

    latent: frozenset[str] = frozenset()
    effective: frozenset[str] = frozenset()
    spans: Spans = field(default_factory=dict)

    def gains(self, later: "Standing") -> frozenset[str]:
        """What is held later and was not, or is held from an earlier instant, or to a later one."""
        return (later.latent - self.latent) | (later.effective - self.effective) | self.stretched(later)

    def stretched(self, later: "Standing") -> frozenset[str]:
        """What was held before, and is held for longer now."""
        shared = self.spans.keys() & later.spans.keys()
        return frozenset(
            name
            for name in shared
            if later.spans[name][0] < self.spans[name][0] or later.spans[name][1] > self.spans[name][1]
        )


NOTHING = Standing()
ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def obstacles(chain: Chain, at: datetime) -> Iterator[str]:
    """Why the chain grants nothing at this instant; nothing comes where it grants."""
    if not chain.assignment_active:
        yield "assignment-inactive"
    if chain.valid_from is not None and at < chain.valid_from:
        yield "assignment-not-started"
    if is_over(chain, at):
        yield "assignment-expired"
    if chain.role_deleted_at is not None:
        yield "role-deleted"
    if not chain.role_active:
        yield "role-inactive"
    if not chain.grant_active:
        yield "grant-inactive"
    if not chain.module_active:
        yield "module-inactive"
    if not chain.group_active:
        yield "group-inactive"


def is_over(chain: Chain, at: datetime) -> bool:
    return chain.valid_until is not None and chain.valid_until <= at


def granted(chains: Iterable[Chain], at: datetime) -> frozenset[str]:
    """The union of what the unobstructed chains grant."""
    found: set[str] = set()
    for chain in chains:
        if next(obstacles(chain, at), None) is None:
            found |= chain.permissions
    return frozenset(found)


def standing(chains: Iterable[Chain], at: datetime, *, is_superuser: bool, is_enabled: bool) -> Standing:
    """What a user holds who is (not) a superuser, and (not) active and visible."""
    known = list(chains)
    always = frozenset({EVERYTHING}) if is_superuser else frozenset()
    lasting = [chain for chain in known if not is_over(chain, at)]
    latent = always.union(*(chain.permissions for chain in lasting))
    return Standing(latent, always | granted(known, at) if is_enabled else frozenset(), spans(lasting, at))


def standing_of(user: Any, chains: Iterable[Chain], at: datetime) -> Standing:
    """What a user holds, given the columns `is_superuser`, `is_active` and `deleted_at`."""
    is_enabled = user.is_active and user.deleted_at is None
    return standing(chains, at, is_superuser=user.is_superuser, is_enabled=is_enabled)


def spans(chains: Iterable[Chain], at: datetime) -> Spans:
    """From when and until when each permission is given; what began has always been."""
    found: dict[str, tuple[datetime, datetime]] = {}
    for chain in chains:
        begins = chain.valid_from if chain.valid_from is not None and chain.valid_from > at else ALWAYS[0]
        ends = chain.valid_until or ALWAYS[1]
        for name in chain.permissions:
            first, last = found.get(name, (begins, ends))
            found[name] = (min(first, begins), max(last, ends))
    return found


def next_change(chains: Iterable[Chain], at: datetime) -> datetime | None:
    """The next instant at which an assignment begins or ends."""
    edges = [edge for chain in chains for edge in (chain.valid_from, chain.valid_until) if edge is not None]
    return min((edge for edge in edges if edge > at), default=None)
