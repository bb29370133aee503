"""Who acts in a job: the user or the key that asked for it, with what it may do by now."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from app.core.clock import now
from app.core.config import AuthSettings
from app.core.context import Actor, Principal
from app.core.db.session import Session
from app.modules.rbac.engine.access import ACCESS_OF_KEY, key_access, users
from app.modules.roles import USER_COLUMNS, grant_paths_in, held_by, users_with_grant_paths

NEVER = datetime.max.replace(tzinfo=UTC)


class Acting(NamedTuple):
    """Who acts, as the audit log names it, and what it may do."""

    actor: Actor
    principal: Principal


async def acting_user(session: Session, user_id: UUID) -> Acting | None:
    """A user, with what that user holds now; None for one who may not act."""
    wanted = users_with_grant_paths(*USER_COLUMNS).where(users.c.id == user_id)
    rows = await session.look(wanted)
    if not rows or not rows[0].is_active or rows[0].deleted_at is not None:
        return None
    name, held = rows[0].username, held_by(rows[0], grant_paths_in(rows), now())
    return Acting(Actor("user", user_id, name), Principal(user_id, name, held.effective, NEVER))


async def acting_key(session: Session, api_key_id: UUID, settings: AuthSettings) -> Acting | None:
    """An API key, with what it may do now; None for one that ended, or whose owner may not act."""
    rows = await session.look(ACCESS_OF_KEY, {"id": api_key_id})
    if not rows:
        return None
    principal = key_access(rows, settings).principal
    if principal.expires_at <= now():
        return None
    return Acting(Actor("api-key", api_key_id, rows[0].key_name), principal)
