"""What the roles of users ask of them, as explanations show it."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from app.core.db.session import ReadSession, Session
from app.modules.rbac.engine.access import NetworkNotAllowed, SecondFactorRequired
from app.modules.rbac.schemas import AskedCondition
from app.modules.roles import Condition, conditions_of, current_conditions
from app.modules.second_factor import SecondFactorRepository


async def asked_conditions(
    session: ReadSession | Session, user_ids: Collection[UUID], at: datetime
) -> dict[UUID, list[AskedCondition]]:
    """What the roles of each of these users ask at this instant, without what the user has done already."""
    known = await conditions_of(session, user_ids)
    enrolled = await SecondFactorRepository(session).find_enrolled(user_ids)
    return {
        user_id: list(describe_conditions(current_conditions(known[user_id], at), is_enrolled=user_id in enrolled))
        for user_id in user_ids
    }


def describe_conditions(current: Iterable[Condition], *, is_enrolled: bool) -> Iterator[AskedCondition]:
    """These conditions in words."""
    for each in sorted(current, key=attrgetter("role_name")):
        if each.requires_second_factor and not is_enrolled:
            detail = f"The role {each.role_name} asks for a second factor, which the user does not have."
            yield AskedCondition(role=each.role_name, code=SecondFactorRequired.code, networks=[], detail=detail)
        if each.allowed_networks:
            detail = f"The role {each.role_name} admits calls from {', '.join(each.allowed_networks)} only."
            networks = list(each.allowed_networks)
            yield AskedCondition(role=each.role_name, code=NetworkNotAllowed.code, networks=networks, detail=detail)
