"""The tables at one moment, and what those who take steps hold then."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.db.session import ReadSession
from app.modules.api_keys import ApiKey
from app.modules.approvals.models import Approval
from app.modules.customers.models import Customer
from app.modules.invitations.models import Invitation
from app.modules.products.models import Product
from app.modules.second_factor import SecondFactor
from app.modules.sessions import AuthSession
from app.modules.tasks.models import Task
from tests.modules.rbac.oracle import MODELS, Oracle, rows
from tests.people import Person

ADDRESS = "192.0.2.7"
"""From where the steps are taken."""
CREDENTIALS = ("password_hash", "email", "username", "is_active", "deleted_at", "must_change_password", "is_superuser")
OWNED = {"key": ApiKey, "session": AuthSession, "factor": SecondFactor, "invitation": Invitation}
GOODS = {"product": Product, "customer": Customer, "task": Task}


@dataclass
class Robot(Person):
    """An API key of a person."""

    scopes: frozenset[str] = frozenset()
    ends: datetime | None = None


@dataclass(frozen=True)
class Snapshot:
    """The policy, the credentials, what waits and what is for sale, as the tables hold them."""

    oracle: Oracle
    credentials: dict[UUID, tuple[Any, ...]]
    superusers: frozenset[UUID]
    policy: dict[str, list[str]]
    approvals: dict[UUID, Any]
    goods: dict[str, dict[UUID, Any]]

    def at(self, user_id: UUID, at: datetime, *, all_declared: bool = False) -> frozenset[str]:
        """What the user holds at an instant if no link changes until then; nothing before the user exists."""
        known = user_id in self.credentials
        return self.oracle.holdings(user_id, at, all_declared=all_declared) if known else frozenset()

    def ever(self, user_id: UUID) -> frozenset[str]:
        """Also permissions of assignments that begin later."""
        return frozenset().union(*(self.at(user_id, instant) for instant in instants()))

    def held_by(self, actor: Person, at: datetime | None = None, *, all_declared: bool = False) -> frozenset[str]:
        """What the actor holds at an instant: of the permissions of the owner, those that the scopes of a key name."""
        instant = at or now()
        held = self.at(actor.id, instant, all_declared=all_declared)
        if not isinstance(actor, Robot):
            return held
        is_over = actor.ends is not None and actor.ends <= instant
        return frozenset() if is_over else within(actor.scopes, held)

    def is_blocked(self, actor: Person) -> bool:
        """Whether the user must do something first, or a role of the user does not admit the address."""
        asked = self.oracle.asks(actor.id, now())
        has_factor = any(row.user_id == actor.id and row.confirmed_at for row in self.oracle.tables["factor"])
        return (
            any(role.requires_second_factor and not has_factor for role in asked)
            or not all(admits(role.allowed_networks) for role in asked)
            or self.oracle.by_id[actor.id].must_change_password
        )


def admits(networks: list[str]) -> bool:
    return not networks or any(ip_address(ADDRESS) in ip_network(network) for network in networks)


def within(scopes: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in held if name in scopes or name.partition("@")[0] in scopes)


async def take_snapshot(session: ReadSession) -> Snapshot:
    tables = {name: await rows(session, model) for name, model in {**MODELS, **OWNED}.items()}
    credentials = {
        user.id: (
            *(getattr(user, name) for name in CREDENTIALS),
            sum(key.user_id == user.id for key in tables["key"]),
            sum(row.user_id == user.id and row.revoked_at is None for row in tables["session"]),
            [factor.confirmed_at for factor in tables["factor"] if factor.user_id == user.id],
            [row.token_hash for row in tables["invitation"] if row.user_id == user.id],
        )
        for user in tables["user"]
    }
    superusers = frozenset(u.id for u in tables["user"] if u.is_superuser and u.is_active and not u.deleted_at)
    policy = {name: sorted(str(row) for row in tables[name]) for name in MODELS}
    approvals = {row.id: row for row in await rows(session, Approval)}
    goods = {name: {row.id: row for row in await rows(session, model)} for name, model in GOODS.items()}
    return Snapshot(Oracle(tables), credentials, superusers, policy, approvals, goods)


def instants() -> Iterator[datetime]:
    """Now, and after each edge of the windows that the steps choose."""
    return (now() + timedelta(days=day) for day in (0, 2, 4))
