"""Access reviews: who held which permissions through which roles at an instant, as an auditor signs it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.core.context import EVERYTHING, in_short
from app.core.db.pagination import RowPage
from app.core.db.session import AnyRow, ReadSession, Session
from app.modules.rbac.repository import ReviewedUserRepository
from app.modules.rbac.versions.past_policy import PastPolicy, read_past_policy
from app.modules.rbac.versions.schemas import AccessReviewQuery, AccessReviewRead
from app.modules.roles import GrantPath, held_by, permissions_of_paths

NO_ROLE = dict.fromkeys(("role_id", "role", "module_slug", "valid_from", "valid_until", "assigned_at", "reason"))


class AccessReviewService:
    """Lists what users hold, with the functions that enforce it."""

    def __init__(self, session: Session | ReadSession) -> None:
        self.rows = ReviewedUserRepository(session)

    async def page(self, query: AccessReviewQuery) -> RowPage:
        """All rows of a page of users. Raises Invalid, ListTimedOut."""
        page = await self.rows.page_at(query.at, query)
        known = {row.id: row for row in page.items}
        past = await read_past_policy(self.rows.session, query.at, list(known))
        held = {user.id: (user, paths) for user, paths in past.users()}
        used = await self.rows.last_uses(list(known))
        items = [
            AccessReviewRead(**about(past, row), **held_row, last_used_at=used.get(user_id))
            for user_id, row in known.items()
            if user_id in held
            for held_row in rows_of(past, *held[user_id])
        ]
        return replace(page, items=items)


def about(past: PastPolicy, user: AnyRow) -> dict[str, Any]:
    """The fields of a row that say what is reviewed, and of whom."""
    shown = {"user_id": user.id, "username": user.username, "is_service": user.is_service}
    return {"at": past.at, "policy_version": past.version, **shown}


def rows_of(past: PastPolicy, user: Any, paths: list[GrantPath]) -> Iterator[dict[str, Any]]:
    """What a user held, role by role and module by module; nothing of a user who held nothing."""
    held = held_by(user, paths, past.at).effective
    if EVERYTHING in held:
        yield {**NO_ROLE, "permissions": [EVERYTHING]}
    for path in sorted(paths, key=lambda path: (path.role_name, path.role_id, path.slug)):
        given = permissions_of_paths([path], past.at) if held else frozenset()
        if given:
            assignment = past.assignments[path.user_id, path.role_id]
            yield {
                "role_id": path.role_id,
                "role": path.role_name,
                "module_slug": path.slug,
                "permissions": in_short(given),
                "valid_from": path.valid_from,
                "valid_until": path.valid_until,
                "assigned_at": assignment.get("created_at"),
                "reason": assignment.get("reason"),
            }
