"""What the roles of a user ask: a second factor, and networks from which to call."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, cast, or_, select

from app.core.db.session import AnyRow, AnySelect, ReadSession, Session
from app.core.fields.ip_address import is_in_networks
from app.modules.roles.repository import roles, user_roles


@dataclass(frozen=True, slots=True)
class Condition:
    """What one role asks of a user, as long as the user has it."""

    role_name: str
    requires_second_factor: bool
    allowed_networks: tuple[str, ...]
    valid_from: datetime | None
    valid_until: datetime | None


def select_conditions() -> AnySelect:
    """What active roles ask of the users who have them, as `conditions_in` reads it; the roles that ask nothing not."""
    asks = or_(roles.c.requires_second_factor, cast(roles.c.allowed_networks, Text) != "[]")
    return (
        select(
            user_roles.c.user_id.label("condition_user_id"),
            roles.c.name.label("condition_role_name"),
            roles.c.requires_second_factor.label("condition_second_factor"),
            roles.c.allowed_networks.label("condition_networks"),
            user_roles.c.valid_from.label("condition_from"),
            user_roles.c.valid_until.label("condition_until"),
        )
        .join_from(user_roles, roles, roles.c.id == user_roles.c.role_id)
        .where(user_roles.c.is_active, roles.c.is_active, roles.c.deleted_at.is_(None), asks)
    )


async def conditions_of(session: ReadSession | Session, user_ids: Collection[UUID]) -> dict[UUID, frozenset[Condition]]:
    """What the roles of each of these users ask, now or at another time."""
    rows = await session.all(select_conditions().where(user_roles.c.user_id.in_(user_ids)))
    return {user_id: conditions_in(row for row in rows if row.condition_user_id == user_id) for user_id in user_ids}


def conditions_in(rows: Iterable[AnyRow]) -> frozenset[Condition]:
    """The conditions in `rows`."""
    return frozenset(
        Condition(
            row.condition_role_name,
            row.condition_second_factor,
            tuple(row.condition_networks),
            row.condition_from,
            row.condition_until,
        )
        for row in rows
        if row.condition_user_id is not None
    )


def current_conditions(known: Iterable[Condition], at: datetime) -> list[Condition]:
    """Those of assignments that have begun and not ended at this instant."""
    begun = (each for each in known if each.valid_from is None or each.valid_from <= at)
    return [each for each in begun if each.valid_until is None or at < each.valid_until]


def require_second_factor(current: Iterable[Condition]) -> bool:
    """Whether one of these conditions is a second factor."""
    return any(each.requires_second_factor for each in current)


def admit_address(ip: str | None, current: Iterable[Condition]) -> bool:
    """Whether every one of these conditions admits a caller from this address."""
    return all(is_in_networks(ip, each.allowed_networks) for each in current if each.allowed_networks)
